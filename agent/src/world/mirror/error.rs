//! What can go wrong with a mirror.

use std::io;

use camino::Utf8PathBuf;

/// Why a repository could not be mirrored; what was there before is untouched.
#[derive(Debug, thiserror::Error)]
pub enum MirrorError {
    /// The upstream has no such file.
    #[error("`{url}` does not exist there: is this the directory that holds `repodata/`?")]
    NotFound {
        /// What was asked for.
        url: String,
    },
    /// The upstream has no file that its metadata name.
    #[error(
        "`{url}` is not there, although the repository's metadata name it: the upstream is being changed, or lost it: run it again later"
    )]
    Missing {
        /// What was asked for.
        url: String,
    },
    /// The upstream answered with an error.
    #[error("`{url}` was answered with status {status}")]
    Status {
        /// What was asked for.
        url: String,
        /// The status.
        status: u16,
    },
    /// The upstream could not be reached, or broke off, more often than is tried.
    #[error("fetch `{url}`: run it again, it goes on where it was")]
    Network {
        /// What was asked for.
        url: String,
        /// The network's words.
        #[source]
        source: Box<ureq::Error>,
    },
    /// The bytes are not those that the metadata promise.
    #[error(
        "`{url}` is not what the repository's metadata say: its {what} is {found}, not {expected}; the upstream is damaged or being \
         changed: run it again later"
    )]
    Altered {
        /// The file.
        url: String,
        /// `size`, `sha256`, …
        what: &'static str,
        /// What came.
        found: String,
        /// What was promised.
        expected: String,
    },
    /// The repository is not signed, or not by a key that was given.
    #[error("`{url}` cannot be trusted: {reason}")]
    Untrusted {
        /// The signed file.
        url: String,
        /// Why, and what to do.
        reason: String,
    },
    /// The metadata make no sense.
    #[error("`{url}`: {reason}")]
    Metadata {
        /// The file.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The same, found by a parser.
    #[error("`{url}` cannot be read")]
    Parse {
        /// The file.
        url: String,
        /// The parser's words.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// There is no such snapshot.
    #[error("there is no snapshot `{name}` in `{directory}`; there are: {}", known.join(", "))]
    NoSnapshot {
        /// As asked.
        name: String,
        /// The mirror.
        directory: Utf8PathBuf,
        /// Those that are there.
        known: Vec<String>,
    },
    /// A stage has none yet.
    #[error("stage `{stage}` has no snapshot in `{directory}` yet: run `rekindle repo os refresh`")]
    NoStage {
        /// The stage.
        stage: String,
        /// The mirror.
        directory: Utf8PathBuf,
    },
    /// Another process works on the mirror.
    #[error("the mirror `{directory}` is in use by another process: wait for it")]
    Busy {
        /// The mirror.
        directory: Utf8PathBuf,
    },
    /// The file system said no.
    #[error("{what} `{path}`")]
    File {
        /// What was being done.
        what: &'static str,
        /// With which file.
        path: Utf8PathBuf,
        /// The system's words.
        #[source]
        source: io::Error,
    },
    /// A program could not be run.
    #[error("run `{program}`: install it")]
    NoProgram {
        /// Which.
        program: &'static str,
        /// The system's words.
        #[source]
        source: io::Error,
    },
}

/// Gives I/O errors their context.
pub(super) fn file(what: &'static str, path: impl Into<Utf8PathBuf>) -> impl FnOnce(io::Error) -> MirrorError {
    let path = path.into();
    move |source| MirrorError::File { what, path, source }
}
