//! The report listener: where a Puppet server's `http` report processor forwards the reports of VMs.
//!
//! The agent's start-up calls [`serve`], where the configuration names an address. A third listener and not a path of the others:
//! who posts is neither a guest nor a person. It cannot say who it is, so that only named addresses are let in, and what a report
//! says is matched with the VM (`reconcile`'s install desk). Answers are of no use to Puppet, which does not repeat itself. One of a VM
//! that is on another hypervisor goes there (`relay.rs`).

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Response, StatusCode};
use axum::routing::post;
use axum::{Extension, Router};
use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::body::read_all;
use super::limits::InstallLimits;
use super::listen::{self, Peer};
use super::relay::{self, MARK, Parcel, Relay};
use super::traffic::Traffic;
use crate::reconcile::{Handle, InstallDesk, ReportRefused, ReportTaken};

/// Bytes of a report.
const REPORT: usize = 4 << 20;
/// Reports that are read at one time: each holds its text.
const AT_ONCE: usize = 8;
/// The path of `reporturl`.
const PATH: &str = "/puppet/report";

/// Answers the addresses of `from`, or where there are none, this host, on `listener`. Ends only when it is dropped.
pub async fn serve(listener: TcpListener, handle: Handle, from: Vec<IpAddr>, traffic: Arc<Traffic>) -> Infallible {
    let limits = InstallLimits { connections: 64, connections_per_peer: 64, ..Default::default() };
    let (relay, courier) = relay::relay(&traffic, PATH);
    let (desk, reading) = (Arc::clone(handle.desk()), Semaphore::new(AT_ONCE));
    let reports = Reports { desk, limits, traffic: Arc::clone(&traffic), reading, relay };
    let router = Router::new().route(PATH, post(report).put(report)).with_state(Arc::new(reports));
    let admit = move |peer: IpAddr| {
        let admitted = if from.is_empty() { peer.is_loopback() } else { from.contains(&peer) };
        if !admitted {
            traffic.reports.strangers.add();
            tracing::warn!(%peer, "connection to the report listener refused: `puppet_reports.from` does not name the address");
        }
        admitted
    };
    let serving =
        listen::accept(listener, limits, admit, move |stream, peer| listen::connection(stream, peer, router.clone(), limits));
    tokio::select! {
        never = serving => never,
        never = courier.run() => never,
    }
}

struct Reports {
    desk: Arc<InstallDesk>,
    limits: InstallLimits,
    traffic: Arc<Traffic>,
    reading: Semaphore,
    relay: Relay,
}

async fn report(
    State(reports): State<Arc<Reports>>,
    Extension(Peer(peer)): Extension<Peer>,
    headers: HeaderMap,
    body: Body,
) -> Response<Body> {
    // Cancel-safe: nothing has been read yet. The semaphore is never closed.
    let Ok(_permit) = reports.reading.acquire().await else { return status(StatusCode::SERVICE_UNAVAILABLE) };
    let bytes = match read_all(body, REPORT, reports.limits.body).await {
        Ok(bytes) => bytes,
        Err(refused) => {
            reports.traffic.reports.refused("size");
            tracing::warn!(%peer, status = %refused, "a forwarded Puppet report is turned away: it is too large, or not sent to its end");
            return status(refused);
        }
    };
    let desk = Arc::clone(&reports.desk);
    let bytes = Bytes::from(bytes);
    let read = bytes.clone();
    let taken = tokio::task::spawn_blocking(move || desk.forwarded_report(&read)).await;
    match taken.unwrap_or_else(|_| Err(ReportRefused::Unavailable("the request was interrupted".to_owned()))) {
        Ok(taken) => {
            reports.traffic.reports.taken();
            let (ReportTaken::New(vm) | ReportTaken::Known(vm)) = taken;
            tracing::debug!(%vm, "heard a Puppet report");
            status(StatusCode::NO_CONTENT)
        }
        Err(ReportRefused::Elsewhere { vm, hypervisor, listener: Some(to) }) if !headers.contains_key(MARK) => {
            let queued = reports.relay.pass_on(Parcel { vm, hypervisor, to, report: bytes });
            status(if queued { StatusCode::ACCEPTED } else { StatusCode::SERVICE_UNAVAILABLE })
        }
        Err(refused) => {
            reports.traffic.reports.refused(refused.kind());
            tracing::warn!(%peer, reason = %refused, "a forwarded Puppet report is turned away");
            let gone = matches!(refused, ReportRefused::Unavailable(_));
            status(if gone { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::UNPROCESSABLE_ENTITY })
        }
    }
}

fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests;
