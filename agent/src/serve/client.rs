//! A typed client of the API socket, for the command line and for tests.
//!
//! One connection for each request; nothing is kept. Every error says what to try next.

use std::io;
use std::ops::ControlFlow;
use std::time::Duration;

use axum::http::{Method, Request, StatusCode};
use bytes::Bytes;
use camino::{Utf8Path, Utf8PathBuf};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

use super::view::{AcceptedView, ErrorView, NamedVms, StatusView, VmView};
use crate::spec::VmName;

/// An answer takes this long at most; the loop answers requests between two passes.
const PATIENCE: Duration = Duration::from_secs(30);
/// A follower hears something this often, or the agent is gone.
const SILENCE: Duration = Duration::from_secs(45);
/// Bytes of an answer: a status of 10,000 VMs fits.
const ANSWER: usize = 32 << 20;

/// Why the agent did not answer as asked.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens.
    #[error("no agent answers at `{socket}`: is it running? `systemctl status rekindle` says; `--run-dir` points elsewhere")]
    NoAgent {
        /// The socket.
        socket: Utf8PathBuf,
        /// The system's words.
        #[source]
        source: io::Error,
    },
    /// The socket is there but not for us.
    #[error("the agent's socket `{socket}` is not open to you: be root or in the group `rekindle`")]
    NotAllowed {
        /// The socket.
        socket: Utf8PathBuf,
    },
    /// The agent has just started and knows nothing yet.
    #[error("{0}")]
    NotYet(String),
    /// There is no such VM.
    #[error("{0}")]
    NotFound(String),
    /// The agent refused, and said why.
    #[error("{0}")]
    Refused(String),
    /// No answer.
    #[error("the agent at `{socket}` does not answer within {} s: see its log (`journalctl -u rekindle`)", PATIENCE.as_secs())]
    TooSlow {
        /// The socket.
        socket: Utf8PathBuf,
    },
    /// An answer that makes no sense to this version.
    #[error(
        "the agent at `{socket}` answers in a way that this version of the client does not understand: {reason}; are both of the same version?"
    )]
    Unexpected {
        /// The socket.
        socket: Utf8PathBuf,
        /// What.
        reason: String,
    },
}

/// A client. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ApiClient {
    socket: Utf8PathBuf,
}

impl ApiClient {
    /// A client of the agent with this socket; nothing is asked yet.
    pub fn new(socket: &Utf8Path) -> Self {
        Self { socket: socket.to_owned() }
    }

    /// What everything is doing.
    pub async fn status(&self) -> Result<StatusView, ClientError> {
        self.ask(Method::GET, "/api/v1/status", None).await
    }

    /// All about one VM.
    pub async fn vm(&self, vm: &VmName) -> Result<VmView, ClientError> {
        self.ask(Method::GET, &format!("/api/v1/vms/{vm}"), None).await
    }

    /// Has the agent read the site and look at everything now.
    pub async fn reconcile(&self) -> Result<AcceptedView, ClientError> {
        self.ask(Method::POST, "/api/v1/reconcile", None).await
    }

    /// Consents to the rebuild of these VMs: disks not marked `keep` are destroyed.
    pub async fn rebuild(&self, vms: &[VmName]) -> Result<AcceptedView, ClientError> {
        self.ask(Method::POST, "/api/v1/rebuild", Some(vms)).await
    }

    /// Consents to the destruction of these VMs, which have left the site.
    pub async fn destroy(&self, vms: &[VmName]) -> Result<AcceptedView, ClientError> {
        self.ask(Method::POST, "/api/v1/destroy", Some(vms)).await
    }

    /// Has a failed VM tried again with a new budget.
    pub async fn retry(&self, vm: &VmName) -> Result<AcceptedView, ClientError> {
        self.ask(Method::POST, &format!("/api/v1/vms/{vm}/retry"), None).await
    }

    /// Calls `each` with the status now and after each pass, until it breaks. Ends with an error when the agent goes away.
    pub async fn follow(&self, mut each: impl FnMut(StatusView) -> ControlFlow<()>) -> Result<(), ClientError> {
        let gone = |reason: String| self.unexpected(format!("the events ended: {reason}"));
        let mut body = self.send(Method::GET, "/api/v1/events", None).await?.into_body();
        let mut text = Vec::new();
        loop {
            let frame = tokio::time::timeout(SILENCE, body.frame()).await;
            let frame = frame.map_err(|_| ClientError::TooSlow { socket: self.socket.clone() })?;
            let frame = frame.ok_or_else(|| gone("the agent has stopped".to_owned()))?;
            let frame = frame.map_err(|error| gone(error.to_string()))?;
            text.extend_from_slice(frame.data_ref().map_or(&[], |data| data.as_ref()));
            if text.len() > ANSWER {
                return Err(self.unexpected("an event without end".to_owned()));
            }
            while let Some(end) = text.windows(2).position(|two| two == b"\n\n") {
                let event: Vec<u8> = text.drain(..end + 2).collect();
                let event = String::from_utf8_lossy(&event);
                let Some(data) = event.lines().find_map(|line| line.strip_prefix("data: ")) else { continue };
                let status = serde_json::from_str(data).map_err(|error| self.unexpected(error.to_string()))?;
                if each(status).is_break() {
                    return Ok(());
                }
            }
        }
    }

    async fn ask<T: DeserializeOwned>(&self, method: Method, path: &str, vms: Option<&[VmName]>) -> Result<T, ClientError> {
        let asking = async {
            let response = self.send(method, path, vms).await?;
            let bytes = self.collect(response.into_body()).await?;
            serde_json::from_slice(&bytes).map_err(|error| self.unexpected(error.to_string()))
        };
        self.patiently(asking).await
    }

    /// Sends a request; an answer that is not 2xx is an error with its words.
    async fn send(
        &self,
        method: Method,
        path: &str,
        vms: Option<&[VmName]>,
    ) -> Result<axum::http::Response<Incoming>, ClientError> {
        let body = match vms {
            Some(vms) => serde_json::to_vec(&NamedVms { vms: vms.iter().map(ToString::to_string).collect() })
                .map_err(|error| self.unexpected(error.to_string()))?,
            None => Vec::new(),
        };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "rekindle")
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| self.unexpected(error.to_string()))?;
        let sending = async {
            let stream = UnixStream::connect(&self.socket).await.map_err(|error| self.cannot_connect(error))?;
            let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
                .await
                .map_err(|error| self.unexpected(error.to_string()))?;
            // Ends with the connection, which ends with the response's body.
            tokio::spawn(connection);
            sender.send_request(request).await.map_err(|error| self.unexpected(error.to_string()))
        };
        let response = self.patiently(sending).await?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let bytes = self.patiently(self.collect(response.into_body())).await?;
        let words = serde_json::from_slice::<ErrorView>(&bytes).map(|view| view.error);
        let words = words.unwrap_or_else(|_| format!("the agent answers with status {status}"));
        Err(match status {
            StatusCode::FORBIDDEN => ClientError::NotAllowed { socket: self.socket.clone() },
            StatusCode::NOT_FOUND => ClientError::NotFound(words),
            StatusCode::SERVICE_UNAVAILABLE => ClientError::NotYet(words),
            _ => ClientError::Refused(words),
        })
    }

    async fn collect(&self, body: Incoming) -> Result<Bytes, ClientError> {
        let collected = Limited::new(body, ANSWER).collect().await;
        collected.map(http_body_util::Collected::to_bytes).map_err(|error| self.unexpected(error.to_string()))
    }

    async fn patiently<T>(&self, work: impl Future<Output = Result<T, ClientError>>) -> Result<T, ClientError> {
        let done = tokio::time::timeout(PATIENCE, work).await;
        done.unwrap_or_else(|_| Err(ClientError::TooSlow { socket: self.socket.clone() }))
    }

    fn cannot_connect(&self, source: io::Error) -> ClientError {
        match source.kind() {
            io::ErrorKind::PermissionDenied => ClientError::NotAllowed { socket: self.socket.clone() },
            _ => ClientError::NoAgent { socket: self.socket.clone(), source },
        }
    }

    fn unexpected(&self, reason: String) -> ClientError {
        ClientError::Unexpected { socket: self.socket.clone(), reason }
    }
}
