//! What libvirt reports.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use uuid::Uuid;

use crate::spec::{DomainType, Owner, Timestamp};

/// A hypervisor that answered.
#[derive(Debug, Clone, PartialEq)]
pub struct ObservedHost {
    /// Physical memory in MiB.
    pub memory_mib: u64,
    /// Logical CPUs.
    pub cpus: u32,
    /// The domain type that a trivial guest proved to work; none: not probed yet.
    pub domain_type: Option<DomainType>,
    /// Storage pools by name; those of others too.
    pub pools: BTreeMap<String, ObservedPool>,
    /// Networks by name; those of others too.
    pub networks: BTreeMap<String, ObservedNetwork>,
    /// Domains by name; those of others too.
    pub domains: BTreeMap<String, ObservedDomain>,
}

/// A storage pool.
#[derive(Debug, Clone, PartialEq)]
pub struct ObservedPool {
    /// Running.
    pub active: bool,
    /// Its directory, where it has one.
    pub path: Option<Utf8PathBuf>,
    /// Bytes in all.
    pub capacity_bytes: u64,
    /// Bytes free.
    pub available_bytes: u64,
    /// Volumes by file name.
    pub volumes: BTreeMap<String, ObservedVolume>,
}

/// A volume.
#[derive(Debug, Clone, PartialEq)]
pub struct ObservedVolume {
    /// Path on the hypervisor.
    pub path: Utf8PathBuf,
    /// Bytes that a guest sees.
    pub capacity_bytes: u64,
    /// Bytes in use on the hypervisor.
    pub allocation_bytes: u64,
}

/// A libvirt network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedNetwork {
    /// Running.
    pub active: bool,
    /// We defined it: the digest of what we defined, from our metadata.
    pub digest: Option<String>,
    /// Its bridge.
    pub bridge: Option<String>,
}

/// A domain's run state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DomainState {
    /// Running, also while libvirt calls it blocked or shutting down.
    Running,
    /// Paused, for example by an I/O error on a full disk.
    Paused,
    /// Defined, not running.
    ShutOff,
    /// Not running after a crash.
    Crashed,
}

/// A domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedDomain {
    /// Its UUID.
    pub uuid: Uuid,
    /// Our mark, if it carries one.
    pub owner: Option<Owner>,
    /// Run state.
    pub state: DomainState,
    /// libvirt's words for why it stopped or paused (`I/O error`, `destroyed`, `crashed`), where it has any.
    pub reason: String,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// vCPUs.
    pub vcpus: u32,
    /// Started with the hypervisor.
    pub autostart: bool,
}

/// A tree's kernel and initrd, copied here and compared with `.treeinfo`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootFiles {
    /// The kernel.
    pub kernel: Utf8PathBuf,
    /// The initrd.
    pub initrd: Utf8PathBuf,
    /// When the tree was last asked whether they are still its.
    pub checked: Timestamp,
}
