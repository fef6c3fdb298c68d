//! What we need from a hypervisor, named after our needs.
//!
//! Blocking on purpose: libvirt is. `HypervisorHandle` (worker.rs) is the async side: it bounds the calls in flight, holds one
//! lock for each pool and gives each call a deadline. Implementations: `libvirt` and `sim`; `contract` tests hold both to the
//! same behaviour. Every method is idempotent: it says whether there was anything to do.

use std::net::IpAddr;
use std::time::Duration;

use uuid::Uuid;

use crate::observed::{Disposition, ObservedHost};
use crate::spec::{DomainSpec, DomainType, NetworkSpec, NicSpec, PoolName, PoolSpec, Stop, VmName, VolumeSpec};

/// Whether a call had anything to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It was so already.
    Unchanged,
    /// It is so now.
    Changed,
}

/// What a command in the guest said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuestExit {
    /// Exit status; 128 + N for signal N.
    pub status: i32,
    /// Standard output, then standard error, at most 4 KiB.
    pub output: String,
}

/// A lifecycle event of any domain; only a wake-up, the next pass looks for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainEvent {
    /// The domain's name.
    pub domain: String,
    /// libvirt's name of the event (`stopped`, `started`, `crashed`).
    pub event: &'static str,
}

/// Why a call failed, and thereby what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum HypervisorError {
    /// No connection, a dead one, or a call that did not return in time: the hypervisor as a whole is unreachable.
    #[error("libvirt at `{uri}` cannot be reached: {reason}")]
    Unreachable {
        /// Connection URI.
        uri: String,
        /// libvirt's words or the deadline that passed.
        reason: String,
    },
    /// Something of that name is there, and it is not ours or not what was asked for. Never taken over.
    #[error("{what} `{name}` is in the way: {reason}")]
    Conflict {
        /// `domain`, `network`, `pool`, `volume`.
        what: &'static str,
        /// Its name.
        name: String,
        /// How it differs.
        reason: String,
    },
    /// The pool or the host has no room.
    #[error("no room for {what} `{name}`: {reason}")]
    NoSpace {
        /// `volume` or `domain`.
        what: &'static str,
        /// Its name.
        name: String,
        /// libvirt's words.
        reason: String,
    },
    /// The guest agent does not answer (yet).
    #[error("the guest agent of `{vm}` does not answer: {reason}")]
    GuestAgent {
        /// The VM.
        vm: VmName,
        /// libvirt's words.
        reason: String,
    },
    /// Something else is being done to the same thing right now.
    #[error("{action} `{name}`: busy for now: {reason}")]
    Busy {
        /// What was tried, as in "start domain".
        action: &'static str,
        /// On what.
        name: String,
        /// libvirt's words.
        reason: String,
    },
    /// libvirt refused.
    #[error("{action} `{name}`: {reason}")]
    Refused {
        /// What was tried, as in "define domain".
        action: &'static str,
        /// On what.
        name: String,
        /// libvirt's words.
        reason: String,
    },
}

impl HypervisorError {
    /// What the loop does about it.
    pub fn disposition(&self) -> Disposition {
        match self {
            Self::Unreachable { .. } | Self::GuestAgent { .. } | Self::Busy { .. } => Disposition::RetryLater,
            Self::Conflict { .. } => Disposition::Blocked,
            Self::NoSpace { .. } | Self::Refused { .. } => Disposition::GiveUp,
        }
    }
}

pub(super) type Result<T, E = HypervisorError> = std::result::Result<T, E>;

/// What we need from a hypervisor. All methods take `&self`: calls run in parallel, up to the worker's bound.
pub trait Hypervisor: Send + Sync {
    /// Everything there is, in one sweep; domains, pools and networks of others too.
    fn observe(&self) -> Result<ObservedHost>;

    /// Runs a trivial guest of this type and says within seconds whether it really executed; some hosts open `/dev/kvm` and hang.
    fn probe(&self, domain_type: DomainType, deadline: Duration) -> Result<bool>;

    /// Defines, builds, starts and autostarts a pool of type `dir`. A pool of that name with another path is a conflict.
    fn ensure_pool(&self, pool: &PoolSpec) -> Result<Change>;

    /// Defines (with our metadata and `digest`), starts and autostarts a libvirt network with DHCP entries for `hosts`.
    /// A network of that name without our metadata is a conflict. Only for `NetworkKind::Libvirt`.
    fn ensure_network(&self, network: &NetworkSpec, hosts: &[(VmName, NicSpec)], digest: &str) -> Result<Change>;

    /// Creates a qcow2 volume. One of that name and capacity is `Unchanged`, another capacity a conflict.
    fn create_volume(&self, volume: &VolumeSpec) -> Result<Change>;

    /// Deletes a volume; `Unchanged` when it is not there. The caller has consent.
    fn delete_volume(&self, pool: &PoolName, volume: &str) -> Result<Change>;

    /// Defines or redefines a domain from `xml`, which was rendered from `domain`. A domain of that name that does not carry
    /// our UUID and owner metadata is a conflict. The log files' directories exist.
    fn define_domain(&self, domain: &DomainSpec, xml: &str) -> Result<Change>;

    /// Starts a domain of ours.
    fn start_domain(&self, vm: &VmName, uuid: Uuid) -> Result<Change>;

    /// Switches a domain of ours off.
    fn stop_domain(&self, vm: &VmName, uuid: Uuid, how: Stop) -> Result<Change>;

    /// Removes the definition of a domain of ours that is off, its NVRAM with it; volumes stay.
    fn undefine_domain(&self, vm: &VmName, uuid: Uuid) -> Result<Change>;

    /// Addresses of a running domain: from DHCP leases, the guest agent or the ARP table.
    fn addresses(&self, vm: &VmName, uuid: Uuid) -> Result<Vec<IpAddr>>;

    /// Runs a command in the guest through its agent.
    fn guest_exec(&self, vm: &VmName, uuid: Uuid, argv: &[String], timeout: Duration) -> Result<GuestExit>;

    /// Calls `sink` for each lifecycle event from now on, across reconnects, until the process ends.
    fn subscribe(&self, sink: Box<dyn Fn(DomainEvent) + Send + Sync>);
}
