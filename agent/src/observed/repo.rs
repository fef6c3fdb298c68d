//! What the embedded repository holds: packages of the pool, contents of stages, publications, check results.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::spec::{CheckName, Digest, Nevra, RoleName, StageName, Timestamp, VmName};

/// A package that entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolPackage {
    /// SHA-256 of the file.
    pub digest: Digest,
    /// What it is.
    pub nevra: Nevra,
    /// Bytes of the file.
    pub size: u64,
    /// SHA-256 of the header, as rpm databases report it (`SHA256HEADER`).
    pub header: String,
    /// SHA-256 of what was handed in; differs from `digest` where the package was signed on entry.
    pub source: Digest,
    /// Id of the key whose signature it carries.
    pub signer: String,
    /// One line about it.
    pub summary: String,
    /// When it was built, in seconds since 1970; 0 where the package does not say.
    pub built: u64,
    /// When it entered.
    pub entered: Timestamp,
    /// Who brought it.
    pub by: String,
    /// Bytes of its parts of `primary`, `filelists` and `other`.
    pub parts: [u64; 3],
    /// The file of the pool that has them, one for all packages that entered together, and where in it they begin.
    pub parts_at: (String, u64),
}

/// A package in a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StagePackage {
    /// Which bytes.
    pub digest: Digest,
    /// When they came into the stage.
    pub since: Timestamp,
}

/// The content of a stage at one generation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StageContent {
    /// The generation: 0 is the empty stage that nobody has published.
    pub generation: u64,
    /// Packages, in the order of the repodata.
    pub packages: Vec<StagePackage>,
}

/// Why a stage was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Packages entered.
    Add,
    /// They came from another stage.
    Promote {
        /// Which.
        from: StageName,
    },
    /// The content of an earlier generation was restored.
    Rollback {
        /// Which.
        to: u64,
    },
    /// Old versions were let go.
    Retire,
    /// The same content was written anew.
    Refresh,
}

impl Action {
    /// Its word in histories.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Promote { .. } => "promote",
            Self::Rollback { .. } => "rollback",
            Self::Retire => "retire",
            Self::Refresh => "refresh",
        }
    }
}

/// One publication of a stage: the line of its history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// The stage.
    pub stage: StageName,
    /// Counted from 1.
    pub generation: u64,
    /// When.
    pub at: Timestamp,
    /// Who asked for it, as they said.
    pub by: String,
    /// Whose login it was, or whose token: what the system knew. Empty in records from before it was noted.
    pub login: String,
    /// Why.
    pub action: Action,
    /// Who approved, where that was needed.
    pub approved_by: Option<String>,
    /// What was said about it.
    pub note: String,
    /// What came in.
    pub added: Vec<StagePackage>,
    /// What left, with the time since when it had been in.
    pub removed: Vec<StagePackage>,
    /// How long it took.
    pub took: Duration,
}

/// How a package came to a VM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Arrival {
    /// The VM was installed with it.
    Installed,
    /// The VM was updated in place, by Puppet or by hand.
    Updated,
}

impl Arrival {
    /// As stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Installed => "installed",
            Self::Updated => "updated",
        }
    }

    /// The arrival of this name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Installed, Self::Updated].into_iter().find(|arrival| arrival.as_str() == text)
    }
}

/// The result of one check for one package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageCheck {
    /// Which bytes were checked.
    pub digest: Digest,
    /// On a VM of this stage.
    pub stage: StageName,
    /// The VM's role.
    pub role: RoleName,
    /// The check.
    pub check: CheckName,
    /// The VM.
    pub vm: VmName,
    /// Why it failed; none: it passed.
    pub failure: Option<String>,
    /// When it ended.
    pub at: Timestamp,
    /// Since when the VM had reported these bytes, and how they came there; none in records from before it was noted.
    pub runs: Option<(Timestamp, Arrival)>,
}

/// Everything about the repository that decisions need.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ObservedRepository {
    /// Every package that ever entered and is still there, by digest.
    pub pool: BTreeMap<Digest, PoolPackage>,
    /// What every NEVRA stands for, gone packages too.
    pub known: BTreeMap<Nevra, Digest>,
    /// Contents of the stages.
    pub stages: BTreeMap<StageName, StageContent>,
}

impl ObservedRepository {
    /// The packages of `stage`, as the pool knows them.
    pub fn packages<'a>(&'a self, stage: &str) -> impl Iterator<Item = (&'a PoolPackage, Timestamp)> {
        let content = self.stages.get(stage).into_iter().flat_map(|content| &content.packages);
        content.filter_map(|package| self.pool.get(&package.digest).map(|known| (known, package.since)))
    }
}
