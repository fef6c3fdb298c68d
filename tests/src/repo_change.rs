//! One change to a repository of a test, by name: the tests of crashes and faults make each of them, from one process or another.

use std::collections::BTreeSet;

use camino::Utf8PathBuf;
use rekindle::execute::repo::{self as execute, Asked, Rehearsal, RepoFault};
use rekindle::plan::repo::{PromotionRequest, Selection};
use rekindle::spec::{PromotionPolicy, RepositorySpec, StageName, Timestamp};
use rekindle::world::repo::Repository;

use crate::rpms::RpmLab;

/// A change.
#[derive(Debug, Clone)]
pub enum Change {
    /// These files come into `dev`.
    Add(Vec<Utf8PathBuf>),
    /// The newest of everything moves from `dev` to `testing`.
    Promote,
    /// `testing` goes back to its first generation.
    Rollback,
    /// What is not needed goes, a year after everything else has happened.
    Collect,
    /// The same, two years after.
    CollectLater,
}

/// The policy under which changes are made: two stages, one version kept, nothing kept for stragglers.
pub fn policy(lab: &RpmLab) -> RepositorySpec {
    let mut policy = lab.policy(&["dev", "testing"]);
    policy.keep_versions = 1;
    policy.keep_removed = std::time::Duration::from_secs(60);
    policy
}

fn stage(name: &str) -> StageName {
    name.parse().expect("a stage")
}

impl Change {
    /// By its word.
    pub fn named(verb: &str, files: Vec<Utf8PathBuf>) -> Self {
        match verb {
            "add" => Self::Add(files),
            "promote" => Self::Promote,
            "rollback" => Self::Rollback,
            "gc" => Self::Collect,
            "gc-later" => Self::CollectLater,
            other => panic!("`{other}` is no change"),
        }
    }

    /// Its word.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Add(_) => "add",
            Self::Promote => "promote",
            Self::Rollback => "rollback",
            Self::Collect => "gc",
            Self::CollectLater => "gc-later",
        }
    }

    /// Makes it.
    pub fn make(&self, repository: &Repository) -> Result<(), RepoFault> {
        const NOW: u64 = 1_795_418_280_000;
        let asked = |now| Asked { by: "test".to_owned(), login: "test".to_owned(), note: String::new(), now: Timestamp(now) };
        let free = PromotionPolicy::default();
        match self {
            Self::Add(files) => execute::add(repository, &free, &stage("dev"), files, &asked(NOW)).map(drop),
            Self::Promote => {
                let (from, to) = (stage("dev"), stage("testing"));
                let request = PromotionRequest { selection: Selection::Passed, from, to, approved_by: None };
                execute::promote(repository, &free, &request, &asked(NOW)).map(drop)
            }
            Self::Rollback => execute::rollback(repository, &free, &stage("testing"), 1, None, &asked(NOW)).map(drop),
            Self::Collect | Self::CollectLater => {
                let years = if matches!(self, Self::Collect) { 1 } else { 2 };
                let later = asked(NOW + years * 365 * 86_400_000);
                execute::collect_garbage(repository, &BTreeSet::new(), Rehearsal::ForReal, &later).map(drop)
            }
        }
    }
}
