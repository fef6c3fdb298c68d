//! The simulated hypervisor's state: files, pools, networks and domains, ours and those of others.
//!
//! Plain data that tests may copy and compare; only `hypervisor` and `guest` change it.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use camino::{Utf8Path, Utf8PathBuf};
use uuid::Uuid;

use super::guest::Run;
use crate::observed::{DomainState, ObservedDomain, ObservedNetwork, ObservedPool, ObservedVolume};
use crate::spec::{Address4, Boot, DhcpRange, DomainSpec, MacAddr, NetworkSpec, NicSource, NicSpec, Token, VmName};

/// What a fresh qcow2 file takes on the hypervisor.
pub(super) const QCOW2_EMPTY: u64 = 196_616;
/// An installed system on a root disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstalledSystem {
    /// The VM that it was installed as.
    pub vm: VmName,
    /// The token that its first-boot unit uses.
    pub token: Token,
    /// The address that its kickstart fixed, if any.
    pub address: Option<IpAddr>,
    /// Packages that its kickstart named.
    pub packages: Vec<String>,
    /// Puppet runs at its first boot.
    pub puppet: bool,
    /// The name under which it asks a Puppet CA for a certificate before that.
    pub certname: Option<String>,
    /// Its first-boot unit has done its work and is disabled.
    pub first_boot_done: bool,
}

/// What is on a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Nothing.
    Blank,
    /// Partitions of an install that has not ended.
    Partitioned,
    /// A system that boots.
    System(Box<InstalledSystem>),
    /// A file system made by the install of this VM, with data in it.
    Data {
        /// Who formatted it.
        formatted_by: VmName,
    },
    /// Something of somebody else.
    Foreign,
}

/// A volume's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimVolume {
    /// Never used twice: a re-created volume has another.
    pub serial: u64,
    /// Bytes that a guest sees.
    pub capacity_bytes: u64,
    /// Bytes in use on the hypervisor.
    pub allocation_bytes: u64,
    /// What is on it.
    pub content: Content,
}

/// A directory with volumes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimDirectory {
    /// Bytes in all.
    pub capacity_bytes: u64,
    /// By a fault, there is no room left.
    pub full: bool,
    /// By file name.
    pub volumes: BTreeMap<String, SimVolume>,
}

impl SimDirectory {
    /// Bytes free.
    pub fn available_bytes(&self) -> u64 {
        let used: u64 = self.volumes.values().map(|volume| volume.allocation_bytes).sum();
        if self.full { 0 } else { self.capacity_bytes.saturating_sub(used) }
    }
}

/// A pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimPool {
    /// Running.
    pub active: bool,
    /// Its directory.
    pub path: Utf8PathBuf,
}

/// A libvirt network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimNetwork {
    /// Running.
    pub active: bool,
    /// Ours: the digest in its metadata.
    pub digest: Option<String>,
    /// Its bridge.
    pub bridge: Option<String>,
    /// DHCP entries.
    pub hosts: BTreeMap<MacAddr, NicSpec>,
    /// Addresses that its DHCP server hands out.
    pub dhcp: Option<DhcpRange>,
    /// What it was made from; none: not by us. Only its DHCP entries can change while guests are on it.
    pub frame: Option<NetworkSpec>,
}

/// A domain's definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Definition {
    /// Made by `define_domain`.
    Ours(Box<DomainSpec>),
    /// Somebody else's.
    Foreign {
        /// Memory in MiB.
        memory_mib: u64,
        /// vCPUs.
        vcpus: u32,
        /// Pools and volumes that it uses.
        volumes: Vec<(String, String)>,
    },
}

/// A domain.
#[derive(Debug, Clone, PartialEq)]
pub struct SimDomain {
    /// Its UUID.
    pub uuid: Uuid,
    /// Its definition.
    pub definition: Definition,
    /// Run state.
    pub state: DomainState,
    /// Why it is in that state, in libvirt's words.
    pub reason: &'static str,
    /// The guest, while it runs; none for a domain of others.
    pub(super) run: Option<Run>,
}

impl SimDomain {
    /// Our definition, where it is ours.
    pub fn ours(&self) -> Option<&DomainSpec> {
        match &self.definition {
            Definition::Ours(spec) => Some(spec),
            Definition::Foreign { .. } => None,
        }
    }

    /// Memory in MiB.
    pub fn memory_mib(&self) -> u64 {
        match &self.definition {
            Definition::Ours(spec) => spec.memory_mib,
            Definition::Foreign { memory_mib, .. } => *memory_mib,
        }
    }

    /// It takes memory and CPUs.
    pub fn is_active(&self) -> bool {
        matches!(self.state, DomainState::Running | DomainState::Paused)
    }

    /// The installed system runs in it, and its guest agent answers.
    pub(super) fn is_up(&self) -> bool {
        self.state == DomainState::Running && self.run.as_ref().is_some_and(Run::is_up)
    }

    pub(super) fn observed(&self) -> ObservedDomain {
        let (vcpus, owner) = match &self.definition {
            Definition::Ours(spec) => (spec.vcpus, Some(spec.owner.clone())),
            Definition::Foreign { vcpus, .. } => (*vcpus, None),
        };
        ObservedDomain {
            uuid: self.uuid,
            owner,
            state: self.state,
            reason: self.reason.to_owned(),
            memory_mib: self.memory_mib(),
            vcpus,
            autostart: false,
        }
    }
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SimState {
    /// Directories by path.
    pub directories: BTreeMap<Utf8PathBuf, SimDirectory>,
    /// Pools by name.
    pub pools: BTreeMap<String, SimPool>,
    /// Networks by name.
    pub networks: BTreeMap<String, SimNetwork>,
    /// Domains by name.
    pub domains: BTreeMap<String, SimDomain>,
    /// Source of volume serials and run numbers.
    pub(super) serial: u64,
}

impl SimState {
    pub(super) fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// The directory at `path`, which is made where it is not there.
    pub(super) fn directory(&mut self, path: &Utf8Path, capacity_bytes: u64) -> &mut SimDirectory {
        let empty = || SimDirectory { capacity_bytes, full: false, volumes: BTreeMap::new() };
        self.directories.entry(path.to_owned()).or_insert_with(empty)
    }

    /// Defines and starts a pool.
    pub(super) fn add_pool(&mut self, name: &str, path: &Utf8Path, capacity_bytes: u64) {
        self.directory(path, capacity_bytes);
        self.pools.insert(name.to_owned(), SimPool { active: true, path: path.to_owned() });
    }

    /// The directory of a running pool.
    pub(super) fn directory_mut(&mut self, pool: &str) -> Option<&mut SimDirectory> {
        let path = self.pools.get(pool).filter(|pool| pool.active).map(|pool| &pool.path)?;
        self.directories.get_mut(path)
    }

    /// A volume of a running pool.
    pub fn volume(&self, pool: &str, name: &str) -> Option<&SimVolume> {
        let path = self.pools.get(pool).filter(|pool| pool.active).map(|pool| &pool.path)?;
        self.directories.get(path)?.volumes.get(name)
    }

    pub(super) fn volume_mut(&mut self, pool: &str, name: &str) -> Option<&mut SimVolume> {
        self.directory_mut(pool)?.volumes.get_mut(name)
    }

    /// Memory of everything that runs, in MiB.
    pub fn memory_used_mib(&self) -> u64 {
        self.domains.values().filter(|domain| domain.is_active()).map(SimDomain::memory_mib).sum()
    }

    /// Puts `content` on a volume, which grows to `bytes` where it is smaller. False: no room, nothing is written.
    pub(super) fn write(&mut self, pool: &str, name: &str, content: Content, bytes: u64) -> bool {
        let Some(directory) = self.directory_mut(pool) else { return true };
        let available = directory.available_bytes();
        let Some(volume) = directory.volumes.get_mut(name) else { return true };
        let grown = volume.allocation_bytes.max(volume.capacity_bytes.min(bytes));
        if grown - volume.allocation_bytes > available {
            return false;
        }
        volume.allocation_bytes = grown;
        volume.content = content;
        true
    }

    /// The system on the root disk of a domain of ours.
    pub(super) fn system_of(&self, spec: &DomainSpec) -> Option<&InstalledSystem> {
        let root = spec.disks.first()?;
        match &self.volume(root.pool.as_str(), &root.volume)?.content {
            Content::System(system) => Some(system),
            _ => None,
        }
    }

    /// The token that a VM has been given: on the command line of its installer, else on its disk.
    pub(super) fn token_of(&self, vm: &str) -> Option<Token> {
        let spec = self.domains.get(vm)?.ours()?;
        match &spec.boot {
            Boot::Install { cmdline, .. } => token_in(cmdline),
            Boot::Disk => self.system_of(spec).map(|system| system.token.clone()),
        }
    }

    /// The address at which a guest is reached: what its kickstart fixed, else what DHCP gives its first NIC.
    pub(super) fn address_of(&self, spec: &DomainSpec, fixed: Option<IpAddr>) -> Option<IpAddr> {
        if fixed.is_some() {
            return fixed;
        }
        let nic = spec.nics.first()?;
        let [.., high, low] = nic.mac.bytes();
        let NicSource::Network(name) = &nic.source else {
            // Somebody else's DHCP server: an address of TEST-NET-1 that only depends on the MAC.
            return Some(Ipv4Addr::new(192, 0, 2, low).into());
        };
        let network = self.networks.get(name.as_str())?;
        if let Some(address) = network.hosts.get(&nic.mac).and_then(NicSpec::static_address) {
            return Some(address);
        }
        if network.hosts.get(&nic.mac).is_some_and(|nic| nic.v4 == Address4::None) {
            return None;
        }
        let range = network.dhcp?;
        let (start, end) = (u32::from(range.start), u32::from(range.end));
        let size = end.saturating_sub(start).saturating_add(1);
        Some(Ipv4Addr::from(start + (u32::from(high) << 8 | u32::from(low)) % size).into())
    }

    pub(super) fn observed_pools(&self) -> BTreeMap<String, ObservedPool> {
        let observe = |pool: &SimPool| {
            let directory = self.directories.get(&pool.path).filter(|_| pool.active);
            let volume = |(name, volume): (&String, &SimVolume)| {
                let observed = ObservedVolume {
                    path: pool.path.join(name),
                    capacity_bytes: volume.capacity_bytes,
                    allocation_bytes: volume.allocation_bytes,
                };
                (name.clone(), observed)
            };
            ObservedPool {
                active: pool.active,
                path: Some(pool.path.clone()),
                capacity_bytes: directory.map_or(0, |directory| directory.capacity_bytes),
                available_bytes: directory.map_or(0, SimDirectory::available_bytes),
                volumes: directory.map(|directory| directory.volumes.iter().map(volume).collect()).unwrap_or_default(),
            }
        };
        self.pools.iter().map(|(name, pool)| (name.clone(), observe(pool))).collect()
    }

    pub(super) fn observed_networks(&self) -> BTreeMap<String, ObservedNetwork> {
        let observe = |network: &SimNetwork| ObservedNetwork {
            active: network.active,
            digest: network.digest.clone(),
            bridge: network.bridge.clone(),
        };
        self.networks.iter().map(|(name, network)| (name.clone(), observe(network))).collect()
    }
}

/// The token in the `inst.ks=` URL of a kernel command line.
pub(super) fn token_in(cmdline: &str) -> Option<Token> {
    let url = cmdline.split_whitespace().filter_map(|word| word.strip_prefix("inst.ks=")).next_back()?;
    url.rsplit('/').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_the_last_part_of_the_last_kickstart_url() {
        let token = "0123456789abcdef0123456789abcdef";
        let cmdline = format!("console=ttyS0 inst.ks=http://x/ks/bad inst.ks=http://10.0.0.1:8470/ks/{token} inst.ks.sendmac");
        assert_eq!(token_in(&cmdline), Some(token.parse().expect("a token")));
        assert_eq!(token_in("console=ttyS0 inst.ks.sendmac"), None);
        assert_eq!(token_in("inst.ks=http://10.0.0.1/ks/short"), None);
    }

    #[test]
    fn a_write_that_does_not_fit_changes_nothing() {
        let mut state = SimState::default();
        let volume = SimVolume { serial: 1, capacity_bytes: 20 << 30, allocation_bytes: QCOW2_EMPTY, content: Content::Blank };
        let directory = SimDirectory { capacity_bytes: 1 << 30, full: false, volumes: [("a".to_owned(), volume.clone())].into() };
        state.directories.insert("/p".into(), directory);
        state.pools.insert("p".to_owned(), SimPool { active: true, path: "/p".into() });
        assert!(!state.write("p", "a", Content::Partitioned, 2 << 30));
        assert_eq!(state.volume("p", "a"), Some(&volume));
    }
}
