//! Stage 2 of the pipeline: what should be.
//!
//! Plain types without serde and without I/O. `site` makes them and has proved everything that can be proved from the files
//! alone; nothing downstream checks again. Start at [`Spec`], then [`VmSpec`].

mod check;
mod disk;
mod domain;
mod hypervisor;
mod id;
mod network;
mod oid;
mod os;
mod package;
mod puppet;
mod repository;
#[cfg(test)]
pub(crate) mod sample;
mod secret;
mod site;
mod stage;
mod text;
mod time;
mod vm;

pub use check::{CheckKind, CheckSpec};
pub use disk::{DiskSpec, Filesystem, Layout, VolumeSpec};
pub use domain::{Boot, DomainDisk, DomainNic, DomainSpec, DomainType, Firmware, NicSource, Owner, Stop};
pub use hypervisor::{BondMode, BondSpec, HypervisorInstall, HypervisorNic, HypervisorSpec, PoolSpec, VlanSpec};
pub use id::{
    CheckName, DiskName, Fqdn, HypervisorName, IdError, MacAddr, NetworkName, OsName, PoolName, RepoName, RoleName, SiteName,
    SizeName, StageName, TeamName, TemplateName, VmName,
};
pub use network::{Address4, Address6, DhcpRange, Forward, NetworkKind, NetworkSpec, NicSpec};
pub use oid::Oid;
pub use os::{OsSpec, RepoLocation, RepoSpec, SnapshotSpec, TreeLocation};
pub use package::{Digest, Nevra, is_pattern};
pub use puppet::{PuppetHost, PuppetMode, PuppetServerSpec, PuppetSpec, PuppetValue, SitePuppet};
pub use repository::{ApprovalPolicy, EntryPolicy, PromotionPolicy, RepositorySpec};
pub use secret::{PasswordHash, PuppetToken, Token};
pub use site::{RootAccess, SiteSpec, Spec, TeamSpec};
pub use stage::{StagePolicy, StageSpec};
pub use text::{
    Contact, ExtensionValue, FileMode, HieraKey, HostName, HttpUrl, InterfaceName, KernelArg, Keyboard, LibvirtUri, Locale,
    MountPoint, OsinfoId, PackageSpec, PathText, PuppetName, ReleaseName, ServiceName, SshKey, Timezone, UrlPath,
};
pub use time::Timestamp;
pub use vm::{Deadlines, VmSpec};
