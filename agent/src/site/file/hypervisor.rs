//! `hypervisors/NAME.toml`.

use std::net::{IpAddr, SocketAddr};

use crate::site::problems::{At, Key, Place};
use crate::site::table::Table;
use crate::site::units::Mib;
use crate::site::value::{Count, Whole};
use crate::spec::{
    BondMode, DiskName, DomainType, Filesystem, Firmware, InterfaceName, KernelArg, MacAddr, NetworkName, OsName, PackageSpec,
    PathText, PoolName, StageName, TemplateName,
};

use super::{Address4Word, Address6Word};

/// A `[[pools]]` table.
#[derive(Debug)]
pub(crate) struct PoolFile {
    pub(crate) name: Key<PoolName>,
    pub(crate) path: Key<PathText>,
}

/// One of `[[install.nics]]`.
#[derive(Debug)]
pub(crate) struct HostNicFile {
    pub(crate) device: Key<InterfaceName>,
    pub(crate) mac: Key<MacAddr>,
    pub(crate) bond: Option<(Vec<At<InterfaceName>>, Key<BondMode>, Place)>,
    pub(crate) vlan: Key<Whole<1, 4094>>,
    pub(crate) bridge: Key<InterfaceName>,
    pub(crate) network: Key<NetworkName>,
    pub(crate) address: Key<Address4Word>,
    pub(crate) address6: Key<Address6Word>,
}

/// `[install]`.
#[derive(Debug)]
pub(crate) struct InstallFile {
    pub(crate) place: Place,
    pub(crate) os: Key<OsName>,
    pub(crate) stage: Key<StageName>,
    pub(crate) template: Key<TemplateName>,
    pub(crate) disk: Key<InterfaceName>,
    pub(crate) firmware: Key<Firmware>,
    pub(crate) filesystem: Key<Filesystem>,
    pub(crate) pool_volume: Key<DiskName>,
    pub(crate) packages: Vec<At<PackageSpec>>,
    pub(crate) kernel_args: Vec<At<KernelArg>>,
    pub(crate) nics: Vec<HostNicFile>,
}

/// `hypervisors/NAME.toml`.
#[derive(Debug)]
pub(crate) struct HypervisorFile {
    pub(crate) pools: Vec<PoolFile>,
    pub(crate) networks: Vec<At<NetworkName>>,
    pub(crate) domain_type: Key<DomainType>,
    pub(crate) memory: Key<Mib>,
    pub(crate) reserve_memory: Key<Mib>,
    pub(crate) install_address: Key<IpAddr>,
    pub(crate) puppet_reports: Key<SocketAddr>,
    pub(crate) parallel_installs: Key<Count>,
    pub(crate) install: Option<InstallFile>,
}

impl HypervisorFile {
    /// Reads the file's top-level table.
    pub(crate) fn read(mut t: Table<'_>) -> Self {
        let has_pools = t.has("pools");
        let pools = t.tables("pools");
        let pools: Vec<PoolFile> = pools
            .into_iter()
            .map(|mut p| {
                let pool = PoolFile { name: p.need("name"), path: p.need("path") };
                p.finish();
                pool
            })
            .collect();
        if !has_pools || pools.is_empty() {
            let help = "give it a pool: `[[pools]]`, `name = \"images\"`, `path = \"/var/lib/libvirt/images\"`";
            t.report_missing("pools", Some(help.to_owned()));
        }
        let hypervisor = Self {
            pools,
            networks: t.list("networks"),
            domain_type: t.get("domain_type"),
            memory: t.get("memory"),
            reserve_memory: t.get("reserve_memory"),
            install_address: t.get("install_address"),
            puppet_reports: t.get("puppet_reports"),
            parallel_installs: t.get("parallel_installs"),
            install: t.table("install").map(read_install),
        };
        t.finish();
        hypervisor
    }
}

fn read_install(mut t: Table<'_>) -> InstallFile {
    let nics = t.tables("nics");
    let install = InstallFile {
        place: t.place(),
        os: t.get("os"),
        stage: t.get("stage"),
        template: t.get("template"),
        disk: t.need("disk"),
        firmware: t.get("firmware"),
        filesystem: t.get("filesystem"),
        pool_volume: t.get("pool_volume"),
        packages: t.list("packages"),
        kernel_args: t.list("kernel_args"),
        nics: nics.into_iter().map(read_nic).collect(),
    };
    t.finish();
    install
}

fn read_nic(mut t: Table<'_>) -> HostNicFile {
    let bond = t.table("bond").map(|mut b| {
        let bond = (b.list("ports"), b.get("mode"), b.place());
        b.finish();
        bond
    });
    let nic = HostNicFile {
        device: t.need("device"),
        mac: t.get("mac"),
        bond,
        vlan: t.get("vlan"),
        bridge: t.get("bridge"),
        network: t.get("network"),
        address: t.get("address"),
        address6: t.get("address6"),
    };
    t.finish();
    nic
}
