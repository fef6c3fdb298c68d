//! Passes reports on: `reporturl` is one address, and several hypervisors stand behind it.
//!
//! The report listener queues here what is of a VM that the site has on another hypervisor, and that agent's report listener gets it
//! once. Best effort, as forwarding is: what does not fit or cannot be delivered is counted and forgotten. There is no loop: a report
//! that was passed on says so ([`MARK`]), and is never passed on again.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::Request;
use bytes::Bytes;
use http_body_util::Full;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::traffic::Traffic;
use crate::spec::{HypervisorName, VmName};

/// The header of a report that was passed on.
pub(super) const MARK: &str = "x-rekindle-passed-on";
/// Reports that wait; each has at most 4 MiB.
const QUEUE: usize = 16;
/// How long one delivery may take.
const DEADLINE: Duration = Duration::from_secs(5);
/// A hypervisor that could not be reached is not tried for this long: others' reports do not wait for it.
const PAUSE: Duration = Duration::from_secs(30);

/// A report on its way.
#[derive(Debug)]
pub(super) struct Parcel {
    pub(super) vm: VmName,
    pub(super) hypervisor: HypervisorName,
    pub(super) to: SocketAddr,
    pub(super) report: Bytes,
}

/// The end that takes parcels.
#[derive(Debug, Clone)]
pub(super) struct Relay {
    sender: mpsc::Sender<Parcel>,
    traffic: Arc<Traffic>,
}

/// The end that delivers them, one after the other.
pub(super) struct Courier {
    parcels: mpsc::Receiver<Parcel>,
    down: HashMap<SocketAddr, Instant>,
    traffic: Arc<Traffic>,
    path: &'static str,
}

/// Both ends; reports are posted to `path`.
pub(super) fn relay(traffic: &Arc<Traffic>, path: &'static str) -> (Relay, Courier) {
    let (sender, parcels) = mpsc::channel(QUEUE);
    let courier = Courier { parcels, down: HashMap::new(), traffic: Arc::clone(traffic), path };
    (Relay { sender, traffic: Arc::clone(traffic) }, courier)
}

impl Relay {
    /// Queues a report. False: too many wait already.
    pub(super) fn pass_on(&self, parcel: Parcel) -> bool {
        let Err(error) = self.sender.try_send(parcel) else { return true };
        let (mpsc::error::TrySendError::Full(parcel) | mpsc::error::TrySendError::Closed(parcel)) = error;
        self.traffic.reports.lost.add();
        tracing::warn!(vm = %parcel.vm, hypervisor = %parcel.hypervisor, "a Puppet report is lost: too many wait to be passed on");
        false
    }
}

impl Courier {
    /// Delivers for as long as somebody may queue.
    pub(super) async fn run(mut self) -> Infallible {
        // Cancel-safe: a parcel that was taken is delivered or lost; the caller ends it only with the whole listener.
        while let Some(parcel) = self.parcels.recv().await {
            self.down.retain(|_, since| since.elapsed() < PAUSE);
            if self.down.contains_key(&parcel.to) {
                self.traffic.reports.lost.add();
                tracing::debug!(vm = %parcel.vm, hypervisor = %parcel.hypervisor, "a Puppet report is lost: its hypervisor is down");
                continue;
            }
            let delivered = tokio::time::timeout(DEADLINE, deliver(&parcel, self.path)).await;
            match delivered.unwrap_or_else(|_| Err(format!("no answer within {} s", DEADLINE.as_secs()))) {
                Ok(status) => {
                    self.traffic.reports.passed_on.add();
                    tracing::debug!(vm = %parcel.vm, hypervisor = %parcel.hypervisor, status, "a Puppet report is passed on");
                }
                Err(reason) => {
                    self.traffic.reports.lost.add();
                    self.down.insert(parcel.to, Instant::now());
                    let (vm, hypervisor, to) = (&parcel.vm, &parcel.hypervisor, parcel.to);
                    tracing::warn!(%vm, %hypervisor, %to, reason, "a Puppet report cannot be passed on: does that agent listen there?");
                }
            }
        }
        std::future::pending().await
    }
}

/// The status that the other agent answers with: what it thinks of the report is its own matter.
async fn deliver(parcel: &Parcel, path: &str) -> Result<u16, String> {
    let said = |error: &dyn std::error::Error| error.to_string();
    let stream = TcpStream::connect(parcel.to).await.map_err(|error| said(&error))?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| said(&error))?;
    // Ends with the request: nothing is kept.
    let connection = tokio::spawn(connection);
    let request = Request::post(path)
        .header("host", parcel.to.to_string())
        .header("content-type", "application/x-yaml")
        .header("connection", "close")
        .header(MARK, "1")
        .body(Full::new(parcel.report.clone()))
        .map_err(|error| said(&error))?;
    let answer = sender.send_request(request).await.map_err(|error| said(&error));
    connection.abort();
    Ok(answer?.status().as_u16())
}
