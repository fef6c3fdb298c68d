//! Hypervisors: what an agent may use on its host, and how the host itself is installed.

use std::net::{IpAddr, SocketAddr};

use camino::Utf8PathBuf;

use super::{
    Address4, Address6, DiskName, DomainType, Filesystem, Firmware, HypervisorName, InterfaceName, KernelArg, MacAddr,
    NetworkName, OsName, PackageSpec, PoolName, StageName, TemplateName,
};

/// A storage pool of type `dir`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolSpec {
    /// Its name.
    pub name: PoolName,
    /// The directory.
    pub path: Utf8PathBuf,
}

/// A hypervisor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HypervisorSpec {
    /// Its name.
    pub name: HypervisorName,
    /// Pools; the first is the default.
    pub pools: Vec<PoolSpec>,
    /// Networks of the site that it carries; empty: all.
    pub networks: Vec<NetworkName>,
    /// Domain type, or none to probe for the best that works.
    pub domain_type: Option<DomainType>,
    /// Memory kept from VMs.
    pub reserve_memory_mib: u64,
    /// Where guests reach the install listener when their network names no address.
    pub install_address: Option<IpAddr>,
    /// Where its agent takes Puppet reports that other agents pass on.
    pub puppet_reports: Option<SocketAddr>,
    /// Installs that may run at once.
    pub parallel_installs: u32,
    /// How the hypervisor itself is installed (`rekindle render --hypervisor`); none: it was installed by other means.
    pub install: Option<HypervisorInstall>,
}

/// How a hypervisor is installed by `hypervisor.ks.tera`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HypervisorInstall {
    /// Its operating system.
    pub os: OsName,
    /// The stage whose repositories carry the agent.
    pub stage: StageName,
    /// Template.
    pub template: TemplateName,
    /// The system disk as the installer names it (`sda`, `nvme0n1`).
    pub disk: InterfaceName,
    /// Firmware.
    pub firmware: Firmware,
    /// File system of `/` and of the pool.
    pub filesystem: Filesystem,
    /// Name of the volume that takes what `/` leaves free, for the first pool.
    pub pool_volume: DiskName,
    /// NICs, bonds and VLANs with their addresses.
    pub nics: Vec<HypervisorNic>,
    /// Packages besides those of the template.
    pub packages: Vec<PackageSpec>,
    /// Kernel arguments.
    pub kernel_args: Vec<KernelArg>,
}

/// How the ports of a bond share traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BondMode {
    /// One port at a time.
    ActiveBackup,
    /// LACP (802.3ad).
    Lacp,
}

/// A bond of ports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BondSpec {
    /// Port names.
    pub ports: Vec<InterfaceName>,
    /// Mode.
    pub mode: BondMode,
}

/// A VLAN on a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VlanSpec {
    /// 1 to 4094.
    pub id: u16,
}

/// One configured device of a hypervisor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HypervisorNic {
    /// Device name, or the bond's.
    pub device: InterfaceName,
    /// Its MAC, where that is how it is found.
    pub mac: Option<MacAddr>,
    /// Set for a bond.
    pub bond: Option<BondSpec>,
    /// Set for a VLAN on `device`.
    pub vlan: Option<VlanSpec>,
    /// A bridge to put on top, for VMs.
    pub bridge: Option<InterfaceName>,
    /// The network that gives range, gateway and name servers.
    pub network: Option<NetworkName>,
    /// IPv4.
    pub v4: Address4,
    /// IPv6.
    pub v6: Address6,
}
