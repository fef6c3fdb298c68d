//! HTTPS as Puppet's services speak it: who answers has a certificate of the site's CA, and so have we.
//!
//! The CA's client and that of PuppetDB make their agents here. What answers is trusted only as far as TLS has proved it; sizes and
//! times are bounded all the same. No proxy is asked and no redirect followed: a certificate is not to be shown to anybody else.

use std::io::{self, Read as _};
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};

use crate::observed::clean_line;
use crate::spec::PuppetServerSpec;

/// How long until there is a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// Idle connections older than this are not used again: the server may have closed them.
const IDLE: Duration = Duration::from_secs(2);
/// Characters of an answer that are shown.
const WORDS: usize = 200;
/// A file of certificates larger than this is something else.
const PEM: u64 = 1 << 20;

/// A file that is needed to talk to a service cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("read the {what} `{path}`: {reason}; {remedy}")]
pub struct PemFault {
    /// `CA's certificate`, `client certificate`, `client key`.
    pub what: &'static str,
    /// The file.
    pub path: Utf8PathBuf,
    /// The system's words, or what the file is not. Never its content.
    pub reason: String,
    /// What to do.
    pub remedy: &'static str,
}

/// Why a call had no answer.
pub(super) enum CallFault {
    /// No connection.
    Unreachable(String),
    /// A connection, and no answer within so many seconds.
    TooSlow(u64),
    /// One of the two does not trust the other.
    Untrusted(String),
}

/// An answer, read to its end or to its bound.
pub(super) struct Answer {
    pub(super) status: u16,
    /// The header that every answer of puppetserver's own services has, and no other web server's.
    pub(super) from_puppet: bool,
    pub(super) body: Vec<u8>,
}

/// Calls with this deadline each.
pub(super) struct Https {
    pub(super) agent: ureq::Agent,
    deadline: Duration,
}

impl Https {
    /// With the certificates of `server`, read anew, so that renewed ones need no restart. Connects to nothing yet.
    pub(super) fn new(server: &PuppetServerSpec, deadline: Duration) -> Result<Self, PemFault> {
        let trust = "copy `ca_crt.pem` of the CA there";
        let roots = certificates(&server.ca_certificate, "CA's certificate", trust)?;
        let ours = "make one as docs/puppet-ca.md says";
        let chain = certificates(&server.client_certificate, "client certificate", ours)?;
        let key = private_key(&server.client_key, ours)?;
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::new_with_certs(&roots))
            .client_cert(Some(ClientCert::new_with_certs(&chain, key)))
            .build();
        let agent = ureq::Agent::config_builder()
            .tls_config(tls)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .timeout_global(Some(deadline))
            .timeout_connect(Some(CONNECT.min(deadline)))
            .max_idle_connections(1)
            .max_idle_age(IDLE)
            .user_agent(concat!("rekindle/", env!("CARGO_PKG_VERSION")))
            .accept_encoding("identity")
            .build()
            .into();
        Ok(Self { agent, deadline })
    }

    /// Reads at most `most` bytes of what was answered.
    pub(super) fn read(
        &self,
        sent: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
        most: u64,
    ) -> Result<Answer, CallFault> {
        let response = sent.map_err(|error| self.failed(&error))?;
        let status = response.status().as_u16();
        let from_puppet = response.headers().contains_key("x-puppet-version");
        let mut body = Vec::new();
        let mut reader = response.into_body().into_with_config().limit(u64::MAX).reader().take(most);
        reader.read_to_end(&mut body).map_err(|error| self.broke_off(&error))?;
        Ok(Answer { status, from_puppet, body })
    }

    fn failed(&self, error: &ureq::Error) -> CallFault {
        match error {
            ureq::Error::Timeout(ureq::Timeout::Connect | ureq::Timeout::Resolve) => {
                CallFault::Unreachable("no connection in time".to_owned())
            }
            ureq::Error::Timeout(_) => CallFault::TooSlow(self.deadline.as_secs().max(1)),
            ureq::Error::Io(error) => self.broke_off(error),
            ureq::Error::HostNotFound => CallFault::Unreachable("no such host".to_owned()),
            ureq::Error::Tls(reason) => CallFault::Untrusted((*reason).to_owned()),
            ureq::Error::Rustls(error) => CallFault::Untrusted(error.to_string()),
            other => CallFault::Unreachable(other.to_string()),
        }
    }

    /// An I/O error may wrap a timeout or what TLS says.
    fn broke_off(&self, error: &io::Error) -> CallFault {
        if let Some(inner) = error.get_ref().and_then(|inner| inner.downcast_ref::<ureq::Error>()) {
            return self.failed(inner);
        }
        match error.kind() {
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => CallFault::TooSlow(self.deadline.as_secs().max(1)),
            // rustls hands its alerts and certificate errors through as invalid data.
            io::ErrorKind::InvalidData => CallFault::Untrusted(error.to_string()),
            io::ErrorKind::ConnectionRefused => CallFault::Unreachable("nothing listens there".to_owned()),
            // With TLS 1.3 the client has begun to ask when the server turns its certificate down.
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => CallFault::Unreachable(format!(
                "it broke the connection off ({error}); if it goes on doing so, it may not trust `client_certificate`"
            )),
            _ => CallFault::Unreachable(error.to_string()),
        }
    }
}

impl Answer {
    /// The body as text.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Status and begin of the body, safe to show.
    pub(super) fn words(&self) -> String {
        let body: String = clean_line(&self.text().replace(['\n', '\r'], " ")).chars().take(WORDS).collect();
        if body.is_empty() { format!("with status {}", self.status) } else { format!("with status {}, {body:?}", self.status) }
    }
}

fn read_pem(path: &Utf8Path, what: &'static str, remedy: &'static str) -> Result<Vec<u8>, PemFault> {
    let fault = |reason: String| PemFault { what, path: path.to_owned(), reason, remedy };
    let file = std::fs::File::open(path).map_err(|error| fault(error.to_string()))?;
    let mut text = Vec::new();
    file.take(PEM).read_to_end(&mut text).map_err(|error| fault(error.to_string()))?;
    Ok(text)
}

fn certificates(path: &Utf8Path, what: &'static str, remedy: &'static str) -> Result<Vec<Certificate<'static>>, PemFault> {
    let text = read_pem(path, what, remedy)?;
    let found = parse_pem(&text).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    });
    let found: Vec<_> = found.collect();
    if found.is_empty() {
        let reason = "there is no certificate in it (PEM)".to_owned();
        return Err(PemFault { what, path: path.to_owned(), reason, remedy });
    }
    Ok(found)
}

fn private_key(path: &Utf8Path, remedy: &'static str) -> Result<PrivateKey<'static>, PemFault> {
    let text = read_pem(path, "client key", remedy)?;
    // The parser's words could quote the file: they are not repeated.
    PrivateKey::from_pem(&text).map_err(|_| PemFault {
        what: "client key",
        path: path.to_owned(),
        reason: "there is no private key without a passphrase in it (PEM)".to_owned(),
        remedy,
    })
}
