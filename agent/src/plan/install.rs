//! From a recorded attempt to an installed disk, and what follows when that fails.

use std::time::Duration;

use super::admission::Admission;
use super::report::{Action, VmPlan};
use super::vm::{VmView, volume_plans};
use super::{Step, boot, diagnose, digest, domain_spec, domain_uuid, enrol, infra};
use crate::observed::{
    Cause, Disposition, DomainState, Failure, GuestEventKind, LogVerdict, ObservedVm, Phase, Subject, VmRecord,
};
use crate::spec::{Boot, Stop, VmSpec, VolumeSpec};

/// Attempts whose logs are kept beside the new one: enough to compare, and nightly drills do not fill the disk.
const KEPT_ATTEMPTS: u32 = 9;

/// Kickstart, volumes, domain, start.
pub(super) fn plan_preparing(view: &VmView<'_>, vm: &VmSpec, observed: &ObservedVm) -> VmPlan {
    let record = &observed.record;
    let mut plan = view.plan(Some(observed), Action::Create, format!("attempt {} is being prepared", record.attempt));
    plan.volumes = volume_plans(view, vm);
    plan.deadline = Some(view.deadline(record, view.input.policy.prepare_deadline));
    let uuid = domain_uuid(&view.input.spec.site.name, &vm.name);

    let of_this_attempt = view
        .domain
        .filter(|domain| domain.owner.as_ref().is_some_and(|owner| owner.attempt == record.attempt && owner.installing));
    if of_this_attempt.is_some_and(|domain| domain.state == DomainState::Running) {
        // A crash between the start and its note: go on from what is.
        plan.steps = vec![view.moved(record, Phase::Installing)];
        return plan;
    }
    if let Some(failure) = given_up(view, observed) {
        return failed(view, observed, plan, failure, false);
    }
    if record.spec_digest != digest::install_digest(view.input.spec, vm) {
        // The site changed before anything was started: this attempt's volumes are blank, begin again from the new site.
        "the site changed while it was being prepared".clone_into(&mut plan.reason);
        plan.steps = discard(view, vm);
        plan.steps.push(Step::Record(Box::new(view.begin(vm, record.attempt + 1, record.tries))));
        return plan;
    }
    if let Some(missing) = view.missing_ground(vm) {
        plan.action = if missing.blocked { Action::Blocked } else { Action::Wait };
        plan.reason = missing.reason;
        return plan;
    }
    if view.domain.is_some_and(|domain| matches!(domain.state, DomainState::Running | DomainState::Paused)) {
        // An earlier attempt's guest, started by somebody else or left by a crash: the definition cannot change under it.
        plan.steps.push(Step::StopDomain { vm: vm.name.clone(), uuid, how: Stop::Now });
    }
    let Some(os) = view.input.spec.oses.get(&vm.os) else {
        return waiting(plan, format!("OS `{}` is not in the site", vm.os));
    };
    let base = view
        .input
        .spec
        .hypervisors
        .get(view.input.hypervisor)
        .zip(view.input.spec.networks.get(&vm.install_nic().network))
        .and_then(|(hypervisor, network)| boot::install_base(network, hypervisor, view.input.policy.install_port));
    let Some(base) = base else {
        return waiting(plan, format!("network `{}` names no `install_address`", vm.install_nic().network));
    };
    if !observed.kickstart_ready {
        if let Some(before) = record.attempt.checked_sub(KEPT_ATTEMPTS).filter(|before| *before > 1) {
            plan.steps.push(Step::ForgetAttempts { vm: vm.name.clone(), before });
        }
        plan.steps.push(Step::PrepareKickstart {
            record: Box::new(record.clone()),
            base: base.clone(),
            token_until: enrol::token_until(view.input, vm),
        });
    }
    let fresh = view.input.observed.boot_files.get(&vm.os).filter(|files| files.checked >= record.since);
    let (Some(files), Some(domain_type)) = (fresh, infra::domain_type(view.input, view.host)) else {
        let subject = Subject::BootFiles(vm.os.clone());
        plan.reason = infra::missing(view.infra, &subject).map_or_else(|| "its boot files are fetched".to_owned(), |m| m.reason);
        plan.action = if plan.steps.is_empty() { Action::Wait } else { Action::Create };
        return plan;
    };
    let installer = Boot::Install {
        kernel: files.kernel.clone(),
        initrd: files.initrd.clone(),
        cmdline: boot::cmdline(view.input.spec, vm, os, &base, &record.token),
    };
    plan.steps.extend(vm.disks.iter().map(|disk| Step::CreateVolume(VolumeSpec::of(&vm.name, disk))));
    let domain = domain_spec(view.input.spec, vm, domain_type, installer, record.attempt, &view.input.policy.state_dir);
    plan.steps.push(Step::DefineDomain(Box::new(domain)));
    plan.steps.push(Step::StartDomain { vm: vm.name.clone(), uuid });
    plan.steps.push(view.moved(record, Phase::Installing));
    plan
}

/// The installer runs: wait, or see that it is done or that it has failed.
pub(super) fn plan_installing(view: &VmView<'_>, vm: &VmSpec, observed: &ObservedVm) -> VmPlan {
    let record = &observed.record;
    let mut plan = view.plan(Some(observed), Action::Continue, diagnose::doing(observed));
    let limit = match observed.kickstart_fetched_at() {
        None => vm.deadlines.kickstart,
        Some(_) => vm.deadlines.kickstart + vm.deadlines.install,
    };
    plan.deadline = Some(view.deadline(record, limit));
    let finished = diagnose::finished(observed);
    match view.domain.map(|domain| domain.state) {
        Some(DomainState::Running) => {
            if diagnose::has_failed(observed) {
                // It would sleep, reboot and begin again: end it at the first sign.
                let failure = diagnose::install_failure(view.input.now, observed, Cause::InstallerFailed, "");
                return failed(view, observed, plan, failure, true);
            }
            if plan.deadline.is_some_and(|deadline| deadline <= view.input.now) {
                let cause =
                    if observed.kickstart_fetched_at().is_none() { Cause::KickstartNotFetched } else { Cause::NeverRebooted };
                let minutes = limit.as_secs().div_ceil(60);
                let detail = format!("no end after {minutes} min; it was at: {}", diagnose::doing(observed));
                let failure = diagnose::install_failure(view.input.now, observed, cause, &detail);
                return failed(view, observed, plan, failure, true);
            }
            plan
        }
        Some(DomainState::Paused) => {
            let reason = view.domain.map(|domain| domain.reason.clone()).unwrap_or_default();
            if reason.contains("I/O") || reason.contains("ioerror") {
                let detail = format!("QEMU paused the domain: {reason}; look at the free space of its pool");
                let failure = diagnose::install_failure(view.input.now, observed, Cause::OutOfSpace, &detail);
                return failed(view, observed, plan, failure, true);
            }
            if plan.deadline.is_some_and(|deadline| deadline <= view.input.now) {
                let detail = format!("the domain is paused: {reason}");
                let failure = diagnose::install_failure(view.input.now, observed, Cause::NeverRebooted, &detail);
                return failed(view, observed, plan, failure, true);
            }
            let deadline = plan.deadline;
            VmPlan { deadline, ..waiting(plan, format!("the domain is paused: {reason}")) }
        }
        // Evidence of the end counts, whatever the domain did after it.
        _ if finished => {
            plan.steps = vec![view.moved(record, Phase::Installed)];
            "the installer has finished".clone_into(&mut plan.reason);
            plan
        }
        state => {
            let (cause, detail) = match (state, view.domain) {
                (Some(DomainState::Crashed), Some(domain)) => (Cause::DomainCrashed, format!("libvirt says: {}", domain.reason)),
                (_, Some(domain)) => (Cause::StoppedDuringInstall, format!("libvirt says: {}", domain.reason)),
                (_, None) => (Cause::StoppedDuringInstall, "its domain is gone from libvirt".to_owned()),
            };
            // Switched off by us at the first sign of a failure, and then killed before that was noted.
            let (cause, detail) =
                if diagnose::has_failed(observed) { (Cause::InstallerFailed, String::new()) } else { (cause, detail) };
            let failure = diagnose::install_failure(view.input.now, observed, cause, &detail);
            failed(view, observed, plan, failure, false)
        }
    }
}

/// The installer is done: boot from the disk.
pub(super) fn plan_installed(view: &VmView<'_>, vm: &VmSpec, observed: &ObservedVm) -> VmPlan {
    let record = &observed.record;
    let mut plan = view.plan(Some(observed), Action::Continue, "it boots from its disk next".to_owned());
    if let Some(failure) = given_up(view, observed) {
        return failed(view, observed, plan, failure, false);
    }
    let uuid = domain_uuid(&view.input.spec.site.name, &vm.name);
    let boots_disk = view.domain.filter(|d| d.owner.as_ref().is_some_and(|o| !o.installing && o.attempt == record.attempt));
    if boots_disk.is_some_and(|domain| domain.state == DomainState::Running) {
        plan.steps = vec![booting(view, record)];
        return plan;
    }
    if let Some(wait) = view.certificates.wait(&vm.name) {
        // With the old certificate in place its new key would be refused, and that run of Puppet be lost.
        let action = if wait.blocked { Action::Blocked } else { Action::Wait };
        return VmPlan { action, ..waiting(plan, wait.reason) };
    }
    let Some(domain_type) = infra::domain_type(view.input, view.host) else {
        return waiting(plan, "it is not known yet how guests run here".to_owned());
    };
    if boots_disk.is_none() {
        if view.domain.is_some_and(|domain| domain.state != DomainState::ShutOff) {
            plan.steps.push(Step::StopDomain { vm: vm.name.clone(), uuid, how: Stop::Now });
        }
        let domain = domain_spec(view.input.spec, vm, domain_type, Boot::Disk, record.attempt, &view.input.policy.state_dir);
        plan.steps.push(Step::DefineDomain(Box::new(domain)));
    }
    plan.steps.push(Step::StartDomain { vm: vm.name.clone(), uuid });
    plan.steps.push(booting(view, record));
    plan
}

/// It boots its disk: of its names only this attempt's is still of interest, the CA has freed the others.
fn booting(view: &VmView<'_>, record: &VmRecord) -> Step {
    let certnames = record.certnames.last().cloned().into_iter().collect();
    view.moved(&VmRecord { certnames, ..record.clone() }, Phase::Booting)
}

/// A failed VM: try again within the budget, else keep everything as it is.
pub(super) fn plan_failed(view: &VmView<'_>, vm: &VmSpec, observed: &ObservedVm, admission: &mut Admission) -> VmPlan {
    let record = &observed.record;
    let Some(failure) = &record.failure else {
        return view.plan(Some(observed), Action::Blocked, format!("it failed; `rekindle retry {}` tries again", vm.name));
    };
    let why = if failure.detail.is_empty() {
        failure.cause.describe().to_owned()
    } else {
        format!("{}: {}", failure.cause.describe(), failure.detail)
    };
    if failure.cause == Cause::CheckFailed || record.ready_at.is_some() {
        return super::run::plan_failed_checks(view, vm, observed, &why);
    }
    // What fails the same way each time is tried again with each new revision: a template may have been mended.
    let changed = record.spec_digest != digest::install_digest(view.input.spec, vm)
        || (!may_pass_next_time(failure.cause) && record.site_revision != view.input.spec.revision);
    let spent = record.tries >= vm.attempts;
    if !changed && (spent || !may_pass_next_time(failure.cause)) {
        let advice =
            if spent { format!("all {} attempts are spent", vm.attempts) } else { "it would fail again the same way".to_owned() };
        let reason = format!("{why}; {advice}: change the site, or `rekindle retry {}`", vm.name);
        return view.plan(Some(observed), Action::Blocked, reason);
    }
    let mut plan = view.plan(Some(observed), Action::Rebuild, format!("{why}; it is tried again"));
    let due = failure.at.plus(Duration::from_secs(5 << record.tries.min(6)));
    if !changed && due > view.input.now {
        plan.action = Action::Wait;
        plan.look_again = Some(due);
        plan.reason = format!("{why}; it is tried again soon");
        return plan;
    }
    if let Err(reason) = admission.admit(vm) {
        return waiting(plan, format!("{why}; it is tried again when there is room: {reason}"));
    }
    plan.volumes = volume_plans(view, vm);
    plan.steps = discard(view, vm);
    let tries = if changed { 1 } else { record.tries + 1 };
    let mut next = view.begin(vm, record.attempt + 1, tries);
    next.failure = Some(failure.clone());
    plan.steps.push(Step::Record(Box::new(next)));
    plan
}

/// Steps that bring a VM's domain and unfinished disk out of the way; kept volumes stay.
pub(super) fn discard(view: &VmView<'_>, vm: &VmSpec) -> Vec<Step> {
    let mut steps = Vec::new();
    let uuid = domain_uuid(&view.input.spec.site.name, &vm.name);
    if view.domain.is_some_and(|domain| matches!(domain.state, DomainState::Running | DomainState::Paused)) {
        steps.push(Step::StopDomain { vm: vm.name.clone(), uuid, how: Stop::Now });
    }
    for volume in vm.disks.iter().map(|disk| VolumeSpec::of(&vm.name, disk)).filter(|volume| !volume.keep) {
        if view.has_volume(&volume) {
            steps.push(Step::DeleteVolume { pool: volume.pool, volume: volume.name });
        }
    }
    steps
}

/// The step errors of this VM, once they are final.
pub(super) fn given_up(view: &VmView<'_>, observed: &ObservedVm) -> Option<Failure> {
    let record = &observed.record;
    let error = view.input.observed.errors.get(&Subject::Vm(record.vm.clone()));
    let error = error.filter(|error| error.disposition == Disposition::GiveUp && error.at >= record.since);
    let tree = view.input.spec.vms.get(&record.vm).map(|vm| Subject::BootFiles(vm.os.clone()));
    let late = view.deadline(record, view.input.policy.prepare_deadline) <= view.input.now;
    let tree_error = tree.and_then(|subject| view.input.observed.errors.get(&subject)).filter(|_| late);
    let error = error.or(tree_error)?;
    Some(Failure {
        at: view.input.now,
        phase: record.phase,
        cause: error.cause,
        detail: error.detail.clone(),
        evidence: Vec::new(),
    })
}

/// The plan that notes a failure, with the domain switched off where it would only do harm.
pub(super) fn failed(view: &VmView<'_>, observed: &ObservedVm, mut plan: VmPlan, failure: Failure, stop: bool) -> VmPlan {
    plan.action = Action::Change;
    plan.reason = format!("{}: {}", failure.cause.describe(), failure.detail);
    let mut record = observed.record.clone();
    record.phase = Phase::Failed;
    record.since = view.input.now;
    record.failure = Some(failure);
    plan.steps = vec![Step::Record(Box::new(record))];
    if stop {
        let uuid = domain_uuid(&view.input.spec.site.name, view.name);
        // Off first: should we die in between, the next pass sees the same failure again.
        plan.steps.insert(0, Step::StopDomain { vm: view.name.clone(), uuid, how: Stop::Now });
    }
    plan
}

pub(super) fn waiting(mut plan: VmPlan, reason: String) -> VmPlan {
    plan.action = Action::Wait;
    plan.steps.clear();
    plan.reason = reason;
    plan
}

/// Some failures come from the site or the packages and return with the next attempt; others come from the world.
fn may_pass_next_time(cause: Cause) -> bool {
    !matches!(
        cause,
        Cause::KickstartInvalid | Cause::KickstartRejected | Cause::PackageNotFound | Cause::DiskTooSmall | Cause::OutOfSpace
    )
}

impl ObservedVm {
    /// The guest or its log said that the install has failed.
    pub(super) fn failure_told(&self) -> Option<(&str, &str)> {
        self.events.iter().find_map(|event| match &event.kind {
            GuestEventKind::Failed { section, output } => Some((section.as_str(), output.as_str())),
            _ => None,
        })
    }

    /// The log's verdict is failure.
    pub(super) fn failure_logged(&self) -> bool {
        self.installer_log.verdict == LogVerdict::Failed
    }
}
