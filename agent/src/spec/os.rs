//! Operating systems: an install tree and the release its kickstarts are written for; repositories.

use camino::Utf8PathBuf;

use super::{Filesystem, Firmware, HttpUrl, KernelArg, OsName, OsinfoId, PackageSpec, ReleaseName};

/// Where an install tree is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TreeLocation {
    /// On a mirror that guests and hypervisor both reach.
    Url(HttpUrl),
    /// A directory on the hypervisor, offered to guests by the install listener as `/os/NAME/`.
    Directory(Utf8PathBuf),
}

/// Where a YUM repository is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RepoLocation {
    /// On a mirror.
    Url(HttpUrl),
    /// A directory on the hypervisor, offered to guests by the install listener as `/repo/OWNER/NAME/`; the owner is the stage or
    /// the OS that names it.
    Directory(Utf8PathBuf),
    /// The site's own repository of the VM's stage, offered by the install listener as `/repo/STAGE/NAME/`.
    Own,
    /// Frozen: the snapshot of this upstream that the VM's stage uses, offered as `/snapshot/OS/stages/STAGE/NAME/`.
    Snapshot(HttpUrl),
}

/// A YUM repository that a VM installs from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepoSpec {
    /// Its id: letters, digits and hyphens, unique within a VM.
    pub name: String,
    /// Where it is.
    pub location: RepoLocation,
    /// dnf's cost; lower is preferred.
    pub cost: Option<u32>,
}

/// Frozen copies of an OS's repositories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotSpec {
    /// Where they are kept.
    pub directory: Utf8PathBuf,
    /// Files with the public keys that sign the upstreams' metadata; none: the upstreams are believed.
    pub keys: Vec<Utf8PathBuf>,
}

/// An operating system that VMs can have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OsSpec {
    /// Its name in the site.
    pub name: OsName,
    /// The kickstart release.
    pub release: ReleaseName,
    /// The install tree.
    pub tree: TreeLocation,
    /// Further repositories (`AppStream`, for one).
    pub repos: Vec<RepoSpec>,
    /// Where frozen copies of its repositories are kept; none: VMs install from the upstreams as they are.
    pub snapshots: Option<SnapshotSpec>,
    /// Packages and groups of every VM of this OS.
    pub packages: Vec<PackageSpec>,
    /// Firmware of its VMs.
    pub firmware: Firmware,
    /// File system where a disk names none.
    pub filesystem: Filesystem,
    /// For virt-manager and its like.
    pub osinfo: Option<OsinfoId>,
    /// On the kernel command line of the installer and the installed system.
    pub kernel_args: Vec<KernelArg>,
    /// Memory that the installer needs; VMs with less are refused by `check`.
    pub min_memory_mib: u64,
}
