//! Policies of the site's own repository, for tests.

use std::time::Duration;

use rekindle::spec::{EntryPolicy, PromotionPolicy, RepositorySpec, StageName};

use super::RpmLab;

impl RpmLab {
    /// A policy with these stages, the lab's key in the keyring, and repodata signed with it.
    pub fn policy(&self, stages: &[&str]) -> RepositorySpec {
        let signing_key = Some(self.signer.name.clone());
        RepositorySpec { keyring: vec![self.signer.public.clone()], signing_key, ..Self::stages(stages) }
    }

    /// These stages without any key, for decisions that no package waits for.
    pub fn stages(stages: &[&str]) -> RepositorySpec {
        RepositorySpec {
            name: "site".parse().expect("a name"),
            stages: stages.iter().map(|stage| stage.parse::<StageName>().expect("a stage")).collect(),
            keyring: vec![],
            entry: EntryPolicy::Signed,
            signing_key: None,
            keep_versions: 3,
            keep_metadata: Duration::from_hours(6),
            keep_removed: Duration::from_hours(168),
            url: None,
        }
    }

    /// A stage that asks nothing of packages.
    pub fn open_stage() -> PromotionPolicy {
        PromotionPolicy::default()
    }
}
