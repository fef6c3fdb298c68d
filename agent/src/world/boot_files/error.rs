//! Why boot files could not be had, and what follows from it.

use std::io;

use camino::Utf8PathBuf;

use super::TreeReadError;
use crate::observed::Disposition;
use crate::spec::OsName;

/// Why an OS's boot files could not be had.
#[derive(Debug, thiserror::Error)]
pub enum BootFilesError {
    /// A file of the tree could not be read.
    #[error("OS `{os}`: cannot read `{place}`")]
    Read {
        /// The OS.
        os: OsName,
        /// Path or URL.
        place: String,
        /// Why.
        #[source]
        source: TreeReadError,
    },
    /// Neither `.treeinfo` nor `treeinfo` is there.
    #[error(
        "OS `{os}`: `{place}` is not an install tree: it has no `.treeinfo`; give the directory that holds `.treeinfo` and `images/`"
    )]
    NoTreeinfo {
        /// The OS.
        os: OsName,
        /// Where the tree should be.
        place: String,
    },
    /// `.treeinfo` cannot be understood or lacks something.
    #[error("OS `{os}`: `{place}`: {reason}")]
    BadTreeinfo {
        /// The OS.
        os: OsName,
        /// Path or URL of the file.
        place: String,
        /// What is wrong, with the line where there is one.
        reason: String,
    },
    /// The file is not the one that `.treeinfo` describes.
    #[error(
        "OS `{os}`: `{place}` has sha256 {found}, `.treeinfo` says {expected}: the tree is damaged or half synchronised; sync it again"
    )]
    WrongDigest {
        /// The OS.
        os: OsName,
        /// Path or URL.
        place: String,
        /// From `.treeinfo`.
        expected: String,
        /// Of what was read.
        found: String,
    },
    /// A file is larger than any such file.
    #[error("OS `{os}`: `{place}` is larger than {limit} bytes, which no install tree needs")]
    TooLarge {
        /// The OS.
        os: OsName,
        /// Path or URL.
        place: String,
        /// In bytes.
        limit: u64,
    },
    /// The cache on this host could not be read or written.
    #[error("boot file cache: {action} `{path}`")]
    Cache {
        /// What was tried, as in "create".
        action: &'static str,
        /// On what.
        path: Utf8PathBuf,
        /// The system's words.
        #[source]
        source: io::Error,
    },
}

impl BootFilesError {
    /// What the loop does about it.
    pub fn disposition(&self) -> Disposition {
        match self {
            Self::Read { source: TreeReadError::NotAFile, .. }
            | Self::NoTreeinfo { .. }
            | Self::BadTreeinfo { .. }
            | Self::TooLarge { .. } => Disposition::Blocked,
            // A mirror that is away or between two syncs comes back.
            Self::Read { .. } | Self::WrongDigest { .. } | Self::Cache { .. } => Disposition::RetryLater,
        }
    }

    /// The cache's file system is full.
    pub fn is_out_of_space(&self) -> bool {
        matches!(self, Self::Cache { source, .. }
            if matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded))
    }
}
