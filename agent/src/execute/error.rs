//! Why a step failed, and what the loop does about it.

use camino::Utf8PathBuf;

use crate::observed::{Cause, Disposition};
use crate::render::RenderError;
use crate::world::boot_files::BootFilesError;
use crate::world::puppet::{CaError, PuppetDbError, TokenKeyError};
use crate::world::{HypervisorError, StepFailure, StoreError};

/// A step's error.
#[derive(Debug, thiserror::Error)]
pub enum StepFault {
    /// libvirt.
    #[error(transparent)]
    Hypervisor(#[from] HypervisorError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The install tree.
    #[error(transparent)]
    BootFiles(#[from] BootFilesError),
    /// The Puppet CA.
    #[error(transparent)]
    Ca(#[from] CaError),
    /// PuppetDB.
    #[error(transparent)]
    PuppetDb(#[from] PuppetDbError),
    /// The site names no PuppetDB any more.
    #[error("the site has no `puppetdb_host` any more")]
    NoPuppetDb,
    /// The site names no Puppet server any more.
    #[error("the site has no `[puppet.server]` any more")]
    NoCa,
    /// The kickstart could not be rendered or does not pass its check.
    #[error("the kickstart")]
    Kickstart(#[source] Box<RenderError>),
    /// The key of the tokens for the Puppet CA.
    #[error(transparent)]
    TokenKey(#[from] TokenKeyError),
    /// A file of ours.
    #[error("{action} `{path}`")]
    File {
        /// `create` or `write`.
        action: &'static str,
        /// The file.
        path: Utf8PathBuf,
        /// The system's words.
        #[source]
        source: std::io::Error,
    },
    /// The site changed between plan and step.
    #[error("{what} `{name}` is not in the site any more")]
    GoneFromSite {
        /// Which kind.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// A task of ours ended without an answer.
    #[error("a task of the agent ended without an answer: {0}")]
    Aborted(String),
    /// A test's effect budget is spent.
    #[error("killed")]
    Killed,
}

/// An error with its causes on one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        // `transparent` variants show their source's text as their own.
        if !text.ends_with(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = error.source();
    }
    text
}

impl StepFault {
    /// The error and its causes in one line.
    pub fn chain(&self) -> String {
        chain(self)
    }

    /// As the planner is told.
    pub fn failure(&self) -> StepFailure {
        let (disposition, cause) = match self {
            Self::Hypervisor(error @ HypervisorError::NoSpace { .. }) => (error.disposition(), Cause::OutOfSpace),
            Self::Hypervisor(error) => (error.disposition(), Cause::HypervisorRefused),
            Self::BootFiles(error) if error.is_out_of_space() => (error.disposition(), Cause::OutOfSpace),
            Self::BootFiles(error) => (error.disposition(), Cause::BootFilesUnusable),
            Self::Ca(error) => (error.disposition(), Cause::HandoffFailed),
            Self::PuppetDb(error) => (error.disposition(), Cause::HandoffFailed),
            // Somebody has to put a key there; then it goes on by itself.
            Self::TokenKey(_) => (Disposition::Blocked, Cause::KickstartInvalid),
            Self::Kickstart(_) => (Disposition::GiveUp, Cause::KickstartInvalid),
            Self::File { source, .. } if source.kind() == std::io::ErrorKind::StorageFull => {
                (Disposition::RetryLater, Cause::OutOfSpace)
            }
            Self::Store(_)
            | Self::File { .. }
            | Self::GoneFromSite { .. }
            | Self::NoCa
            | Self::NoPuppetDb
            | Self::Aborted(_)
            | Self::Killed => (Disposition::RetryLater, Cause::HypervisorRefused),
        };
        StepFailure { disposition, cause, detail: self.chain() }
    }
}
