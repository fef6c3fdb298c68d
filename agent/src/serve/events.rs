//! The body of `GET /api/v1/events`: server-sent events, a `StatusView` at once and at every new snapshot.
//!
//! A follower that is slow misses snapshots and never delays anybody: only the newest one is ever written.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame};
use tokio::sync::{mpsc, watch};

use super::view::StatusView;
use crate::reconcile::Snapshot;

/// A comment this often tells both sides that the other is there.
const ALIVE: Duration = Duration::from_secs(15);
/// Snapshots come at most this often.
const PACE: Duration = Duration::from_millis(100);

/// The body.
pub(super) struct Follow {
    chunks: mpsc::Receiver<Bytes>,
}

impl Follow {
    /// Follows until the reader or the loop goes away.
    pub(super) fn new(snapshots: watch::Receiver<Option<Arc<Snapshot>>>) -> Self {
        let (sender, chunks) = mpsc::channel(1);
        tokio::spawn(write(snapshots, sender));
        Self { chunks }
    }
}

async fn write(mut snapshots: watch::Receiver<Option<Arc<Snapshot>>>, chunks: mpsc::Sender<Bytes>) {
    snapshots.mark_changed();
    loop {
        // Cancel-safe: `changed` marks a snapshot as seen only when it returns.
        let chunk = match tokio::time::timeout(ALIVE, snapshots.changed()).await {
            Err(_) => Bytes::from_static(b": still here\n\n"),
            Ok(Err(_)) => return,
            Ok(Ok(())) => {
                let snapshot = snapshots.borrow_and_update().clone();
                match snapshot.as_deref().map(|snapshot| serde_json::to_string(&StatusView::of(snapshot, snapshot.at, None))) {
                    None => Bytes::from_static(b": no pass has ended yet\n\n"),
                    Some(Ok(json)) => Bytes::from(format!("event: status\ndata: {json}\n\n")),
                    Some(Err(error)) => {
                        tracing::error!(%error, "a view cannot be written as JSON");
                        return;
                    }
                }
            }
        };
        if chunks.send(chunk).await.is_err() {
            return;
        }
        tokio::time::sleep(PACE).await;
    }
}

impl Body for Follow {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.chunks.poll_recv(cx).map(|chunk| chunk.map(|bytes| Ok(Frame::data(bytes))))
    }
}
