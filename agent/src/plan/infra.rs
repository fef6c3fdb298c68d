//! Pools, networks, boot files and the probe: what VMs stand on.

use std::collections::BTreeSet;

use super::report::{Action, SubjectPlan};
use super::{PlanInput, Step, digest};
use crate::observed::{Disposition, ObservedHost, Phase, StepError, Subject};
use crate::spec::{DomainType, HypervisorSpec, NetworkKind, NetworkSpec, NicSpec, PoolSpec, VmName};

/// How long an error of infrastructure keeps it from being tried again: 2 s doubled with each failure, at most a minute.
pub(super) fn backoff(error: &StepError) -> std::time::Duration {
    std::time::Duration::from_secs((1u64 << error.count.min(6)).min(60))
}

/// What is missing of the ground that a VM stands on, as a sentence; and whether a person has to act.
pub(super) struct Missing {
    pub(super) reason: String,
    pub(super) blocked: bool,
}

pub(super) fn plan_infra(input: &PlanInput<'_>, host: &ObservedHost) -> Vec<SubjectPlan> {
    let Some(hypervisor) = input.spec.hypervisors.get(input.hypervisor) else { return Vec::new() };
    let mut plans = vec![plan_probe(host, hypervisor)];
    plans.extend(hypervisor.pools.iter().map(|pool| plan_pool(host, pool)));
    let carried = |network: &&NetworkSpec| hypervisor.networks.is_empty() || hypervisor.networks.contains(&network.name);
    plans.extend(input.spec.networks.values().filter(carried).map(|network| plan_network(input, host, network)));
    plans.extend(plan_boot_files(input));
    plans.into_iter().map(|plan| hold_back(input, plan)).collect()
}

/// The plan of `subject`, if it stands in the way of those who need it.
pub(super) fn missing(plans: &[SubjectPlan], subject: &Subject) -> Option<Missing> {
    let plan = plans.iter().find(|plan| plan.subject == *subject)?;
    match plan.action {
        Action::Keep => None,
        action => {
            Some(Missing { reason: format!("{} first: {}", named(subject), plan.reason), blocked: action == Action::Blocked })
        }
    }
}

fn named(subject: &Subject) -> String {
    match subject {
        Subject::Probe => "the domain type".to_owned(),
        Subject::Pool(name) => format!("pool `{name}`"),
        Subject::Network(name) => format!("network `{name}`"),
        Subject::BootFiles(name) => format!("the boot files of `{name}`"),
        Subject::Ca => "the Puppet CA".to_owned(),
        Subject::PuppetDb => "PuppetDB".to_owned(),
        Subject::Vm(name) => format!("VM `{name}`"),
    }
}

/// The domain type to use: the site's word, else what the probe found.
pub(super) fn domain_type(input: &PlanInput<'_>, host: &ObservedHost) -> Option<DomainType> {
    input.spec.hypervisors.get(input.hypervisor).and_then(|hypervisor| hypervisor.domain_type).or(host.domain_type)
}

fn plan_probe(host: &ObservedHost, hypervisor: &HypervisorSpec) -> SubjectPlan {
    let (action, reason, steps) = match (hypervisor.domain_type, host.domain_type) {
        (Some(kind), _) => (Action::Keep, format!("the site says `{}`", kind.as_str()), Vec::new()),
        (None, Some(kind)) => (Action::Keep, format!("a trivial guest showed that `{}` works", kind.as_str()), Vec::new()),
        (None, None) => {
            (Action::Create, "it is not known yet whether KVM works here".to_owned(), vec![Step::Probe(DomainType::Kvm)])
        }
    };
    SubjectPlan { subject: Subject::Probe, action, reason, steps }
}

fn plan_pool(host: &ObservedHost, pool: &PoolSpec) -> SubjectPlan {
    let create = |reason: &str| (Action::Create, reason.to_owned(), vec![Step::EnsurePool(pool.clone())]);
    let (action, reason, steps) = match host.pools.get(pool.name.as_str()) {
        None => create("it does not exist"),
        Some(found) if found.path.as_ref() != Some(&pool.path) => (
            Action::Blocked,
            format!(
                "a pool `{}` exists at {}, the site says {}: change one of them",
                pool.name,
                found.path.as_ref().map_or("another place", |path| path.as_str()),
                pool.path
            ),
            Vec::new(),
        ),
        Some(found) if !found.active => create("it is not running"),
        Some(_) => (Action::Keep, "it is running".to_owned(), Vec::new()),
    };
    SubjectPlan { subject: Subject::Pool(pool.name.clone()), action, reason, steps }
}

fn plan_network(input: &PlanInput<'_>, host: &ObservedHost, network: &NetworkSpec) -> SubjectPlan {
    let subject = Subject::Network(network.name.clone());
    if let NetworkKind::Bridge { bridge } = &network.kind {
        let reason = format!("bridge `{bridge}` is not ours to touch");
        return SubjectPlan { subject, action: Action::Keep, reason, steps: Vec::new() };
    }
    let hosts: Vec<(VmName, NicSpec)> = input
        .spec
        .vms_on(input.hypervisor)
        .flat_map(|vm| vm.nics.iter().filter(|nic| nic.network == network.name).map(|nic| (vm.name.clone(), nic.clone())))
        .collect();
    let digest = digest::network_digest(network, &hosts);
    let found = host.networks.get(network.name.as_str());
    let (action, reason) = match found {
        None => (Action::Create, "it does not exist".to_owned()),
        Some(found) => match &found.digest {
            None => (Action::Blocked, format!("a libvirt network `{}` exists and is not ours: rename one of them", network.name)),
            Some(_) if !found.active => (Action::Create, "it is not running".to_owned()),
            Some(of) if *of != digest => (Action::Change, "the site says something else than its definition".to_owned()),
            Some(_) => (Action::Keep, "it is running".to_owned()),
        },
    };
    let steps = match action {
        Action::Create | Action::Change => vec![Step::EnsureNetwork { network: network.name.clone(), hosts, digest }],
        _ => Vec::new(),
    };
    SubjectPlan { subject, action, reason, steps }
}

/// Boot files are asked for when an install is to begin and the last look is older than this attempt.
fn plan_boot_files(input: &PlanInput<'_>) -> Vec<SubjectPlan> {
    let preparing = input.spec.vms_on(input.hypervisor).filter_map(|vm| {
        let observed = input.observed.vms.get(&vm.name)?;
        (observed.record.phase == Phase::Preparing).then_some((&vm.os, observed.record.since))
    });
    let mut needed: Vec<_> = preparing.collect();
    needed.sort();
    let names: BTreeSet<_> = needed.iter().map(|(os, _)| *os).collect();
    names
        .into_iter()
        .map(|os| {
            let newest = needed.iter().filter(|(name, _)| *name == os).map(|(_, since)| *since).max();
            let found = input.observed.boot_files.get(os);
            let fresh = found.is_some_and(|files| newest.is_none_or(|since| files.checked >= since));
            let (action, reason, steps) = if fresh {
                (Action::Keep, "they are those of the tree".to_owned(), Vec::new())
            } else {
                (
                    Action::Create,
                    format!("the tree of `{os}` is asked for its boot files"),
                    vec![Step::FetchBootFiles(os.clone())],
                )
            };
            SubjectPlan { subject: Subject::BootFiles(os.clone()), action, reason, steps }
        })
        .collect()
}

/// Work that has failed or is under way is not begun again at once.
pub(super) fn hold_back(input: &PlanInput<'_>, mut plan: SubjectPlan) -> SubjectPlan {
    if plan.action == Action::Keep || plan.action == Action::Blocked {
        return plan;
    }
    if input.busy.contains(&plan.subject) {
        plan.steps.clear();
        plan.action = Action::Wait;
    } else if let Some(error) = input.observed.errors.get(&plan.subject) {
        plan.reason.clone_from(&error.detail);
        let due = error.at.plus(backoff(error)) <= input.now;
        plan.action = if error.disposition == Disposition::Blocked { Action::Blocked } else { Action::Wait };
        if !due {
            plan.steps.clear();
        }
    }
    plan
}
