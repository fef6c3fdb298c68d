//! [`Hypervisor`] on libvirt: the only place that knows the `virt` crate.
//!
//! Start at [`Libvirt`]; each file beside this one is one noun of libvirt. Blocking throughout: `HypervisorHandle` calls it from
//! threads of its own. It decides nothing, never touches a domain or network without our mark, and prints nothing.

mod connection;
mod domains;
mod error;
mod events;
mod guest;
mod interfaces;
mod load;
mod networks;
mod observe;
mod pools;
mod probe;
mod xml;

pub use load::load as load_libvirt;

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use uuid::Uuid;

use super::hypervisor::{Change, DomainEvent, GuestExit, Hypervisor, Result};
use crate::observed::ObservedHost;
use crate::spec::{DomainSpec, DomainType, NetworkSpec, NicSpec, PoolName, PoolSpec, Stop, VmName, VolumeSpec};

use connection::Connection;
use events::Events;
use pools::Refreshes;

/// A hypervisor behind a libvirt URI.
#[derive(Debug)]
pub struct Libvirt {
    connection: Connection,
    refreshes: Refreshes,
    events: Events,
    probed: Mutex<Probed>,
}

/// What the last probe of each domain type found.
#[derive(Debug, Default, Clone, Copy)]
struct Probed {
    kvm: Option<bool>,
    qemu: Option<bool>,
}

impl Probed {
    /// The best type that is known to work.
    fn best(self) -> Option<DomainType> {
        match self {
            Self { kvm: Some(true), .. } => Some(DomainType::Kvm),
            Self { qemu: Some(true), .. } => Some(DomainType::Qemu),
            _ => None,
        }
    }
}

impl Libvirt {
    /// The hypervisor at `uri` (`qemu:///system`). Does not connect yet: every call does, and again after a connection died.
    pub fn new(uri: &str) -> Self {
        Self {
            connection: Connection::new(uri),
            refreshes: Refreshes::default(),
            events: Events::default(),
            probed: Mutex::default(),
        }
    }
}

impl Hypervisor for Libvirt {
    fn observe(&self) -> Result<ObservedHost> {
        let probed = *self.probed.lock().unwrap_or_else(PoisonError::into_inner);
        observe::observe(&self.connection.open()?, &self.refreshes, probed.best())
    }

    fn probe(&self, domain_type: DomainType, deadline: Duration) -> Result<bool> {
        let works = probe::probe(&self.connection.open()?, domain_type, deadline)?;
        let mut probed = self.probed.lock().unwrap_or_else(PoisonError::into_inner);
        match domain_type {
            DomainType::Kvm => probed.kvm = Some(works),
            DomainType::Qemu => probed.qemu = Some(works),
        }
        Ok(works)
    }

    fn ensure_pool(&self, pool: &PoolSpec) -> Result<Change> {
        pools::ensure(&self.connection.open()?, pool)
    }

    fn ensure_network(&self, network: &NetworkSpec, hosts: &[(VmName, NicSpec)], digest: &str) -> Result<Change> {
        networks::ensure(&self.connection.open()?, network, hosts, digest)
    }

    fn create_volume(&self, volume: &VolumeSpec) -> Result<Change> {
        pools::create_volume(&self.connection.open()?, volume)
    }

    fn delete_volume(&self, pool: &PoolName, volume: &str) -> Result<Change> {
        pools::delete_volume(&self.connection.open()?, pool, volume)
    }

    fn define_domain(&self, domain: &DomainSpec, xml: &str) -> Result<Change> {
        domains::define(&self.connection.open()?, domain, xml)
    }

    fn start_domain(&self, vm: &VmName, uuid: Uuid) -> Result<Change> {
        domains::start(&self.connection.open()?, vm, uuid)
    }

    fn stop_domain(&self, vm: &VmName, uuid: Uuid, how: Stop) -> Result<Change> {
        domains::stop(&self.connection.open()?, vm, uuid, how)
    }

    fn undefine_domain(&self, vm: &VmName, uuid: Uuid) -> Result<Change> {
        domains::undefine(&self.connection.open()?, vm, uuid)
    }

    fn addresses(&self, vm: &VmName, uuid: Uuid) -> Result<Vec<IpAddr>> {
        guest::addresses(&self.connection.open()?, vm, uuid)
    }

    fn guest_exec(&self, vm: &VmName, uuid: Uuid, argv: &[String], timeout: Duration) -> Result<GuestExit> {
        guest::exec(&self.connection.open()?, vm, uuid, argv, timeout)
    }

    fn subscribe(&self, sink: Box<dyn Fn(DomainEvent) + Send + Sync>) {
        self.events.subscribe(self.connection.uri(), sink);
    }
}
