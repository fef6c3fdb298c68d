//! The whole of what should be.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::{
    Fqdn, HypervisorName, HypervisorSpec, Keyboard, Locale, NetworkName, NetworkSpec, OsName, OsSpec, PasswordHash,
    RepositorySpec, SitePuppet, SshKey, StageName, StageSpec, TeamName, Timezone, VmName, VmSpec,
};

/// How root gets in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RootAccess {
    /// Password hash; none: the password is locked.
    pub password: Option<PasswordHash>,
    /// Keys.
    pub ssh_keys: Vec<SshKey>,
}

/// What all VMs share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteSpec {
    /// The site's name: part of every MAC and UUID, so it never changes.
    pub name: String,
    /// DNS domain of the VMs.
    pub domain: Fqdn,
    /// Name servers.
    pub dns: Vec<IpAddr>,
    /// NTP servers, by address or name.
    pub ntp: Vec<String>,
    /// Time zone.
    pub timezone: Timezone,
    /// Language.
    pub locale: Locale,
    /// Console keymap.
    pub keyboard: Keyboard,
    /// Root.
    pub root: RootAccess,
    /// Puppet; none: not used.
    pub puppet: Option<SitePuppet>,
    /// The site's own stage repositories; none: stages name others'.
    pub repository: Option<RepositorySpec>,
}

/// An owner of VMs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TeamSpec {
    /// Its name.
    pub name: TeamName,
    /// Mail address or the like, as people read it.
    pub contact: Option<String>,
    /// Most vCPUs, memory (MiB) and disk (GiB) of all its VMs; none: no limit.
    pub quota_vcpus: Option<u32>,
    /// See `quota_vcpus`.
    pub quota_memory_mib: Option<u64>,
    /// See `quota_vcpus`.
    pub quota_disk_gib: Option<u64>,
}

/// What should be: a checked site at one revision.
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    /// Git commit where the site is a clean checkout, else a digest of its files.
    pub revision: String,
    /// What all VMs share.
    pub site: SiteSpec,
    /// Operating systems.
    pub oses: BTreeMap<OsName, OsSpec>,
    /// Stages.
    pub stages: BTreeMap<StageName, StageSpec>,
    /// Networks.
    pub networks: BTreeMap<NetworkName, NetworkSpec>,
    /// Teams.
    pub teams: BTreeMap<TeamName, TeamSpec>,
    /// Hypervisors.
    pub hypervisors: BTreeMap<HypervisorName, HypervisorSpec>,
    /// VMs of all hypervisors.
    pub vms: BTreeMap<VmName, VmSpec>,
}

impl Spec {
    /// The VMs that belong on `hypervisor`, by name.
    pub fn vms_on<'a>(&'a self, hypervisor: &'a HypervisorName) -> impl Iterator<Item = &'a VmSpec> {
        self.vms.values().filter(move |vm| vm.hypervisor == *hypervisor)
    }
}
