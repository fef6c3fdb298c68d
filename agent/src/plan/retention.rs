//! What may leave the site's own repository: versions that are old, and bytes that nobody needs any more.
//!
//! Pure functions of what the repository holds, what its stages held and what VMs run; `execute::repo` asks and obeys.

use std::collections::{BTreeMap, BTreeSet};

use super::repo::group;
use crate::observed::{ObservedRepository, PoolPackage, Publication};
use crate::spec::{Digest, RepositorySpec, StageName, Timestamp};

/// A package that a VM reported.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Running {
    /// `SHA256HEADER` as the VM's rpm database has it.
    pub header: String,
}

/// What retention lets go.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RetentionPlan {
    /// For each stage that changes: what leaves it.
    pub retire: BTreeMap<StageName, Vec<Digest>>,
    /// Packages whose bytes go: nothing refers to them any more.
    pub remove: Vec<Digest>,
    /// Links in stages that no client can need any more.
    pub unlink: BTreeMap<StageName, Vec<Digest>>,
}

/// What may go by `now`. A stage keeps the newest versions of each package and whatever VMs run; bytes go when no stage holds
/// them, and no stage held them so recently that a client might still ask.
pub fn plan_retention(
    repository: &RepositorySpec,
    observed: &ObservedRepository,
    histories: &BTreeMap<StageName, Vec<Publication>>,
    running: &BTreeSet<Running>,
    now: Timestamp,
) -> RetentionPlan {
    let mut plan = RetentionPlan::default();
    let runs = |package: &PoolPackage| running.contains(&Running { header: package.header.clone() });
    let mut needed: BTreeSet<&Digest> = BTreeSet::new();
    for stage in observed.stages.keys() {
        let mut leave = Vec::new();
        for mut versions in group(observed, stage).into_values() {
            versions.sort_by(|a, b| b.nevra.compare(&a.nevra));
            for (age, package) in versions.into_iter().enumerate() {
                if age < repository.keep_versions as usize || runs(package) {
                    needed.insert(&package.digest);
                } else {
                    leave.push(package.digest.clone());
                }
            }
        }
        if !leave.is_empty() {
            plan.retire.insert(stage.clone(), leave);
        }
    }
    for (stage, history) in histories {
        let held: BTreeSet<&Digest> =
            observed.stages.get(stage).into_iter().flat_map(|content| &content.packages).map(|p| &p.digest).collect();
        let mut left: BTreeMap<&Digest, Timestamp> = BTreeMap::new();
        for publication in history {
            for package in &publication.removed {
                left.insert(&package.digest, publication.at);
            }
        }
        for (digest, at) in left {
            if held.contains(digest) {
                continue;
            }
            if now.since(at) < repository.keep_removed {
                needed.insert(digest);
            } else if observed.pool.contains_key(digest) {
                plan.unlink.entry(stage.clone()).or_default().push(digest.clone());
            }
        }
    }
    // What leaves a stage now counts as removed now: its bytes wait for `keep_removed` as well.
    needed.extend(plan.retire.values().flatten());
    let gone = observed.pool.values().filter(|package| {
        !needed.contains(&package.digest) && !runs(package) && now.since(package.entered) >= repository.keep_removed
    });
    plan.remove = gone.map(|package| package.digest.clone()).collect();
    plan
}
