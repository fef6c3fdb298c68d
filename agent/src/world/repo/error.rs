//! What can go wrong with the repository: each error says what was being done, with which file, and what to do about it.

use camino::Utf8PathBuf;

use crate::spec::{Digest, Nevra, StageName};

/// Why the repository could not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum RepoError {
    /// The file system said no.
    #[error("{what} `{path}`")]
    File {
        /// What was being done: `write`, `link`, …
        what: &'static str,
        /// With which file.
        path: Utf8PathBuf,
        /// The system's words.
        #[source]
        source: std::io::Error,
    },
    /// A program could not be run.
    #[error("run `{program}`: install it (see docs/repositories.md)")]
    NoProgram {
        /// Which.
        program: &'static str,
        /// The system's words.
        #[source]
        source: std::io::Error,
    },
    /// A program failed.
    #[error("`{program}` failed while it was to {purpose}: {output}")]
    Program {
        /// Which.
        program: &'static str,
        /// What for.
        purpose: &'static str,
        /// The last lines of what it said.
        output: String,
    },
    /// Another process has held the lock for too long.
    #[error("process {pid} has worked on the repository for {seconds} s: wait for it, or end it; it loses nothing")]
    Busy {
        /// The process as it wrote itself down.
        pid: String,
        /// How long we waited.
        seconds: u64,
    },
    /// A record of ours cannot be read.
    #[error("`{path}` is damaged at line {line}: restore it from a backup; `rekindle repo verify` says what is still whole")]
    Record {
        /// The file.
        path: Utf8PathBuf,
        /// Counted from 1.
        line: usize,
        /// The parser's words.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A package of a stage has no bytes in the pool.
    #[error("package {digest} of stage `{stage}` is not in the pool: run `rekindle repo verify`")]
    Missing {
        /// Which bytes.
        digest: Digest,
        /// Where they should be.
        stage: StageName,
    },
    /// Repodata do not say what the pool says.
    #[error("the repodata of {nevra} do not fit its file: {detail}")]
    Metadata {
        /// Which package.
        nevra: Box<Nevra>,
        /// What differs.
        detail: String,
    },
    /// The keyring cannot be used.
    #[error("the keyring `{path}` cannot be used: {detail}")]
    Keyring {
        /// Which file.
        path: Utf8PathBuf,
        /// Why.
        detail: String,
    },
    /// The stage has no such generation.
    #[error("stage `{stage}` never had generation {generation}")]
    NoGeneration {
        /// The stage.
        stage: StageName,
        /// What was asked for.
        generation: u64,
    },
}
