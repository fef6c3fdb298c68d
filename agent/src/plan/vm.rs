//! What to do about each VM: the table of its life.
//!
//! ```text
//! no record   → begin attempt 1 | adopt a domain of ours | blocked by something foreign          (here)
//! Preparing   → kickstart, volumes, domain, start                                              (install.rs)
//! Installing  → wait | Installed | Failed                                                      (install.rs)
//! Installed   → the CA has freed its name → boot from disk                       (certificates.rs, install.rs)
//! Booting     → wait | Enrolling | Verifying | Failed                                              (run.rs)
//! Enrolling   → wait | Verifying | Failed                                                        (enrol.rs)
//! Verifying   → checks → Ready | Failed                                                            (run.rs)
//! Ready       → keep | start | checks → Verifying                                                  (run.rs)
//! Failed      → try again within the budget | keep the evidence                                (install.rs)
//! Retiring    → off, undefined, volumes gone, name freed at the CA, forgotten                   (retire.rs)
//! consent to rebuild, in any phase → off, old disk gone, next attempt                           (retire.rs)
//! ```

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::admission::Admission;
use super::certificates::Certificates;
use super::report::{Action, SubjectPlan, VmPlan, VolumeAction, VolumePlan};
use super::{PlanInput, Step, digest, domain_uuid, enrol, infra, install, retire, run};
use crate::observed::{Disposition, DomainState, Failure, ObservedDomain, ObservedHost, ObservedVm, Phase, Subject, VmRecord};
use crate::spec::{Fqdn, PuppetMode, Stop, Timestamp, Token, VmName, VmSpec, VolumeSpec};

/// What every part of a VM's planning looks at.
pub(super) struct VmView<'a> {
    pub(super) input: &'a PlanInput<'a>,
    pub(super) host: &'a ObservedHost,
    pub(super) infra: &'a [SubjectPlan],
    pub(super) certificates: &'a Certificates,
    pub(super) name: &'a VmName,
    pub(super) domain: Option<&'a ObservedDomain>,
}

pub(super) fn plan_vms(
    input: &PlanInput<'_>,
    host: &ObservedHost,
    infra: &[SubjectPlan],
    certificates: &Certificates,
    admission: &mut Admission,
) -> BTreeMap<VmName, VmPlan> {
    let in_site: BTreeMap<&VmName, &VmSpec> = input.spec.vms_on(input.hypervisor).map(|vm| (&vm.name, vm)).collect();
    let ours_by_domain = host.domains.values().filter_map(|domain| domain.owner.as_ref());
    let mut names: Vec<&VmName> = in_site.keys().copied().chain(input.observed.vms.keys()).collect();
    names.extend(ours_by_domain.filter(|owner| owner.site == input.spec.site.name).map(|owner| &owner.vm));
    names.sort();
    names.dedup();
    names
        .into_iter()
        .map(|name| {
            let view = VmView { input, host, infra, certificates, name, domain: host.domains.get(name.as_str()) };
            let mut plan = plan_vm(&view, in_site.get(name).copied(), input.observed.vms.get(name), admission);
            view.hold_back(&mut plan);
            (name.clone(), plan)
        })
        .collect()
}

fn plan_vm(view: &VmView<'_>, vm: Option<&VmSpec>, observed: Option<&ObservedVm>, admission: &mut Admission) -> VmPlan {
    if let Some(reason) = view.foreign() {
        return view.plan(observed, Action::Blocked, reason);
    }
    match (vm, observed) {
        (_, Some(observed)) if observed.record.phase == Phase::Retiring => retire::plan_retiring(view, vm, observed),
        (Some(vm), Some(observed)) if observed.record.rebuild.is_some() => retire::plan_rebuild(view, vm, observed, admission),
        (Some(vm), Some(observed)) => match observed.record.phase {
            Phase::Preparing => install::plan_preparing(view, vm, observed),
            Phase::Installing => install::plan_installing(view, vm, observed),
            Phase::Installed => install::plan_installed(view, vm, observed),
            Phase::Failed => install::plan_failed(view, vm, observed, admission),
            Phase::Booting => run::plan_booting(view, vm, observed),
            Phase::Enrolling => enrol::plan_enrolling(view, vm, observed),
            Phase::Verifying => run::plan_verifying(view, vm, observed),
            Phase::Ready => run::plan_ready(view, vm, observed),
            Phase::Retiring => retire::plan_retiring(view, Some(vm), observed),
        },
        (Some(vm), None) => plan_new(view, vm, admission),
        (None, observed) => {
            let place = match view.input.spec.vms.get(view.name) {
                Some(vm) => format!("the site puts it on hypervisor `{}`", vm.hypervisor),
                None => "it is not in the site any more".to_owned(),
            };
            let reason = format!("{place}; it is kept here until somebody consents: `rekindle destroy {}`", view.name);
            view.plan(observed, Action::Blocked, reason)
        }
    }
}

/// A VM that the store does not know: made, or found.
fn plan_new(view: &VmView<'_>, vm: &VmSpec, admission: &mut Admission) -> VmPlan {
    if let Some(domain) = view.domain {
        return adopt(view, vm, domain);
    }
    let leftover =
        vm.disks.iter().map(|disk| VolumeSpec::of(&vm.name, disk)).find(|volume| !volume.keep && view.has_volume(volume));
    if let Some(volume) = leftover {
        let reason = format!(
            "volume `{}` is in pool `{}` already and nothing says that it is ours: remove it, or consent to its loss: `rekindle rebuild {}`",
            volume.name, volume.pool, vm.name
        );
        return view.plan(None, Action::Blocked, reason);
    }
    if let Some(missing) = view.missing_ground(vm) {
        // It is going to be made, in a later pass.
        let mut plan = view.plan(None, if missing.blocked { Action::Blocked } else { Action::Create }, missing.reason);
        plan.volumes = volume_plans(view, vm);
        return plan;
    }
    if let Err(reason) = admission.admit(vm) {
        return view.plan(None, Action::Wait, reason);
    }
    let mut plan = view.plan(None, Action::Create, "it does not exist".to_owned());
    plan.volumes = volume_plans(view, vm);
    plan.steps = vec![Step::Record(Box::new(view.begin(vm, 1, 1)))];
    plan
}

/// A domain of ours that the store has lost: what runs is verified, what was still being installed is left for a person.
fn adopt(view: &VmView<'_>, vm: &VmSpec, domain: &ObservedDomain) -> VmPlan {
    let Some(owner) = &domain.owner else { return view.plan(None, Action::Blocked, "it is not ours".to_owned()) };
    let mut record = view.begin(vm, owner.attempt, 1);
    let reason = if owner.installing {
        record.phase = Phase::Failed;
        record.failure = Some(Failure {
            at: view.input.now,
            phase: Phase::Installing,
            cause: crate::observed::Cause::StoppedDuringInstall,
            detail: "its install was under way when the agent's store was lost".to_owned(),
            evidence: Vec::new(),
        });
        "its install was under way when the store was lost"
    } else {
        record.phase = Phase::Verifying;
        "it exists and is ours, but the store does not know it: its checks will tell"
    };
    let mut plan = view.plan(None, Action::Change, reason.to_owned());
    if owner.installing && matches!(domain.state, DomainState::Running | DomainState::Paused) {
        // Its token is lost with the store: it can neither be heard nor come to an end, and would take an install's place.
        let uuid = domain_uuid(&view.input.spec.site.name, view.name);
        plan.steps.push(Step::StopDomain { vm: view.name.clone(), uuid, how: Stop::Now });
    }
    plan.steps.push(Step::Record(Box::new(record)));
    plan
}

/// One line for each disk of a VM that is about to be made.
pub(super) fn volume_plans(view: &VmView<'_>, vm: &VmSpec) -> Vec<VolumePlan> {
    vm.disks
        .iter()
        .map(|disk| {
            let volume = VolumeSpec::of(&vm.name, disk);
            let (action, reason) = match (view.has_volume(&volume), volume.keep) {
                (true, true) => (VolumeAction::Keep, "the site says `keep`"),
                (true, false) => (VolumeAction::Recreate, "its VM is rebuilt"),
                (false, _) => (VolumeAction::Create, "it does not exist"),
            };
            VolumePlan { volume: format!("{}/{}", volume.pool, volume.name), action, reason }
        })
        .collect()
}

impl<'a> VmView<'a> {
    /// A plan without steps.
    pub(super) fn plan(&self, observed: Option<&ObservedVm>, action: Action, reason: String) -> VmPlan {
        VmPlan {
            vm: self.name.clone(),
            action,
            reason,
            steps: Vec::new(),
            volumes: Vec::new(),
            phase: observed.map(|observed| observed.record.phase),
            deadline: None,
            look_again: None,
        }
    }

    /// A new record at the begin of an attempt.
    pub(super) fn begin(&self, vm: &VmSpec, attempt: u32, tries: u32) -> VmRecord {
        let bits = Sha256::new()
            .chain_update(self.input.seed)
            .chain_update(vm.name.as_str())
            .chain_update(attempt.to_be_bytes())
            .finalize();
        let mut token = [0; 16];
        token.copy_from_slice(&bits[..16]);
        VmRecord {
            vm: vm.name.clone(),
            attempt,
            tries,
            token: Token::new(token),
            began: self.input.now,
            phase: Phase::Preparing,
            since: self.input.now,
            spec_digest: digest::install_digest(self.input.spec, vm),
            site_revision: self.input.spec.revision.clone(),
            failure: None,
            rebuild: None,
            ready_at: None,
            certnames: self.certnames(vm),
        }
    }

    /// The names that the CA may know `vm` by from now on: this attempt's, and before it those that earlier ones may have left.
    fn certnames(&self, vm: &VmSpec) -> Vec<Fqdn> {
        let mut names = self.input.observed.vms.get(&vm.name).map(|before| before.record.certnames.clone()).unwrap_or_default();
        if vm.puppet.as_ref().is_some_and(|puppet| puppet.mode == PuppetMode::Server) {
            names.retain(|name| *name != vm.fqdn);
            names.push(vm.fqdn.clone());
        }
        names
    }

    /// The record moved to `phase`.
    pub(super) fn moved(&self, record: &VmRecord, phase: Phase) -> Step {
        Step::Record(Box::new(VmRecord { phase, since: self.input.now, ..record.clone() }))
    }

    /// Why the domain of this VM's name must not be touched, if it must not.
    fn foreign(&self) -> Option<String> {
        let domain = self.domain?;
        let site = &self.input.spec.site.name;
        let ours = domain.uuid == domain_uuid(site, self.name)
            && domain.owner.as_ref().is_some_and(|owner| owner.site == *site && owner.vm == *self.name);
        (!ours).then(|| {
            format!(
                "a domain `{}` (UUID {}) exists and is not ours: rename it or the VM; rekindle never takes a domain over",
                self.name, domain.uuid
            )
        })
    }

    pub(super) fn has_volume(&self, volume: &VolumeSpec) -> bool {
        self.host.pools.get(volume.pool.as_str()).is_some_and(|pool| pool.volumes.contains_key(&volume.name))
    }

    /// What `vm` stands on and is not there yet.
    pub(super) fn missing_ground(&self, vm: &VmSpec) -> Option<infra::Missing> {
        let subjects = std::iter::once(Subject::Probe)
            .chain(vm.disks.iter().map(|disk| Subject::Pool(disk.pool.clone())))
            .chain(vm.nics.iter().map(|nic| Subject::Network(nic.network.clone())));
        subjects.into_iter().find_map(|subject| infra::missing(self.infra, &subject))
    }

    /// When the current phase is given up.
    #[expect(clippy::unused_self, reason = "reads as a question to the view")]
    pub(super) fn deadline(&self, record: &VmRecord, limit: std::time::Duration) -> Timestamp {
        record.since.plus(limit)
    }

    /// Work under way is left alone; work that failed is not begun again at once.
    fn hold_back(&self, plan: &mut VmPlan) {
        let subject = Subject::Vm(self.name.clone());
        if self.input.busy.contains(&subject) {
            // A settled VM whose checks are being run is settled all the same.
            if !plan.is_settled() {
                plan.action = Action::Continue;
            }
            plan.steps.clear();
        } else if let Some(error) = self.input.observed.errors.get(&subject)
            && !plan.steps.is_empty()
            && !plan.steps.iter().all(|step| matches!(step, Step::Record(_)))
        {
            let due = error.at.plus(infra::backoff(error));
            plan.reason.clone_from(&error.detail);
            plan.action = if error.disposition == Disposition::Blocked { Action::Blocked } else { Action::Wait };
            if due > self.input.now {
                plan.steps.clear();
                plan.look_again = Some(due);
            }
        }
    }
}
