//! Checks gate promotion: what the checks of VMs say about packages, and what may therefore move on by itself.
//!
//! Pure. A check counts for the bytes that its VM runs: the VM has reported the package's header digest, when it was installed or
//! after an update in place, and the check began after that. `reconcile` records what is news and has the rest done.

use std::collections::BTreeMap;

use super::repo::{PromotionRequest, Selection};
use crate::observed::{Observed, ObservedRepository, PackageCheck, Phase, PoolPackage, RunningPackage};
use crate::spec::{Digest, Spec, StageName, VmSpec};

/// Results of checks, by the bytes that they are about, oldest first.
pub type Results = BTreeMap<Digest, Vec<PackageCheck>>;

/// What the VMs' checks say now about packages of their stages.
pub fn results(spec: &Spec, observed: &Observed, repository: &ObservedRepository) -> Vec<PackageCheck> {
    let mut found = Vec::new();
    for (name, seen) in &observed.vms {
        let Some(vm) = spec.vms.get(name) else { continue };
        if !matches!(seen.record.phase, Phase::Verifying | Phase::Ready) {
            continue;
        }
        let running = seen.running();
        let runs: BTreeMap<&str, &RunningPackage<'_>> =
            running.iter().filter_map(|runs| Some((runs.package.sha256_header.as_deref()?, runs))).collect();
        for (package, _) in repository.packages(vm.stage.as_str()) {
            let Some(runs) = runs.get(package.header.as_str()) else { continue };
            for check in seen.checks.iter().filter(|check| check.began() >= runs.since) {
                let Ok(check_name) = check.name.parse() else { continue };
                found.push(PackageCheck {
                    digest: package.digest.clone(),
                    stage: vm.stage.clone(),
                    role: vm.role.clone(),
                    check: check_name,
                    vm: vm.name.clone(),
                    failure: check.failure.clone(),
                    at: check.at,
                    runs: Some((runs.since, runs.arrival)),
                });
            }
        }
    }
    found
}

/// Whether `result` says something that `known` results of the same package do not.
pub fn is_news(known: &[PackageCheck], result: &PackageCheck) -> bool {
    let same = |other: &&PackageCheck| other.stage == result.stage && other.check == result.check && other.vm == result.vm;
    match known.iter().rev().find(same) {
        Some(last) => last.failure.is_some() != result.failure.is_some() && last.at < result.at,
        None => true,
    }
}

/// The promotions that are due: of stages with `auto_promote`, the newest of each package that all its VMs there run and whose
/// checks have all passed, where nobody has to approve.
pub fn due(spec: &Spec, repository: &ObservedRepository, results: &Results) -> Vec<PromotionRequest> {
    let Some(own) = &spec.site.repository else { return Vec::new() };
    let mut requests = Vec::new();
    for pair in own.stages.windows(2) {
        let [from, to] = pair else { continue };
        let (Some(stage), Some(next)) = (spec.stages.get(from), spec.stages.get(to)) else { continue };
        if !stage.policy.auto_promote || !next.promotion.approvers.is_empty() {
            continue;
        }
        let there = newest(repository, to);
        let moves: Vec<(String, Option<Digest>)> = newest(repository, from)
            .into_iter()
            .filter(|(key, package)| there.get(key).is_none_or(|other| other.nevra.compare(&package.nevra).is_lt()))
            .filter(|(_, package)| has_passed(spec, from, package, results.get(&package.digest).map_or(&[], Vec::as_slice)))
            .map(|(_, package)| (package.nevra.to_string(), Some(package.digest.clone())))
            .collect();
        if !moves.is_empty() {
            let selection = Selection::Exact(moves);
            requests.push(PromotionRequest { selection, from: from.clone(), to: to.clone(), approved_by: None });
        }
    }
    requests
}

type Key<'r> = (&'r str, &'r str);

/// The newest version of each package of a stage.
fn newest<'r>(repository: &'r ObservedRepository, stage: &StageName) -> BTreeMap<Key<'r>, &'r PoolPackage> {
    let mut newest: BTreeMap<Key<'r>, &PoolPackage> = BTreeMap::new();
    for (package, _) in repository.packages(stage.as_str()) {
        let entry = newest.entry((package.nevra.name(), package.nevra.arch())).or_insert(package);
        if entry.nevra.compare(&package.nevra).is_lt() {
            *entry = package;
        }
    }
    newest
}

/// Every VM of the stage whose role uses the package has passed all its checks with exactly these bytes. A package that no VM of the
/// stage uses has passed nothing, and so has one whose VMs have no checks.
fn has_passed(spec: &Spec, stage: &StageName, package: &PoolPackage, results: &[PackageCheck]) -> bool {
    let uses = |vm: &&VmSpec| vm.stage == *stage && vm.named_packages().any(|wanted| package.nevra.is_named(wanted.as_str()));
    let mut users = spec.vms.values().filter(uses).peekable();
    let last = |vm: &VmSpec, check: &str| {
        results.iter().rev().find(|result| result.vm == vm.name && result.check.as_str() == check && result.stage == *stage)
    };
    let passed = |vm: &VmSpec| {
        !vm.checks.is_empty()
            && vm.checks.iter().all(|check| last(vm, &check.name).is_some_and(|result| result.failure.is_none()))
    };
    users.peek().is_some() && users.all(passed)
}
