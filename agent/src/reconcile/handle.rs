//! What the rest of the program may ask of the loop.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{mpsc, oneshot, watch};

use super::{InstallDesk, Snapshot};
use crate::spec::{Timestamp, VmName};
use crate::world::{Store, StoreError, TimelineEntry};

/// A wish of a person. `by` names them (user of the socket's peer).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Read the site again and look at everything now.
    Reconcile,
    /// Consent to rebuild these VMs: disks not marked `keep` are destroyed.
    Rebuild {
        /// The VMs.
        vms: Vec<VmName>,
        /// Who consents.
        by: String,
    },
    /// Consent to destroy these VMs; kept volumes stay unless `volumes` is set.
    Destroy {
        /// The VMs, which must no longer be in the site.
        vms: Vec<VmName>,
        /// Who consents.
        by: String,
    },
    /// Try a failed VM again with a new budget; its disk is made anew.
    Retry {
        /// The VM.
        vm: VmName,
        /// Who asks.
        by: String,
    },
}

/// Why a wish is refused; nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// No such VM in the site or the store.
    #[error("there is no VM `{vm}` on this hypervisor{}", hint.as_ref().map(|h| format!(", did you mean `{h}`?")).unwrap_or_default())]
    UnknownVm {
        /// As asked.
        vm: VmName,
        /// The nearest known name.
        hint: Option<String>,
    },
    /// The VM is in the site: it would be created again at once.
    #[error("VM `{vm}` is still in the site: remove `vms/{vm}.toml` first, or use `rekindle rebuild {vm}`")]
    StillInSite {
        /// The VM.
        vm: VmName,
    },
    /// The VM is not in a state that allows it.
    #[error("VM `{vm}`: {reason}")]
    NotNow {
        /// The VM.
        vm: VmName,
        /// Why.
        reason: String,
    },
    /// The store or the site failed.
    #[error("{0}")]
    Failed(String),
    /// The loop has ended.
    #[error("the agent is shutting down")]
    ShuttingDown,
}

pub(super) type Envelope = (Request, oneshot::Sender<Result<(), RequestError>>);

/// The way to the loop. Cheap to clone.
#[derive(Clone)]
pub struct Handle {
    pub(super) snapshot: watch::Receiver<Option<Arc<Snapshot>>>,
    pub(super) requests: mpsc::Sender<Envelope>,
    pub(super) desk: Arc<InstallDesk>,
    pub(super) store: Arc<Store>,
    pub(super) pass_began: Arc<AtomicU64>,
}

impl Handle {
    /// The state after the last pass; none before the first.
    pub fn snapshot(&self) -> Option<Arc<Snapshot>> {
        self.snapshot.borrow().clone()
    }

    /// Wakes at each new snapshot.
    pub fn subscribe(&self) -> watch::Receiver<Option<Arc<Snapshot>>> {
        self.snapshot.clone()
    }

    /// Asks, and waits until the wish is stored (not until it is done).
    pub async fn request(&self, request: Request) -> Result<(), RequestError> {
        let (answer, answered) = oneshot::channel();
        self.requests.send((request, answer)).await.map_err(|_| RequestError::ShuttingDown)?;
        answered.await.map_err(|_| RequestError::ShuttingDown)?
    }

    /// The loop is there to take requests.
    pub fn is_running(&self) -> bool {
        !self.requests.is_closed()
    }

    /// The agent's time.
    pub fn now(&self) -> Timestamp {
        self.desk.clock.now()
    }

    /// When the pass began that is under way; none: the loop sleeps.
    pub fn looking_since(&self) -> Option<Timestamp> {
        Some(self.pass_began.load(Ordering::Relaxed)).filter(|&ms| ms != 0).map(Timestamp)
    }

    /// What the guests may ask.
    pub fn desk(&self) -> &Arc<InstallDesk> {
        &self.desk
    }

    /// Every phase that a VM has been in, oldest first. Blocks for one query.
    pub fn timeline(&self, vm: &VmName) -> Result<Vec<TimelineEntry>, StoreError> {
        self.store.timeline(vm)
    }
}
