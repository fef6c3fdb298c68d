//! Where boot files come from, behind a trait so that the simulator needs no install tree.

use camino::Utf8PathBuf;

use super::Change;
use super::boot_files::{self, BootFilesError};
use crate::observed::BootFiles;
use crate::spec::{OsSpec, Timestamp};

/// Gives an OS's kernel and initrd.
pub trait BootFileSource: Send + Sync {
    /// Asks the tree and copies what is new. Blocks for as long as the tree takes.
    fn ensure(&self, os: &OsSpec, now: Timestamp) -> Result<(BootFiles, Change), BootFilesError>;

    /// What is there already, without asking the tree.
    fn cached(&self, os: &OsSpec) -> Option<BootFiles>;
}

/// The real one: a directory.
#[derive(Debug)]
pub struct BootFileCache {
    /// The directory; files are below `boot/OS/`.
    pub directory: Utf8PathBuf,
}

impl BootFileSource for BootFileCache {
    fn ensure(&self, os: &OsSpec, now: Timestamp) -> Result<(BootFiles, Change), BootFilesError> {
        boot_files::ensure(os, &self.directory, now)
    }

    fn cached(&self, os: &OsSpec) -> Option<BootFiles> {
        boot_files::cached_for(os, &self.directory)
    }
}
