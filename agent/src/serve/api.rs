//! The API for people and their tools: a Unix socket, and optionally a TCP port with nothing but metrics and health.
//!
//! ```text
//! GET  /api/v1/status                        StatusView
//! GET  /api/v1/vms/VM                        VmView
//! GET  /api/v1/events                        server-sent events, each a StatusView, at every change
//! POST /api/v1/reconcile                     look at everything now
//! POST /api/v1/vms/VM/{rebuild,destroy,retry}
//! POST /api/v1/rebuild  /api/v1/destroy      NamedVms: consent for several VMs, each by name
//! PUT  /api/v1/repo/STAGE/FILE.rpm           a package; also on the TCP port, with a token
//! GET  /metrics  /healthz  /readyz           also on the TCP port
//! ```
//!
//! The agent's start-up calls [`open`] and [`serve`]. Whoever the socket admits ([`super::caller`]) may ask for anything; who it was
//! is recorded with each consent. A `POST` is answered when the wish is stored, not when it is done. Errors are an `ErrorView`.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use tokio::net::{TcpListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::caller::Caller;
use super::events::Follow;
use super::limits::InstallLimits;
use super::listen::{self, Moving, Peer};
use super::metrics;
pub use super::socket::{ApiSocket, SocketError, open};
use super::traffic::Traffic;
use super::upload::{self, Door, SharedDoor};
use super::view::{AcceptedView, ErrorView, NamedVms, StatusView, VmView};
use crate::reconcile::{Handle, Request, RequestError, Snapshot};
use crate::spec::VmName;

/// Connections at one time.
const CONNECTIONS: usize = 64;
/// Connections of one address by TCP: a CI server uploads many packages at once, and does not keep others out.
const CONNECTIONS_PER_PEER: usize = 48;
/// A request's head must be complete in this time.
const HEAD: Duration = Duration::from_secs(15);
/// A connection on which nothing moves is closed; followers get a sign of life more often.
const STALL: Duration = Duration::from_secs(60);
/// How long a wish may wait for the loop before it is answered as queued: shorter than any client waits.
const DECISION: Duration = Duration::from_secs(15);
/// Bytes of a request's body.
const BODY: usize = 256 << 10;

/// Answers on the socket. Ends only when it is dropped; the socket's file goes with it.
pub async fn serve(socket: ApiSocket, handle: Handle, traffic: Arc<Traffic>) -> Infallible {
    serve_within(socket, handle, traffic, DECISION).await
}

async fn serve_within(socket: ApiSocket, handle: Handle, traffic: Arc<Traffic>, decision: Duration) -> Infallible {
    let router = api_router(Arc::new(Api { handle, traffic, decision }));
    let free = Arc::new(Semaphore::new(CONNECTIONS));
    let mut tasks = JoinSet::new();
    loop {
        while tasks.try_join_next().is_some() {}
        // Cancel-safe: nothing has been accepted yet. The semaphore is never closed.
        let Ok(permit) = Arc::clone(&free).acquire_owned().await else { continue };
        match socket.listener.accept().await {
            Ok((stream, _)) => {
                let (router, group) = (router.clone(), socket.group);
                tasks.spawn(async move {
                    connection(stream, router, group).await;
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection on the API socket");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }
}

/// Answers on a TCP port, for those who measure: `/metrics`, `/healthz` and `/readyz`, without a word about who may ask, so bind
/// it to loopback or a management network; and for CI, packages from those whose token is in the file `tokens`. Ends only when it is
/// dropped.
pub async fn serve_health(
    listener: TcpListener,
    handle: Handle,
    traffic: Arc<Traffic>,
    tokens: Option<camino::Utf8PathBuf>,
) -> Infallible {
    let limits = InstallLimits {
        connections: CONNECTIONS,
        connections_per_peer: CONNECTIONS_PER_PEER,
        head: HEAD,
        stall: STALL,
        ..Default::default()
    };
    let api = Arc::new(Api { handle, traffic, decision: DECISION });
    let door: SharedDoor = Arc::new(Door::new(tokens));
    let uploads = Router::new()
        .route("/api/v1/repo/{stage}/{file}", axum::routing::put(upload_by_token))
        .with_state((Arc::clone(&api), door));
    let router = health_router(api).merge(uploads).fallback(unknown).method_not_allowed_fallback(wrong_method);
    listen::accept(listener, limits, |_| true, move |stream, peer| listen::connection(stream, peer, router.clone(), limits)).await
}

async fn connection(stream: UnixStream, router: Router, group: Option<u32>) {
    let caller = match stream.peer_cred() {
        Ok(peer) => {
            let (uid, gid) = (peer.uid(), peer.gid());
            let caller = tokio::task::spawn_blocking(move || Caller::admit(uid, gid, group)).await.unwrap_or(None);
            if caller.is_none() {
                tracing::warn!(uid, gid, "refused on the API socket: neither root nor in the group");
            }
            caller
        }
        Err(error) => {
            tracing::warn!(%error, "the API socket's peer has no credentials");
            None
        }
    };
    let router = if caller.is_some() { router } else { Router::new().fallback(refuse) };
    let served = listen::answer(Moving::new(stream, STALL), router, HEAD, move |request| {
        if let Some(caller) = &caller {
            request.extensions_mut().insert(caller.clone());
        }
    });
    if let Err(error) = served.await {
        tracing::debug!(%error, "API connection ended early");
    }
}

struct Api {
    handle: Handle,
    traffic: Arc<Traffic>,
    decision: Duration,
}

type Shared = State<Arc<Api>>;

fn health_router(api: Arc<Api>) -> Router {
    Router::new()
        .route("/metrics", get(metrics_page))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .with_state(api)
}

fn api_router(api: Arc<Api>) -> Router {
    Router::new()
        .route("/api/v1/status", get(status))
        .route("/api/v1/events", get(events))
        .route("/api/v1/reconcile", post(reconcile))
        .route("/api/v1/rebuild", post(rebuild_several))
        .route("/api/v1/destroy", post(destroy_several))
        .route("/api/v1/vms/{vm}", get(vm))
        .route("/api/v1/vms/{vm}/rebuild", post(rebuild))
        .route("/api/v1/vms/{vm}/destroy", post(destroy))
        .route("/api/v1/vms/{vm}/retry", post(retry))
        .route("/api/v1/repo/{stage}/{file}", axum::routing::put(upload_by_caller))
        .with_state(Arc::clone(&api))
        .merge(health_router(api))
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .layer(axum::extract::DefaultBodyLimit::max(BODY))
}

async fn refuse() -> Answer {
    Err(Refusal(StatusCode::FORBIDDEN, "you are neither root nor in the group that may use the agent's socket".to_owned()))
}

async fn unknown() -> Answer {
    Err(Refusal(StatusCode::NOT_FOUND, "there is no such path: see docs/api.md".to_owned()))
}

async fn wrong_method() -> Answer {
    Err(Refusal(StatusCode::METHOD_NOT_ALLOWED, "this path wants another method: see docs/api.md".to_owned()))
}

/// What is not done and why.
struct Refusal(StatusCode, String);

impl axum::response::IntoResponse for Refusal {
    fn into_response(self) -> Response<Body> {
        json(self.0, &ErrorView { error: self.1 })
    }
}

type Answer = Result<Response<Body>, Refusal>;

fn json(status: StatusCode, value: &impl serde::Serialize) -> Response<Body> {
    let mut response = match serde_json::to_vec(value) {
        Ok(bytes) => Response::new(Body::from(bytes)),
        Err(error) => {
            tracing::error!(%error, "a view cannot be written as JSON");
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            return response;
        }
    };
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn text(status: StatusCode, kind: &'static str, text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn parse_vm(name: &str) -> Result<VmName, Refusal> {
    name.parse().map_err(|error| Refusal(StatusCode::BAD_REQUEST, format!("{name:?} is {error}")))
}

impl Api {
    fn snapshot(&self) -> Result<Arc<Snapshot>, Refusal> {
        let early = || {
            Refusal(StatusCode::SERVICE_UNAVAILABLE, "the agent has just started: its first pass has not ended yet".to_owned())
        };
        self.handle.snapshot().ok_or_else(early)
    }

    async fn request(&self, caller: &Caller, request: Request) -> Answer {
        let by = caller.name.clone();
        // A task of its own: a wish that was told to be queued is not taken back when its asker goes away.
        let handle = self.handle.clone();
        let asking = tokio::spawn(async move { handle.request(request).await });
        let Ok(answered) = tokio::time::timeout(self.decision, asking).await else {
            return Ok(json(StatusCode::ACCEPTED, &AcceptedView { by, queued: true }));
        };
        match answered.unwrap_or(Err(RequestError::ShuttingDown)) {
            Ok(()) => Ok(json(StatusCode::ACCEPTED, &AcceptedView { by, queued: false })),
            Err(error) => {
                let status = match &error {
                    RequestError::UnknownVm { .. } => StatusCode::NOT_FOUND,
                    RequestError::StillInSite { .. } | RequestError::NotNow { .. } => StatusCode::CONFLICT,
                    RequestError::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
                    RequestError::ShuttingDown => StatusCode::SERVICE_UNAVAILABLE,
                };
                Err(Refusal(status, error.to_string()))
            }
        }
    }
}

async fn status(State(api): Shared) -> Answer {
    Ok(json(StatusCode::OK, &StatusView::of(&*api.snapshot()?, api.handle.now(), api.handle.looking_since())))
}

async fn vm(State(api): Shared, Path(name): Path<String>) -> Answer {
    let vm = parse_vm(&name)?;
    let snapshot = api.snapshot()?;
    let asked = tokio::task::spawn_blocking({
        let (api, vm) = (Arc::clone(&api), vm.clone());
        move || api.handle.timeline(&vm).map_err(|error| error.to_string())
    });
    let timeline = asked.await.unwrap_or_else(|_| Err("the request was interrupted".to_owned()));
    let timeline = timeline.map_err(|reason| Refusal(StatusCode::INTERNAL_SERVER_ERROR, reason))?;
    let phases: Vec<_> = timeline.into_iter().map(|entry| (entry.attempt, entry.phase, entry.at, entry.note)).collect();
    let Some(view) = VmView::of(&snapshot, &vm, &phases, api.handle.now()) else {
        let hint = nearest(&vm, &snapshot).map(|name| format!(", did you mean `{name}`?")).unwrap_or_default();
        return Err(Refusal(StatusCode::NOT_FOUND, format!("there is no VM `{vm}` on this hypervisor{hint}")));
    };
    Ok(json(StatusCode::OK, &view))
}

fn nearest<'s>(vm: &VmName, snapshot: &'s Snapshot) -> Option<&'s VmName> {
    let scored = snapshot.vms.keys().map(|name| (strsim::osa_distance(vm.as_str(), name.as_str()), name));
    scored.min().filter(|(distance, _)| *distance <= 2).map(|(_, name)| name)
}

async fn events(State(api): Shared) -> Response<Body> {
    let mut response = Response::new(Body::new(Follow::new(api.handle.subscribe())));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn reconcile(State(api): Shared, Extension(caller): Extension<Caller>) -> Answer {
    api.request(&caller, Request::Reconcile).await
}

async fn rebuild(State(api): Shared, Extension(caller): Extension<Caller>, Path(name): Path<String>) -> Answer {
    let vms = vec![parse_vm(&name)?];
    api.request(&caller, Request::Rebuild { vms, by: caller.name.clone() }).await
}

async fn destroy(State(api): Shared, Extension(caller): Extension<Caller>, Path(name): Path<String>) -> Answer {
    let vms = vec![parse_vm(&name)?];
    api.request(&caller, Request::Destroy { vms, by: caller.name.clone() }).await
}

async fn retry(State(api): Shared, Extension(caller): Extension<Caller>, Path(name): Path<String>) -> Answer {
    let vm = parse_vm(&name)?;
    api.request(&caller, Request::Retry { vm, by: caller.name.clone() }).await
}

async fn rebuild_several(
    State(api): Shared,
    Extension(caller): Extension<Caller>,
    body: Result<Json<NamedVms>, JsonRejection>,
) -> Answer {
    let vms = named(body)?;
    api.request(&caller, Request::Rebuild { vms, by: caller.name.clone() }).await
}

async fn destroy_several(
    State(api): Shared,
    Extension(caller): Extension<Caller>,
    body: Result<Json<NamedVms>, JsonRejection>,
) -> Answer {
    let vms = named(body)?;
    api.request(&caller, Request::Destroy { vms, by: caller.name.clone() }).await
}

async fn upload_by_caller(
    State(api): Shared,
    Extension(caller): Extension<Caller>,
    Path((stage, file)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    upload_as(&api, caller.name, stage, file, &headers, body).await
}

async fn upload_by_token(
    State((api, door)): State<(Arc<Api>, SharedDoor)>,
    Extension(Peer(peer)): Extension<Peer>,
    Path((stage, file)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let by = door.admit(peer, &headers, &stage).map_err(|(status, reason)| Refusal(status, reason))?;
    upload_as(&api, by, stage, file, &headers, body).await
}

async fn upload_as(api: &Api, by: String, stage: String, file: String, headers: &HeaderMap, body: Body) -> Answer {
    let taken = upload::take(api.handle.clone(), stage, file, by, headers, body).await;
    taken.map(|(status, view)| json(status, &view)).map_err(|(status, reason)| Refusal(status, reason))
}

fn named(body: Result<Json<NamedVms>, JsonRejection>) -> Result<Vec<VmName>, Refusal> {
    let Json(named) = body.map_err(|error| Refusal(error.status(), error.body_text()))?;
    if named.vms.is_empty() {
        return Err(Refusal(StatusCode::BAD_REQUEST, "no VM is named: consent names each VM".to_owned()));
    }
    named.vms.iter().map(|name| parse_vm(name)).collect()
}

async fn metrics_page(State(api): Shared) -> Response<Body> {
    let handle = api.handle.clone();
    let judged = tokio::task::spawn_blocking(move || handle.autosign_verdicts()).await.unwrap_or_default();
    let page = metrics::render(api.handle.snapshot().as_deref(), &api.traffic, &judged, api.handle.now());
    text(StatusCode::OK, metrics::CONTENT_TYPE, page)
}

async fn healthz(State(api): Shared) -> Response<Body> {
    if api.handle.is_running() {
        text(StatusCode::OK, "text/plain", "ok\n".to_owned())
    } else {
        text(StatusCode::SERVICE_UNAVAILABLE, "text/plain", "the loop has ended\n".to_owned())
    }
}

async fn readyz(State(api): Shared) -> Response<Body> {
    let not_yet = match api.handle.snapshot() {
        _ if !api.handle.is_running() => Some("the loop has ended".to_owned()),
        None => Some("the first pass has not ended yet".to_owned()),
        Some(snapshot) => match &snapshot.observed.hypervisor {
            crate::observed::HypervisorState::Unreachable { reason } => Some(format!("libvirt cannot be reached: {reason}")),
            crate::observed::HypervisorState::Reachable(_) => None,
        },
    };
    match not_yet {
        None => text(StatusCode::OK, "text/plain", "ok\n".to_owned()),
        Some(reason) => text(StatusCode::SERVICE_UNAVAILABLE, "text/plain", format!("{reason}\n")),
    }
}

#[cfg(test)]
mod tests;
