//! `os/NAME.toml`.

use crate::site::problems::{At, Key, Place};
use crate::site::table::Table;
use crate::site::units::Mib;
use crate::spec::{Filesystem, Firmware, KernelArg, OsinfoId, PackageSpec, PathText, ReleaseName};

use super::{LocationFile, RepoFile};

/// `os/NAME.toml`.
#[derive(Debug)]
pub(crate) struct OsFile {
    pub(crate) release: Key<ReleaseName>,
    pub(crate) tree: Key<LocationFile>,
    pub(crate) repos: Vec<RepoFile>,
    pub(crate) snapshots: Option<SnapshotsFile>,
    pub(crate) packages: Vec<At<PackageSpec>>,
    pub(crate) firmware: Key<Firmware>,
    pub(crate) filesystem: Key<Filesystem>,
    pub(crate) osinfo: Key<OsinfoId>,
    pub(crate) kernel_args: Vec<At<KernelArg>>,
    pub(crate) min_memory: Key<Mib>,
}

/// `[snapshots]`: frozen copies of the repositories.
#[derive(Debug)]
pub(crate) struct SnapshotsFile {
    pub(crate) place: Place,
    pub(crate) directory: Key<PathText>,
    pub(crate) keys: Vec<At<PathText>>,
    pub(crate) unsigned: Key<bool>,
}

impl SnapshotsFile {
    fn read(mut t: Table<'_>) -> Self {
        let snapshots =
            Self { place: t.place(), directory: t.need("directory"), keys: t.list("keys"), unsigned: t.get("unsigned") };
        t.finish();
        snapshots
    }
}

impl OsFile {
    /// Reads the file's top-level table.
    pub(crate) fn read(mut t: Table<'_>) -> Self {
        let os = Self {
            release: t.need("release"),
            tree: t.need("tree"),
            repos: RepoFile::all(&mut t),
            snapshots: t.table("snapshots").map(SnapshotsFile::read),
            packages: t.list("packages"),
            firmware: t.get("firmware"),
            filesystem: t.get("filesystem"),
            osinfo: t.get("osinfo"),
            kernel_args: t.list("kernel_args"),
            min_memory: t.get("min_memory"),
        };
        t.finish();
        os
    }
}
