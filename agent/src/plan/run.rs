//! From the first boot to `Ready`, and keeping it there.

use super::install::{failed, given_up, waiting};
use super::report::{Action, VmPlan};
use super::vm::VmView;
use super::{Step, digest, domain_spec, domain_uuid, enrol, infra};
use crate::observed::{Cause, DomainState, Failure, HandoffStatus, ObservedVm, Phase, Subject, VmRecord};
use crate::spec::{Boot, Timestamp, VmSpec};

/// How often in a row libvirt may refuse to run an installed VM until that is its failure: once may be chance, a lost disk is not.
const REFUSALS: u32 = 3;

/// It boots its disk; the first-boot callback is awaited.
pub(super) fn plan_booting(view: &VmView<'_>, vm: &VmSpec, observed: &ObservedVm) -> VmPlan {
    let record = &observed.record;
    let mut plan = view.plan(Some(observed), Action::Continue, "it boots for the first time".to_owned());
    plan.deadline = Some(view.deadline(record, vm.deadlines.first_boot));
    if observed.first_boot().is_some() {
        let next = if vm.puppet.is_some() { Phase::Enrolling } else { Phase::Verifying };
        plan.steps = vec![view.moved(record, next)];
        return plan;
    }
    if let Some((_, output)) = observed.failure_told() {
        return failed(view, observed, plan, enrol::told(view, vm, observed, output), false);
    }
    if let Some(late) = late(view, observed, plan.deadline, Cause::FirstBootNeverCalled, "no callback; the console may say why") {
        return failed(view, observed, plan, late, false);
    }
    keep_running(view, vm, observed, plan)
}

/// Its checks are awaited.
pub(super) fn plan_verifying(view: &VmView<'_>, vm: &VmSpec, observed: &ObservedVm) -> VmPlan {
    let record = &observed.record;
    let mut plan = view.plan(Some(observed), Action::Continue, verifying_reason(vm, observed));
    plan.deadline = Some(view.deadline(record, vm.deadlines.checks));
    if checks_pass_since(vm, observed, record.since) && view.domain.is_some_and(|d| d.state == DomainState::Running) {
        let ready = VmRecord {
            phase: Phase::Ready,
            since: view.input.now,
            ready_at: record.ready_at.or(Some(view.input.now)),
            failure: None,
            ..record.clone()
        };
        plan.steps = vec![Step::Record(Box::new(ready))];
        return plan;
    }
    if let Some(failure) = late(view, observed, plan.deadline, Cause::CheckFailed, &verifying_reason(vm, observed)) {
        return failed(view, observed, plan, failure, false);
    }
    let mut plan = keep_running(view, vm, observed, plan);
    run_checks(view, vm, observed, view.input.policy.verify_interval, &mut plan);
    plan
}

/// Its checks passed: they are run again, and a domain that went off is started.
pub(super) fn plan_ready(view: &VmView<'_>, vm: &VmSpec, observed: &ObservedVm) -> VmPlan {
    let record = &observed.record;
    let mut plan = view.plan(Some(observed), Action::Keep, "it is ready".to_owned());
    if !vm.autostart && view.domain.is_some_and(|domain| domain.state == DomainState::ShutOff) {
        plan.action = Action::Blocked;
        plan.reason = format!("it is off, and `autostart = false` leaves it so: `virsh start {}`", vm.name);
        return plan;
    }
    if view.domain.is_none_or(|domain| domain.state != DomainState::Running) {
        plan.action = Action::Change;
        "its domain is not running".clone_into(&mut plan.reason);
        plan.steps = vec![view.moved(record, Phase::Verifying)];
        return plan;
    }
    if let Some(failure) = observed.checks.iter().find_map(|check| check.failure.as_ref().map(|why| (&check.name, why))) {
        plan.action = Action::Change;
        plan.reason = format!("check `{}` fails: {}", failure.0, failure.1);
        plan.steps = vec![view.moved(record, Phase::Verifying)];
        return plan;
    }
    if record.spec_digest != digest::install_digest(view.input.spec, vm) && !record.spec_digest.is_empty() {
        plan.reason = format!(
            "it is ready, but the site has changed since it was installed: `rekindle rebuild {}` brings it up to date",
            vm.name
        );
    }
    if let Some(run) = observed.puppet.as_ref().filter(|run| run.last.result.status == HandoffStatus::Failed) {
        let why = run.last.result.failures.first().map(String::as_str).unwrap_or("it gives no reason");
        plan.reason = format!("{}, but Puppet's last run failed: {why}", plan.reason);
    }
    plan.steps.extend(redefine(view, vm, record, &mut plan.reason));
    if !plan.steps.is_empty() {
        plan.action = Action::Change;
    }
    run_checks(view, vm, observed, view.input.policy.check_interval, &mut plan);
    if plan.action == Action::Keep && !checks_have_run(vm, observed) {
        // The store remembers `Ready` from an earlier run of the agent: whether it holds now is not known yet.
        plan.action = Action::Continue;
        "it was ready; its checks are run".clone_into(&mut plan.reason);
    }
    plan
}

/// Every check has a result of this run of the agent.
fn checks_have_run(vm: &VmSpec, observed: &ObservedVm) -> bool {
    vm.checks.iter().all(|check| observed.checks.iter().any(|result| result.name == check.name))
}

/// It failed after its install: the checks go on, so that it becomes `Ready` again when what ailed it is gone.
pub(super) fn plan_failed_checks(view: &VmView<'_>, vm: &VmSpec, observed: &ObservedVm, why: &str) -> VmPlan {
    let record = &observed.record;
    let reason = format!("{why}; its checks go on, `rekindle rebuild {}` makes it anew", vm.name);
    let mut plan = view.plan(Some(observed), Action::Blocked, reason);
    if checks_pass_since(vm, observed, record.since) && view.domain.is_some_and(|d| d.state == DomainState::Running) {
        plan.action = Action::Change;
        "its checks pass again".clone_into(&mut plan.reason);
        plan.steps = vec![view.moved(record, Phase::Verifying)];
        return plan;
    }
    if view.domain.is_some_and(|d| d.state == DomainState::Running) {
        run_checks(view, vm, observed, view.input.policy.check_interval, &mut plan);
    }
    plan
}

/// All checks have passed, each in a run that ended after `since`.
fn checks_pass_since(vm: &VmSpec, observed: &ObservedVm, since: Timestamp) -> bool {
    vm.checks.iter().all(|check| {
        observed.checks.iter().any(|result| result.name == check.name && result.failure.is_none() && result.at >= since)
    })
}

fn verifying_reason(vm: &VmSpec, observed: &ObservedVm) -> String {
    match observed.checks.iter().find_map(|check| check.failure.as_ref().map(|why| (&check.name, why))) {
        Some((name, why)) => format!("check `{name}`: {why}"),
        None if vm.checks.is_empty() => "it has no checks".to_owned(),
        None => "its checks are run".to_owned(),
    }
}

fn run_checks(view: &VmView<'_>, vm: &VmSpec, observed: &ObservedVm, interval: std::time::Duration, plan: &mut VmPlan) {
    if vm.checks.is_empty() {
        return;
    }
    let last = observed.checks.iter().map(|check| check.at).min();
    // What they have said is about the packages before; a report from the future would have them run for ever.
    let told = observed.packages().map(|(at, _)| at).filter(|at| *at <= view.input.now);
    let is_old = told.is_some_and(|told| observed.checks.iter().any(|check| check.began() < told));
    let due = last.filter(|_| checks_have_run(vm, observed) && !is_old).map_or(view.input.now, |at| at.plus(interval));
    if due <= view.input.now {
        plan.steps.push(Step::RunChecks { vm: vm.name.clone(), uuid: domain_uuid(&view.input.spec.site.name, &vm.name) });
    } else {
        plan.look_again = Some(due);
    }
}

/// A domain that should run and does not is started; one that is gone is defined again.
pub(super) fn keep_running(view: &VmView<'_>, vm: &VmSpec, observed: &ObservedVm, mut plan: VmPlan) -> VmPlan {
    let record = &observed.record;
    let uuid = domain_uuid(&view.input.spec.site.name, &vm.name);
    let refused = view.input.observed.errors.get(&Subject::Vm(vm.name.clone())).is_some_and(|error| error.count >= REFUSALS);
    if refused
        && view.domain.is_none_or(|domain| domain.state != DomainState::Running)
        && let Some(failure) = given_up(view, observed)
    {
        return failed(view, observed, plan, failure, false);
    }
    match view.domain {
        Some(domain) if domain.state == DomainState::Running => return plan,
        Some(domain) if domain.state == DomainState::Paused => {
            let reason = format!("its domain is paused: {}", domain.reason);
            return waiting(plan, reason);
        }
        Some(domain) if domain.state == DomainState::Crashed && record.phase == Phase::Booting => {
            let failure = Failure {
                at: view.input.now,
                phase: record.phase,
                cause: Cause::DomainCrashed,
                detail: format!("libvirt says: {}", domain.reason),
                evidence: observed.console_tail.clone(),
            };
            return failed(view, observed, plan, failure, false);
        }
        Some(_) => {}
        None => {
            let Some(domain_type) = infra::domain_type(view.input, view.host) else {
                return waiting(plan, "it is not known yet how guests run here".to_owned());
            };
            let policy = view.input.policy;
            let domain = domain_spec(view.input.spec, vm, domain_type, Boot::Disk, record.attempt, &policy.state_dir);
            plan.steps.push(Step::DefineDomain(Box::new(domain)));
        }
    }
    "its domain is not running: it is started".clone_into(&mut plan.reason);
    plan.steps.push(Step::StartDomain { vm: vm.name.clone(), uuid });
    plan
}

/// The definition follows the site; what a running guest has follows at its next power cycle.
fn redefine(view: &VmView<'_>, vm: &VmSpec, record: &VmRecord, reason: &mut String) -> Option<Step> {
    let owner = view.domain?.owner.as_ref()?;
    let domain_type = infra::domain_type(view.input, view.host)?;
    let domain = domain_spec(view.input.spec, vm, domain_type, Boot::Disk, record.attempt, &view.input.policy.state_dir);
    if owner.digest == domain.owner.digest {
        return None;
    }
    // Another set of disks is a rebuild: a definition that names volumes which do not exist would only break the VM.
    let missing = vm.disks.iter().map(|disk| crate::spec::VolumeSpec::of(&vm.name, disk)).any(|volume| !view.has_volume(&volume));
    if missing {
        *reason = format!("it is ready, but the site gives it other disks: `rekindle rebuild {}` brings it up to date", vm.name);
        return None;
    }
    "the site changed its definition; in effect from its next power cycle".clone_into(reason);
    Some(Step::DefineDomain(Box::new(domain)))
}

/// The failure of a phase that has passed its deadline.
pub(super) fn late(
    view: &VmView<'_>,
    observed: &ObservedVm,
    deadline: Option<Timestamp>,
    cause: Cause,
    detail: &str,
) -> Option<Failure> {
    (deadline? <= view.input.now).then(|| Failure {
        at: view.input.now,
        phase: observed.record.phase,
        cause,
        detail: detail.to_owned(),
        evidence: observed.console_tail.clone(),
    })
}
