//! A handle without a loop behind it, for tests of those who only look, ask and tell.

use std::sync::{Arc, RwLock};

use bytes::Bytes;
use tokio::sync::{Notify, mpsc, watch};

use super::handle::Envelope;
use super::{Handle, InstallDesk, Snapshot};
use crate::spec::{Spec, Timestamp};
use crate::world::{ManualClock, Store};

/// What the loop would hold.
pub(crate) struct Rig {
    pub(crate) handle: Handle,
    pub(crate) store: Arc<Store>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) snapshots: watch::Sender<Option<Arc<Snapshot>>>,
    pub(crate) requests: mpsc::Receiver<Envelope>,
    pub(crate) wake: Arc<Notify>,
}

/// An empty store, no snapshot, and this spec at the install desk.
pub(crate) fn rig(spec: Spec) -> Rig {
    let store = Arc::new(Store::in_memory().expect("a store in memory"));
    let clock = Arc::new(ManualClock::at(Timestamp(1_795_418_280_000)));
    let (snapshots, snapshot) = watch::channel(None);
    let (sender, requests) = mpsc::channel(16);
    let wake = Arc::new(Notify::new());
    let desk = Arc::new(InstallDesk {
        store: Arc::clone(&store),
        clock: Arc::clone(&clock) as Arc<dyn crate::world::Clock>,
        spec: RwLock::new(Arc::new(spec)),
        wake: Arc::clone(&wake),
        puppet: Box::new(|_, vm| Ok(Bytes::from(format!("archive of {vm}")))),
        hypervisor: "h1".parse().unwrap(),
        state_dir: "/nonexistent".into(),
        repository: "/nonexistent/repository".into(),
    });
    let handle = Handle { snapshot, requests: sender, desk, store: Arc::clone(&store), pass_began: Arc::default() };
    Rig { handle, store, clock, snapshots, requests, wake }
}

/// The record of `web1`'s first attempt in this phase, with the token of 16 times `byte`.
pub(crate) fn record(phase: crate::observed::Phase, byte: u8) -> crate::observed::VmRecord {
    crate::observed::VmRecord {
        vm: "web1".parse().unwrap(),
        attempt: 1,
        tries: 1,
        token: crate::spec::Token::new([byte; 16]),
        began: Timestamp(1_795_418_000_000),
        phase,
        since: Timestamp(1_795_418_100_000),
        spec_digest: "d".to_owned(),
        site_revision: "r1".to_owned(),
        failure: None,
        rebuild: None,
        ready_at: None,
        certnames: Vec::new(),
    }
}
