//! Checks gate promotion: what the checks of VMs say about packages, and what may therefore move on by itself.
//!
//! Pure. A check counts for the bytes that its VM runs: the VM has reported the package's header digest, when it was installed or
//! after an update in place, and the check began after that. `reconcile` records what is news and has the rest done.

use std::collections::BTreeMap;

use super::repo::{PromotionRequest, Selection, passed};
use crate::observed::{Observed, ObservedRepository, PackageCheck, Phase, PoolPackage, RunningPackage};
use crate::spec::{Digest, HypervisorName, Spec, StageName, StageSpec, VmName, VmSpec};

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
        let (here, there) = (newest(repository, from), newest(repository, to));
        let is_due = |package: &&&PoolPackage| {
            let results = results.get(&package.digest).map_or(&[][..], Vec::as_slice);
            missing(spec, (stage, next), (&here, &there), package, results).is_empty()
        };
        let moves: Vec<(String, Option<Digest>)> =
            here.values().filter(is_due).map(|package| (package.nevra.to_string(), Some(package.digest.clone()))).collect();
        if !moves.is_empty() {
            let selection = Selection::Exact(moves);
            requests.push(PromotionRequest { selection, from: from.clone(), to: to.clone(), approved_by: None });
        }
    }
    requests
}

/// The newest version of each package of a stage, by name and architecture.
type Newest<'r> = BTreeMap<(&'r str, &'r str), &'r PoolPackage>;

fn newest<'r>(repository: &'r ObservedRepository, stage: &StageName) -> Newest<'r> {
    let mut newest = Newest::new();
    for (package, _) in repository.packages(stage.as_str()) {
        let entry = newest.entry((package.nevra.name(), package.nevra.arch())).or_insert(package);
        if entry.nevra.compare(&package.nevra).is_lt() {
            *entry = package;
        }
    }
    newest
}

/// What is missing until `package` moves on by itself from the last stage that holds it; none: nothing is, or there is nowhere to go.
/// `results` are those of this package, `hypervisor` is the one whose agent has the repository.
pub fn awaited(
    spec: &Spec,
    hypervisor: &HypervisorName,
    repository: &ObservedRepository,
    package: &PoolPackage,
    results: &[PackageCheck],
) -> Option<(StageName, Vec<Awaited>)> {
    let own = spec.site.repository.as_ref()?;
    let holds = |stage: &StageName| repository.packages(stage.as_str()).any(|(held, _)| held.digest == package.digest);
    let at = own.stages.iter().rposition(holds)?;
    let (from, to) = (&own.stages[at], own.stages.get(at + 1)?);
    let (stage, next) = (spec.stages.get(from)?, spec.stages.get(to)?);
    let here_and_there = (&newest(repository, from), &newest(repository, to));
    let local = |awaited: Awaited| match awaited {
        Awaited::Report { vm } if spec.vms[&vm].hypervisor != *hypervisor => {
            let there = spec.vms[&vm].hypervisor.clone();
            Awaited::Elsewhere { vm, hypervisor: there }
        }
        awaited => awaited,
    };
    let reasons = missing(spec, (stage, next), here_and_there, package, results);
    Some((from.clone(), reasons.into_iter().map(local).collect()))
}

/// What is missing until `package` moves on by itself to the stage that comes next, given the newest packages of both.
fn missing(
    spec: &Spec,
    (stage, next): (&StageSpec, &StageSpec),
    (here, there): (&Newest<'_>, &Newest<'_>),
    package: &PoolPackage,
    results: &[PackageCheck],
) -> Vec<Awaited> {
    let key = (package.nevra.name(), package.nevra.arch());
    let is_newest = here.get(&key).is_some_and(|newest| newest.digest == package.digest);
    if !is_newest || there.get(&key).is_some_and(|there| there.nevra.compare(&package.nevra).is_ge()) {
        vec![Awaited::Newer]
    } else if !next.promotion.approvers.is_empty() {
        vec![Awaited::Approval { approvers: next.promotion.approvers.join(", "), next: next.name.clone() }]
    } else if !stage.policy.auto_promote {
        vec![Awaited::Hand]
    } else {
        unpassed(spec, (&stage.name, next), package, results)
    }
}

/// Why a package does not move on by itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Awaited {
    /// There is something newer.
    #[error("only the newest version moves on, and never behind a newer one")]
    Newer,
    /// Its stage does not push.
    #[error("its stage has no `auto_promote`: `rekindle repo promote` moves it")]
    Hand,
    /// Somebody has to approve.
    #[error("stage `{next}` asks for approval by {approvers}: `rekindle repo promote … --approved-by`")]
    Approval {
        /// The next stage.
        next: StageName,
        /// Who may.
        approvers: String,
    },
    /// Nobody uses it.
    #[error("no VM of the stage names it: `rekindle repo promote` moves it")]
    Vm,
    /// There is nothing to pass.
    #[error("VM `{vm}` has no checks: `rekindle repo promote` moves it")]
    Checks {
        /// The VM.
        vm: VmName,
    },
    /// It has said nothing of these bytes.
    #[error("VM `{vm}` has not been checked with it: it is rebuilt or updated first")]
    Report {
        /// The VM.
        vm: VmName,
    },
    /// It says nothing here.
    #[error("VM `{vm}` is on hypervisor `{hypervisor}`, whose checks are not heard here: `rekindle repo promote` moves it")]
    Elsewhere {
        /// The VM.
        vm: VmName,
        /// Its hypervisor.
        hypervisor: HypervisorName,
    },
    /// The next stage asks for more.
    #[error("stage `{next}` asks for more: {why}")]
    Required {
        /// The next stage.
        next: StageName,
        /// What.
        why: String,
    },
    /// A check is missing.
    #[error("check `{check}` has not run on VM `{vm}` with it")]
    Check {
        /// The check.
        check: String,
        /// The VM.
        vm: VmName,
    },
    /// A check has failed.
    #[error("check `{check}` fails on VM `{vm}`: {why}")]
    Failed {
        /// The check.
        check: String,
        /// The VM.
        vm: VmName,
        /// What it said.
        why: String,
    },
}

/// What is missing until every VM of the stage for which the site names the package has passed all its checks with exactly these
/// bytes, and what the stage that comes `next` asks for beyond that. A package that no VM of the stage uses has passed nothing, and
/// so has one whose VMs have no checks.
fn unpassed(
    spec: &Spec,
    (stage, next): (&StageName, &StageSpec),
    package: &PoolPackage,
    results: &[PackageCheck],
) -> Vec<Awaited> {
    let uses = |vm: &&VmSpec| vm.stage == *stage && vm.named_packages().any(|wanted| package.nevra.is_named(wanted.as_str()));
    let mut users = spec.vms.values().filter(uses).peekable();
    if users.peek().is_none() {
        return vec![Awaited::Vm];
    }
    let mut missing = Vec::new();
    for vm in users {
        let of_vm = || results.iter().rev().filter(|result| result.vm == vm.name && result.stage == *stage);
        let name = vm.name.clone();
        if vm.checks.is_empty() {
            missing.push(Awaited::Checks { vm: name });
        } else if of_vm().next().is_none() {
            missing.push(Awaited::Report { vm: name });
        } else {
            for check in vm.checks.iter().map(|check| check.name.clone()) {
                match of_vm().find(|result| result.check.as_str() == check).map(|last| last.failure.clone()) {
                    Some(None) => {}
                    Some(Some(why)) => missing.push(Awaited::Failed { check, vm: name.clone(), why }),
                    None => missing.push(Awaited::Check { check, vm: name.clone() }),
                }
            }
        }
    }
    if missing.is_empty()
        && let Err(why) = passed(&next.promotion, stage, results)
    {
        missing.push(Awaited::Required { next: next.name.clone(), why });
    }
    missing
}
