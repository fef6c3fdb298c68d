//! TCP listeners: binding with an error that says what to do, and a loop that accepts within limits.
//!
//! `install` and the metrics listener use it. One future holds the loop and all its connections: dropping it closes them.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep};
use tower::ServiceExt as _;

use super::limits::{Connections, InstallLimits};

/// Why a listener could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another process has the port.
    #[error(
        "cannot listen on {address}: another process does already; find it with `ss -ltnp 'sport = :{port}'` and stop it, or set another port",
        port = address.port()
    )]
    InUse {
        /// The address.
        address: SocketAddr,
    },
    /// No interface has the address.
    #[error("cannot listen on {address}: this host has no such address (yet); `ip address` shows which it has")]
    NoSuchAddress {
        /// The address.
        address: SocketAddr,
    },
    /// Not allowed, or something else.
    #[error("cannot listen on {address}")]
    Other {
        /// The address.
        address: SocketAddr,
        /// The system's words.
        #[source]
        source: io::Error,
    },
}

/// Opens a listener. `[::]` takes IPv4 too, and becomes `0.0.0.0` on a host without IPv6.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, BindError> {
    match TcpListener::bind(address).await {
        Err(error) if error.raw_os_error() == Some(nix::libc::EAFNOSUPPORT) && address.ip() == IpAddr::from([0u16; 8]) => {
            let four = SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port()));
            TcpListener::bind(four).await.map_err(|error| bind_error(four, error))
        }
        other => other.map_err(|error| bind_error(address, error)),
    }
}

fn bind_error(address: SocketAddr, source: io::Error) -> BindError {
    match source.kind() {
        io::ErrorKind::AddrInUse => BindError::InUse { address },
        io::ErrorKind::AddrNotAvailable => BindError::NoSuchAddress { address },
        _ => BindError::Other { address, source },
    }
}

/// Like [`bind`], but waits up to `patience` for the port or the address to come free: an agent that is just ending, a bridge
/// that is just being made.
pub async fn bind_within(address: SocketAddr, patience: Duration) -> Result<TcpListener, BindError> {
    let deadline = Instant::now() + patience;
    let mut said = false;
    loop {
        match bind(address).await {
            Err(error @ (BindError::InUse { .. } | BindError::NoSuchAddress { .. })) if Instant::now() < deadline => {
                if !said {
                    tracing::warn!("{error}; trying again for {} s", patience.as_secs());
                    said = true;
                }
                tokio::time::sleep(Duration::from_millis(500).min(patience)).await;
            }
            other => return other,
        }
    }
}

/// The peer of a connection, IPv4 where it is IPv4; an extension of each request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Peer(pub(super) IpAddr);

/// Accepts connections of peers that `admit` lets in and has `serve` answer them. Ends only when it is dropped.
pub(super) async fn accept<Served: Future<Output = ()> + Send + 'static>(
    listener: TcpListener,
    limits: InstallLimits,
    admit: impl Fn(IpAddr) -> bool,
    serve: impl Fn(TcpStream, IpAddr) -> Served,
) -> Infallible {
    let free = Arc::new(Semaphore::new(limits.connections));
    let peers = Connections::default();
    let mut tasks = JoinSet::new();
    loop {
        while tasks.try_join_next().is_some() {}
        // Cancel-safe: nothing has been accepted yet. The semaphore is never closed.
        let Ok(permit) = Arc::clone(&free).acquire_owned().await else { continue };
        let (stream, peer) = match listener.accept().await {
            Ok((stream, address)) => (stream, address.ip().to_canonical()),
            Err(error) => {
                // A peer that went away again costs nothing; being out of file descriptors does, so do not spin.
                if error.kind() != io::ErrorKind::ConnectionAborted {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                continue;
            }
        };
        if !admit(peer) {
            continue;
        }
        let Some(counted) = peers.enter(peer, limits.connections_per_peer) else {
            tracing::warn!(%peer, limit = limits.connections_per_peer, "connection refused: too many of this peer");
            continue;
        };
        let _ = stream.set_nodelay(true);
        let served = serve(stream, peer);
        tasks.spawn(async move {
            served.await;
            drop((permit, counted));
        });
    }
}

/// Has `router` answer the requests of `peer` on `stream`.
pub(super) async fn connection(stream: impl AsyncRead + AsyncWrite + Unpin, peer: IpAddr, router: Router, limits: InstallLimits) {
    let stream = Moving::new(stream, limits.stall);
    let served = answer(stream, router, limits.head, move |request| {
        request.extensions_mut().insert(Peer(peer));
    });
    if let Err(error) = served.await {
        tracing::debug!(%peer, %error, "connection ended early");
    }
}

/// Has `router` answer the requests on one stream, each marked first. `head`: until a request's head is complete.
pub(super) async fn answer(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    router: Router,
    head: Duration,
    mark: impl Fn(&mut Request<Body>),
) -> Result<(), hyper::Error> {
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        mark(&mut request);
        router.clone().oneshot(request)
    });
    hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head)
        .max_buf_size(64 << 10)
        .serve_connection(TokioIo::new(stream), service)
        .await
}

/// A stream that fails when nothing has moved on it for a while: a peer that neither reads nor sends holds nothing for ever.
pub(super) struct Moving<S> {
    stream: S,
    limit: Duration,
    sleep: Pin<Box<Sleep>>,
}

impl<S> Moving<S> {
    pub(super) fn new(stream: S, limit: Duration) -> Self {
        Self { stream, limit, sleep: Box::pin(tokio::time::sleep(limit)) }
    }

    /// Passes on `polled`, but an error once the limit has passed since the last progress.
    fn watch<T>(&mut self, cx: &mut Context<'_>, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.sleep.as_mut().reset(Instant::now() + self.limit);
            return polled;
        }
        self.sleep.as_mut().poll(cx).map(|()| Err(io::Error::new(io::ErrorKind::TimedOut, "nothing moved")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Moving<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.watch(cx, polled)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Moving<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.watch(cx, polled)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bufs: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.watch(cx, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
