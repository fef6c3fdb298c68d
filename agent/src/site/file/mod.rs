//! The files of a site as written: every key is optional or wrong or given, with its place; nothing is merged or looked up.
//!
//! One file a noun; `parts` has what several of them share. `docs/site.md` documents the keys.

mod hypervisor;
mod network;
mod os;
mod parts;
mod puppet_server;
mod role;
mod size;
mod stage;
mod team;
mod top;
mod vm;

pub(crate) use hypervisor::{HostNicFile, HypervisorFile, InstallFile, PoolFile};
pub(crate) use network::{DhcpFile, KindWord, NetworkFile};
pub(crate) use os::{OsFile, SnapshotsFile};
pub(crate) use parts::{
    Address4Word, Address6Word, CheckFile, CheckKindFile, DeadlinesFile, DiskFile, LocationFile, PuppetFile, RepoFile,
};
pub(crate) use puppet_server::PuppetServerFile;
pub(crate) use role::RoleFile;
pub(crate) use size::SizeFile;
pub(crate) use stage::StageFile;
pub(crate) use team::TeamFile;
pub(crate) use top::{DefaultsFile, RepositoryFile, TopFile, TopPuppet};
pub(crate) use vm::{NicFile, VmFile};
