//! A package's way from its upload to the last stage that it has reached, and which share of the time was ours. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::observed::{Action, Arrival, PackageCheck, Publication};
use crate::spec::{Digest, StageName, Timestamp, VmName};

/// Something that happened to a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Milestone {
    /// When it was over.
    pub at: Timestamp,
    /// In which stage.
    pub stage: StageName,
    /// What, in a few words.
    pub what: String,
    /// How much of the time since the milestone before was spent by Rekindle itself: publishing, and deciding after the last check.
    pub ours: Duration,
}

/// The milestones of `package`, oldest first. `histories` are the publications of the stages, `checks` the results for the package.
pub fn journey(package: &Digest, histories: &BTreeMap<StageName, Vec<Publication>>, checks: &[PackageCheck]) -> Vec<Milestone> {
    let mut milestones = arrivals(package, histories, checks);
    let mut seen = BTreeSet::new();
    for check in checks {
        // The first time that it passes counts; so does each failure.
        let key = (check.stage.clone(), check.vm.clone(), check.check.clone(), check.failure.clone());
        if !seen.insert(key) {
            continue;
        }
        let how = check.failure.as_ref().map_or_else(|| "passed".to_owned(), |why| format!("failed: {why}"));
        let what = format!("check {} on {} (role {}) {how}", check.check, check.vm, check.role);
        milestones.push(Milestone { at: check.at, stage: check.stage.clone(), what, ours: Duration::ZERO });
    }
    for (stage, publications) in histories {
        let coming = publications.iter().filter(|publication| publication.added.iter().any(|added| added.digest == *package));
        for publication in coming {
            let (what, decided) = match &publication.action {
                Action::Add => (format!("uploaded by {}", publication.by), None),
                Action::Promote { from } => {
                    let last = checks.iter().filter(|c| c.stage == *from && c.failure.is_none() && c.at <= publication.at);
                    let decided = last.map(|check| check.at).max().filter(|_| publication.by == BY);
                    (format!("promoted from {from} by {}", publication.by), decided)
                }
                other => (format!("{} by {}", other.as_str(), publication.by), None),
            };
            // From the last check on it was we who waited.
            let deciding = decided.map_or(Duration::ZERO, |last| publication.at.since(last));
            milestones.push(Milestone {
                at: publication.at.plus(publication.took),
                stage: stage.clone(),
                what,
                ours: publication.took + deciding,
            });
        }
    }
    milestones.sort_by_key(|milestone| milestone.at);
    milestones
}

/// When the VMs that checked the package in a stage first had it. One that had it before it ever entered tells nothing of its way.
fn arrivals(package: &Digest, histories: &BTreeMap<StageName, Vec<Publication>>, checks: &[PackageCheck]) -> Vec<Milestone> {
    let brought = |publication: &&Publication| publication.added.iter().any(|added| added.digest == *package);
    let entered = histories.values().flatten().filter(brought).map(|publication| publication.at).min();
    let mut first: BTreeMap<(&StageName, &VmName), (Timestamp, Arrival)> = BTreeMap::new();
    for check in checks {
        let Some(runs) = check.runs.filter(|(since, _)| entered.is_some_and(|entered| *since >= entered)) else { continue };
        let known = first.entry((&check.stage, &check.vm)).or_insert(runs);
        *known = runs.min(*known);
    }
    let told = |((stage, vm), (since, arrival)): ((&StageName, &VmName), (Timestamp, Arrival))| {
        let what = match arrival {
            Arrival::Installed => format!("{vm} was installed with it"),
            Arrival::Updated => format!("{vm} was updated to it in place"),
        };
        Milestone { at: since, stage: stage.clone(), what, ours: Duration::ZERO }
    };
    first.into_iter().map(told).collect()
}

/// Whom histories name where nobody asked: all checks had passed.
pub const BY: &str = "rekindle";
