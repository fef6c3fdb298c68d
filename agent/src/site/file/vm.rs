//! `vms/NAME.toml`.

use crate::site::problems::{At, Key, Place};
use crate::site::table::Table;
use crate::site::units::Mib;
use crate::site::value::{Count, Vcpus};
use crate::spec::{
    Firmware, HypervisorName, KernelArg, MacAddr, NetworkName, OsName, PackageSpec, RoleName, ServiceName, SizeName, StageName,
    TeamName, TemplateName,
};

use super::{Address4Word, Address6Word, CheckFile, DeadlinesFile, DiskFile, PuppetFile};

/// One NIC: the VM's own keys, or one of its `[[nics]]`.
#[derive(Debug)]
pub(crate) struct NicFile {
    pub(crate) place: Place,
    pub(crate) network: Key<NetworkName>,
    pub(crate) address: Key<Address4Word>,
    pub(crate) address6: Key<Address6Word>,
    pub(crate) mac: Key<MacAddr>,
}

impl NicFile {
    fn of(t: &mut Table<'_>) -> Self {
        Self {
            place: t.place(),
            network: t.get("network"),
            address: t.get("address"),
            address6: t.get("address6"),
            mac: t.get("mac"),
        }
    }
}

/// `vms/NAME.toml`.
#[derive(Debug)]
pub(crate) struct VmFile {
    pub(crate) role: Key<RoleName>,
    pub(crate) stage: Key<StageName>,
    pub(crate) team: Key<TeamName>,
    pub(crate) hypervisor: Key<HypervisorName>,
    pub(crate) size: Key<SizeName>,
    pub(crate) os: Key<OsName>,
    pub(crate) template: Key<TemplateName>,
    pub(crate) vcpus: Key<Vcpus>,
    pub(crate) memory: Key<Mib>,
    pub(crate) firmware: Key<Firmware>,
    /// The first is the install NIC; never empty.
    pub(crate) nics: Vec<NicFile>,
    pub(crate) packages: Vec<At<PackageSpec>>,
    pub(crate) services: Vec<At<ServiceName>>,
    pub(crate) kernel_args: Vec<At<KernelArg>>,
    pub(crate) root_disk: Option<DiskFile>,
    pub(crate) disks: Vec<DiskFile>,
    pub(crate) puppet: Option<PuppetFile>,
    pub(crate) checks: Vec<CheckFile>,
    pub(crate) deadlines: Option<DeadlinesFile>,
    pub(crate) attempts: Key<Count>,
    pub(crate) autostart: Key<bool>,
}

impl VmFile {
    /// Reads the file's top-level table.
    pub(crate) fn read(mut t: Table<'_>) -> Self {
        // One NIC is written at the top level, several as `[[nics]]`; where both are, the top level's keys are unknown ones.
        let nics: Vec<NicFile> = if t.has("nics") {
            let tables = t.tables("nics");
            tables
                .into_iter()
                .map(|mut nic| {
                    let read = NicFile::of(&mut nic);
                    nic.finish();
                    read
                })
                .collect()
        } else {
            vec![NicFile::of(&mut t)]
        };
        let vm = Self {
            role: t.need("role"),
            stage: t.get("stage"),
            team: t.get("team"),
            hypervisor: t.get("hypervisor"),
            size: t.get("size"),
            os: t.get("os"),
            template: t.get("template"),
            vcpus: t.get("vcpus"),
            memory: t.get("memory"),
            firmware: t.get("firmware"),
            nics,
            packages: t.list("packages"),
            services: t.list("services"),
            kernel_args: t.list("kernel_args"),
            root_disk: DiskFile::root(&mut t),
            disks: DiskFile::all(&mut t),
            puppet: PuppetFile::of(&mut t),
            checks: CheckFile::all(&mut t),
            deadlines: DeadlinesFile::of(&mut t),
            attempts: t.get("attempts"),
            autostart: t.get("autostart"),
        };
        t.finish();
        vm
    }
}
