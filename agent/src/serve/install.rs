//! The install listener: what guests fetch and tell, at the address that their network gives the hypervisor.
//!
//! ```text
//! GET  /ks/TOKEN                            the kickstart
//! POST /install/TOKEN/stage/STAGE           pre, storage, packages, post
//! POST /install/TOKEN/failed/SECTION        pre, post, onerror, traceback, first-boot; body: the end of a log
//! POST /install/TOKEN/first-boot            the installed system runs
//! POST /install/TOKEN/packages              lines NAME<tab>EVR<tab>ARCH<tab>SHA256HEADER
//! POST /vms/VM/packages                     the same, later; with the credential of the installed system
//! GET  /install/TOKEN/puppet.tar.gz         the site's Puppet code and the VM's data
//! POST /install/TOKEN/report                Puppet's report (YAML)
//! GET  /os/OS/…  /repo/OWNER/NAME/…         local install trees and repositories
//! GET  /snapshot/OS/stages/STAGE/NAME/…     frozen repositories of an OS
//! ```
//!
//! The agent's start-up calls [`serve`]. Guests are not trusted: whoever is in no network of the site gets no answer at all;
//! whatever is not right about a token is 404 with an empty body; a token never gets into a log. What follows from what a guest
//! tells is decided by the loop, never here.

mod packages;

use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use axum::routing::{get, post};
use axum::{Extension, Router};
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};

use super::body::{clean_text, read_all, read_tail};
use super::direct::{Direct, Next};
use super::files::{self, Reply};
use super::limits::{InstallLimits, Rate, RateLimit, WRONG_TOKEN_COST};
use super::listen::{self, Peer};
use super::pins::{self, Pins};
use super::traffic::Traffic;
use crate::observed::{GuestEventKind, InstallStage};
use crate::reconcile::{Denied, Handle, InstallDesk};
use crate::spec::{MacAddr, Token, VmName};

/// Bytes kept of the log that comes with a failure.
const FAILURE_TAIL: usize = 64 << 10;
/// Bytes of a Puppet report.
const REPORT: usize = 4 << 20;
/// Bytes of a body that nobody reads.
const IGNORED: usize = 4 << 10;
/// The sections that may report a failure.
const SECTIONS: [&str; 5] = ["pre", "post", "onerror", "traceback", "first-boot"];

/// Answers guests on `listener`. Ends only when it is dropped, and closes every connection then.
pub async fn serve(listener: TcpListener, handle: Handle, limits: InstallLimits, traffic: Arc<Traffic>) -> Infallible {
    let desk = Arc::clone(handle.desk());
    let counts = Arc::clone(&traffic);
    let guests = Arc::new(Guests {
        desk: Arc::clone(&desk),
        handle,
        limits,
        tokens: RateLimit::new(limits.token),
        files: RateLimit::new(limits.files),
        pins: Pins::default(),
        traffic,
    });
    let router = router(Arc::clone(&guests));
    // A guest whose address is not as the site says would only see closed connections: its operator should read why.
    let said = RateLimit::new(Rate { burst: 2, per_second: 0 });
    let admit = move |peer| {
        let admitted = desk.admits(peer);
        if !admitted {
            counts.foreign.add();
            if said.take(peer, 1) {
                tracing::warn!(%peer, "connection to the install listener refused: the address is in no network of the site");
            }
        }
        admitted
    };
    listen::accept(listener, limits, admit, move |stream, peer| connection(stream, peer, router.clone(), Arc::clone(&guests)))
        .await
}

/// Answers one connection: files as long as only files are asked for, then everything by the router.
async fn connection(stream: TcpStream, peer: IpAddr, router: Router, guests: Arc<Guests>) {
    match guests.files_only(&stream, peer).await {
        Ok(Some(read)) => {
            let (reader, writer) = stream.into_split();
            let stream = tokio::io::join(std::io::Cursor::new(read).chain(reader), writer);
            listen::connection(stream, peer, router, guests.limits).await;
        }
        Ok(None) => {}
        Err(error) => tracing::debug!(%peer, %error, "connection ended early"),
    }
}

struct Guests {
    desk: Arc<InstallDesk>,
    handle: Handle,
    limits: InstallLimits,
    tokens: RateLimit,
    files: RateLimit,
    pins: Pins,
    traffic: Arc<Traffic>,
}

type Guarded = State<Arc<Guests>>;

fn router(guests: Arc<Guests>) -> Router {
    Router::new()
        .route("/ks/{token}", get(kickstart))
        .route("/install/{token}/stage/{stage}", post(stage))
        .route("/install/{token}/failed/{section}", post(failed))
        .route("/install/{token}/first-boot", post(first_boot))
        .route("/install/{token}/packages", post(packages::at_first_boot))
        .route("/vms/{vm}/packages", post(packages::later))
        .route("/install/{token}/puppet.tar.gz", get(puppet_archive))
        .route("/install/{token}/report", post(report).put(report))
        .fallback(file)
        .with_state(guests)
}

async fn kickstart(
    State(guests): Guarded,
    Extension(Peer(peer)): Extension<Peer>,
    Path(token): Path<String>,
    method: Method,
    headers: HeaderMap,
) -> Response<Body> {
    if method != Method::GET {
        // A look without fetching is not a fetch, and there is nothing to look at.
        return status(StatusCode::METHOD_NOT_ALLOWED);
    }
    let macs = provisioning_macs(&headers);
    let asked = guests.with_token(peer, token, "a request for the kickstart", move |desk, token| desk.kickstart(token, &macs));
    match asked.await {
        Ok(text) => {
            guests.traffic.kickstarts.add();
            private("text/plain; charset=utf-8", Body::from(text))
        }
        Err(refused) => refused,
    }
}

async fn stage(
    State(guests): Guarded,
    Extension(Peer(peer)): Extension<Peer>,
    Path((token, stage)): Path<(String, String)>,
    body: Body,
) -> Response<Body> {
    let Some(stage) = InstallStage::parse(&stage) else { return status(StatusCode::NOT_FOUND) };
    let kind = GuestEventKind::Stage(stage);
    guests.hear(peer, token, "an install stage", read_all(body, IGNORED, guests.limits.body), |_| kind).await
}

async fn failed(
    State(guests): Guarded,
    Extension(Peer(peer)): Extension<Peer>,
    Path((token, section)): Path<(String, String)>,
    body: Body,
) -> Response<Body> {
    if !SECTIONS.contains(&section.as_str()) {
        return status(StatusCode::NOT_FOUND);
    }
    let kind = |bytes: Vec<u8>| GuestEventKind::Failed { section, output: clean_text(&bytes) };
    guests.hear(peer, token, "a failure", read_tail(body, FAILURE_TAIL, guests.limits.body), kind).await
}

async fn first_boot(
    State(guests): Guarded,
    Extension(Peer(peer)): Extension<Peer>,
    Path(token): Path<String>,
    body: Body,
) -> Response<Body> {
    let kind = |_| GuestEventKind::FirstBoot { address: peer };
    guests.hear(peer, token, "a first boot", read_all(body, IGNORED, guests.limits.body), kind).await
}

async fn puppet_archive(
    State(guests): Guarded,
    Extension(Peer(peer)): Extension<Peer>,
    Path(token): Path<String>,
) -> Response<Body> {
    let asked = guests.with_token(peer, token, "a request for the Puppet archive", InstallDesk::puppet_archive);
    match asked.await {
        Ok(bytes) => {
            guests.traffic.archives.add();
            private("application/gzip", Body::from(bytes))
        }
        Err(refused) => refused,
    }
}

async fn report(
    State(guests): Guarded,
    Extension(Peer(peer)): Extension<Peer>,
    Path(token): Path<String>,
    body: Body,
) -> Response<Body> {
    let what = "a Puppet report";
    if let Err(refused) = guests.with_token(peer, token.clone(), what, InstallDesk::awaits_report).await {
        return refused;
    }
    let bytes = match read_all(body, REPORT, guests.limits.body).await {
        Ok(bytes) => bytes,
        Err(refused) => return status(refused),
    };
    let told = guests.ask(peer, token, what, move |desk, token| desk.report(token, &bytes)).await;
    guests.told(told, what)
}

async fn file(State(guests): Guarded, Extension(Peer(peer)): Extension<Peer>, request: Request) -> Response<Body> {
    guests.file(peer, request.uri().path(), request.method(), request.headers()).await.into_response()
}

impl Guests {
    /// Sends files until something else is asked for: what has been read of that, or none at the connection's end.
    async fn files_only(&self, stream: &TcpStream, peer: IpAddr) -> io::Result<Option<Vec<u8>>> {
        let mut direct = Direct::new(stream, self.limits);
        loop {
            match direct.next().await? {
                Next::File(asked) => {
                    let reply = self.file(peer, &asked.path, &asked.method, &asked.headers).await;
                    let now = UNIX_EPOCH + Duration::from_millis(self.handle.now().0);
                    if !direct.answer(&asked, reply, now).await? {
                        return Ok(None);
                    }
                }
                Next::Other(read) => return Ok(Some(read)),
                Next::Ended => return Ok(None),
            }
        }
    }

    /// The file that a URL's path means, if the site offers it.
    async fn file(&self, peer: IpAddr, path: &str, method: &Method, headers: &HeaderMap) -> Reply {
        if !self.files.take(peer, 1) {
            self.traffic.limited.add();
            let mut later = Reply::empty(StatusCode::TOO_MANY_REQUESTS);
            later.head.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
            return later;
        }
        let asked = path.trim_start_matches('/');
        let mut roots = self.desk.static_roots();
        roots.retain(|root| asked.strip_prefix(root.prefix.as_str()).is_some_and(|rest| rest.starts_with('/')));
        let Some(root) = roots.into_iter().max_by_key(|root| root.prefix.len()) else {
            return Reply::empty(StatusCode::NOT_FOUND);
        };
        let Some(path) = files::relative_path(&asked[root.prefix.len()..]) else { return Reply::empty(StatusCode::NOT_FOUND) };
        self.traffic.files.add();
        if let Some(base) = pins::repository_of(&path) {
            let (directory, base) = (root.directory.clone(), base.to_owned());
            let resolving = tokio::task::spawn_blocking(move || (pins::resolve(&directory, &base), base));
            if let Ok((found, base)) = resolving.await {
                let now = found.as_ref().map(|found| found.join("repodata/repomd.xml"));
                self.pins.put(peer, &root.prefix, &base, found);
                if let Some(now) = now {
                    return files::answer(&root.directory, &now, method, headers).await;
                }
            }
        } else if let Some(pinned) = self.pins.path(peer, &root.prefix, &path) {
            let reply = files::answer(&root.directory, &pinned, method, headers).await;
            if reply.head.status() != StatusCode::NOT_FOUND {
                return reply;
            }
        }
        files::answer(&root.directory, &path, method, headers).await
    }

    /// Asks the desk for somebody with this token, within the rate; an answer for the guest if it is turned away.
    async fn with_token<T: Send + 'static>(
        &self,
        peer: IpAddr,
        token: String,
        what: &'static str,
        ask: impl FnOnce(&InstallDesk, &str) -> Result<T, Denied> + Send + 'static,
    ) -> Result<T, Response<Body>> {
        if let Some(refused) = self.too_often(peer) {
            return Err(refused);
        }
        self.ask(peer, token, what, ask).await
    }

    /// An answer for somebody who asks too often.
    fn too_often(&self, peer: IpAddr) -> Option<Response<Body>> {
        (!self.tokens.take(peer, 1)).then(|| self.limited())
    }

    /// Asks the desk for somebody with this token.
    async fn ask<T: Send + 'static>(
        &self,
        peer: IpAddr,
        token: String,
        what: &'static str,
        ask: impl FnOnce(&InstallDesk, &str) -> Result<T, Denied> + Send + 'static,
    ) -> Result<T, Response<Body>> {
        if token.parse::<Token>().is_err() {
            return Err(self.denied(peer, what, &Denied::UnknownToken));
        }
        self.ask_desk(peer, what, move |desk| ask(desk, &token)).await
    }

    /// Asks the desk on a thread that may block.
    async fn ask_desk<T: Send + 'static>(
        &self,
        peer: IpAddr,
        what: &'static str,
        ask: impl FnOnce(&InstallDesk) -> Result<T, Denied> + Send + 'static,
    ) -> Result<T, Response<Body>> {
        let desk = Arc::clone(&self.desk);
        let asked = tokio::task::spawn_blocking(move || ask(&desk)).await;
        let answer = asked.unwrap_or_else(|_| Err(Denied::Unavailable("the request was interrupted".to_owned())));
        answer.map_err(|denied| self.denied(peer, what, &denied))
    }

    /// Reads a body, but only of somebody whose token is known: others get no memory.
    async fn body(
        &self,
        peer: IpAddr,
        token: &str,
        what: &'static str,
        read: impl Future<Output = Result<Vec<u8>, StatusCode>>,
    ) -> Result<Vec<u8>, Response<Body>> {
        self.with_token(peer, token.to_owned(), what, InstallDesk::knows).await?;
        read.await.map_err(status)
    }

    /// Reads a body, makes an event of it and tells the desk.
    async fn hear(
        &self,
        peer: IpAddr,
        token: String,
        what: &'static str,
        read: impl Future<Output = Result<Vec<u8>, StatusCode>>,
        kind: impl FnOnce(Vec<u8>) -> GuestEventKind,
    ) -> Response<Body> {
        let kind = match self.body(peer, &token, what, read).await {
            Ok(bytes) => kind(bytes),
            Err(refused) => return refused,
        };
        let told = self.ask(peer, token, what, move |desk, token| desk.tell(token, kind)).await;
        self.told(told, what)
    }

    fn told(&self, told: Result<VmName, Response<Body>>, what: &'static str) -> Response<Body> {
        match told {
            Ok(vm) => {
                self.traffic.callbacks.add();
                tracing::debug!(%vm, "heard {what}");
                status(StatusCode::NO_CONTENT)
            }
            Err(refused) => refused,
        }
    }

    fn denied(&self, peer: IpAddr, what: &'static str, denied: &Denied) -> Response<Body> {
        if !matches!(denied, Denied::Ended { .. }) {
            self.traffic.denied.add();
        }
        match denied {
            // No fault of the guest's: the server has forwarded its report before.
            Denied::Ended { vm } => {
                tracing::debug!(%peer, %vm, "{what} is not awaited any more");
                status(StatusCode::GONE)
            }
            Denied::Unavailable(reason) => {
                tracing::error!(%peer, reason, "{what} cannot be answered");
                let mut later = status(StatusCode::SERVICE_UNAVAILABLE);
                later.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
                later
            }
            Denied::UnknownToken => {
                self.tokens.fine(peer, WRONG_TOKEN_COST);
                tracing::warn!(%peer, "{what} with an unknown or ended install token");
                status(StatusCode::NOT_FOUND)
            }
            Denied::WrongMac { .. } | Denied::OutOfPhase { .. } | Denied::TooMuch { .. } => {
                tracing::warn!(%peer, reason = %denied, "{what} is turned away");
                status(StatusCode::NOT_FOUND)
            }
        }
    }

    fn limited(&self) -> Response<Body> {
        self.traffic.limited.add();
        let mut later = status(StatusCode::TOO_MANY_REQUESTS);
        later.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
        later
    }
}

fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// An answer that holds secrets of one VM: nobody between is to keep it.
fn private(kind: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The addresses of `inst.ks.sendmac`: `X-RHN-Provisioning-MAC-N: IFNAME MAC`.
fn provisioning_macs(headers: &HeaderMap) -> Vec<MacAddr> {
    let values = headers.iter().filter(|(name, _)| name.as_str().starts_with("x-rhn-provisioning-mac-"));
    let words = values.take(64).filter_map(|(_, value)| value.to_str().ok()?.split_whitespace().last());
    words.filter_map(|mac| mac.to_lowercase().parse().ok()).collect()
}

#[cfg(test)]
mod tests;
