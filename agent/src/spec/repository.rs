//! The site's own stage repositories: which stages they are, who may enter, what is kept.

use std::time::Duration;

use camino::Utf8PathBuf;

use super::{CheckName, HttpUrl, RepoName, StageName};

/// What a package must bring when it enters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryPolicy {
    /// A valid signature by a key of the keyring.
    Signed,
    /// Whole bytes; the agent signs those that are not signed, once.
    SignOnce,
}

/// `[repository]` of the site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositorySpec {
    /// The repository's id on VMs, in every stage.
    pub name: RepoName,
    /// The stages that are repositories, in the order in which packages move; at least one.
    pub stages: Vec<StageName>,
    /// Files with the public keys (ASCII armour) that sign packages and repodata.
    pub keyring: Vec<Utf8PathBuf>,
    /// What packages must bring.
    pub entry: EntryPolicy,
    /// The key that signs repodata, and packages where `entry` says so, as gpg names it; none: repodata are not signed.
    pub signing_key: Option<String>,
    /// Versions of each package that a stage keeps besides those that VMs run.
    pub keep_versions: u32,
    /// How long repodata that were replaced stay readable.
    pub keep_metadata: Duration,
    /// How long packages that left a stage stay readable there.
    pub keep_removed: Duration,
    /// Where guests reach the stages, if that is not the agent's install listener: `mirrorlist` files are written for it.
    pub url: Option<HttpUrl>,
}

impl RepositorySpec {
    /// The place of `stage` in the order.
    pub fn position(&self, stage: &StageName) -> Option<usize> {
        self.stages.iter().position(|other| other == stage)
    }
}

/// How an approval is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ApprovalPolicy {
    /// Whoever promotes names the approver and is believed; the record has the login of both words' giver beside it.
    #[default]
    Named,
    /// The approver promotes: the login must be the name.
    Login,
}

/// What a stage asks of packages that come from the stage before it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PromotionPolicy {
    /// Packages may enter here without having been in the stage before. The first stage is open whatever this says.
    pub entry: bool,
    /// Who may approve; empty: no approval is needed.
    pub approvers: Vec<String>,
    /// How it is known that one of them did.
    pub approval: ApprovalPolicy,
    /// Checks that must have passed for exactly these bytes in the stage before.
    pub checks: Vec<CheckName>,
}
