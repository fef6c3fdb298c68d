//! `roles/NAME.toml`.

use crate::site::problems::{At, Key};
use crate::site::table::Table;
use crate::site::value::Count;
use crate::spec::{NetworkName, OsName, PackageSpec, ServiceName, SizeName, TemplateName};

use super::{CheckFile, DeadlinesFile, DiskFile, PuppetFile};

/// `roles/NAME.toml`.
#[derive(Debug)]
pub(crate) struct RoleFile {
    pub(crate) template: Key<TemplateName>,
    pub(crate) os: Key<OsName>,
    pub(crate) size: Key<SizeName>,
    pub(crate) network: Key<NetworkName>,
    pub(crate) packages: Vec<At<PackageSpec>>,
    pub(crate) services: Vec<At<ServiceName>>,
    pub(crate) root_disk: Option<DiskFile>,
    pub(crate) disks: Vec<DiskFile>,
    pub(crate) puppet: Option<PuppetFile>,
    pub(crate) checks: Vec<CheckFile>,
    pub(crate) deadlines: Option<DeadlinesFile>,
    pub(crate) attempts: Key<Count>,
    pub(crate) autostart: Key<bool>,
}

impl RoleFile {
    /// Reads the file's top-level table.
    pub(crate) fn read(mut t: Table<'_>) -> Self {
        let role = Self {
            template: t.get("template"),
            os: t.get("os"),
            size: t.get("size"),
            network: t.get("network"),
            packages: t.list("packages"),
            services: t.list("services"),
            root_disk: DiskFile::root(&mut t),
            disks: DiskFile::all(&mut t),
            puppet: PuppetFile::of(&mut t),
            checks: CheckFile::all(&mut t),
            deadlines: DeadlinesFile::of(&mut t),
            attempts: t.get("attempts"),
            autostart: t.get("autostart"),
        };
        t.finish();
        role
    }
}
