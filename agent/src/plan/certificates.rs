//! What to do at the Puppet CA: names are freed there before a new system boots and before a VM is forgotten.
//!
//! ```text
//!            look                    look
//! signed → revoke → revoked → delete → absent: the VM goes on
//!                requested → delete ↗
//! ```
//!
//! One lane (`Subject::Ca`) does it for all VMs of this agent, so it is serialised; each pass puts all that is due into it, so it is
//! batched. Nothing is remembered between passes but what the CA was last seen to say: killed anywhere, the next agent looks and
//! goes on from there. Other agents may do the same at the same CA. A VM waits only where it must: switched off after its
//! installer, or just before it is forgotten.

use std::collections::BTreeMap;

use super::PlanInput;
use super::infra::hold_back;
use super::report::{Action, SubjectPlan};
use super::step::Step;
use crate::observed::{
    CertificateOf, CertificateState, DomainState, ObservedCertificate, ObservedHost, ObservedVm, Phase, Subject,
};
use crate::spec::{Timestamp, VmName};

/// Names in one batch. A revocation takes 0.1 s on a slow CA: a batch is a few seconds.
const BATCH: usize = 32;

/// The CA's part of the plan.
pub(super) struct Certificates {
    /// The VMs whose names are not free yet, in the order in which they are served.
    queue: Vec<VmName>,
    /// What the CA says against a VM's name.
    refusals: BTreeMap<VmName, String>,
    /// What went wrong at the CA last.
    error: Option<String>,
    /// The lane; none: nothing to do with any CA.
    plan: Option<SubjectPlan>,
}

/// What a VM that must not go on waits for.
pub(super) struct WaitForCa {
    /// A sentence for people.
    pub(super) reason: String,
    /// A person has to act.
    pub(super) blocked: bool,
}

pub(super) fn plan_certificates(input: &PlanInput<'_>, host: &ObservedHost) -> Certificates {
    let error = input.observed.errors.get(&Subject::Ca).map(|error| error.detail.clone());
    let mut this = Certificates { queue: Vec::new(), refusals: BTreeMap::new(), error, plan: None };
    if input.spec.site.puppet.as_ref().is_none_or(|puppet| puppet.server.is_none()) {
        // Without a server nobody can be asked; what it knew of VMs is no longer of use.
        return this;
    }
    let mut work = Work::default();
    let mut owners: Vec<&ObservedVm> = input.observed.vms.values().filter(|vm| is_freed_in(vm.record.phase)).collect();
    owners.sort_by_key(|vm| (vm.record.began, vm.record.vm.clone()));
    for vm in owners {
        let names: Vec<CertificateOf> = CertificateOf::all(&vm.record).collect();
        if names.iter().all(|of| vm.certificate_state(of) == Some(CertificateState::Absent)) {
            continue;
        }
        this.queue.push(vm.record.vm.clone());
        if let Some(refusal) = names.iter().find_map(|of| vm.certificate(of)?.refusal.as_ref()) {
            this.refusals.insert(vm.record.vm.clone(), refusal.words.clone());
        }
        // A system that still runs could ask for a certificate again at once.
        if !runs_an_older_system(vm, host) {
            names.into_iter().for_each(|of| work.free(input, vm, of));
        }
    }
    for vm in input.observed.vms.values().filter(|vm| vm.record.phase == Phase::Enrolling) {
        CertificateOf::all(&vm.record).for_each(|of| work.watch(input, vm, of));
    }
    let plan = hold_back(input, work.into_plan(this.queue.len()));
    this.plan = Some(plan).filter(|plan| plan.action != Action::Keep);
    this
}

impl Certificates {
    /// Why `vm` must not go on yet: its name is not free.
    pub(super) fn wait(&self, vm: &VmName) -> Option<WaitForCa> {
        let ahead = self.queue.iter().position(|waiting| waiting == vm)?;
        let reason = match (self.refusals.get(vm), &self.error) {
            (Some(refusal), _) => format!("waiting for the CA: {refusal}"),
            (None, Some(error)) => format!("waiting for the CA, {ahead} ahead: {error}"),
            (None, None) => format!("waiting for the CA, {ahead} ahead"),
        };
        Some(WaitForCa { reason, blocked: self.plan.as_ref().is_some_and(|plan| plan.action == Action::Blocked) })
    }

    /// The lane.
    pub(super) fn into_plan(self) -> Option<SubjectPlan> {
        self.plan
    }
}

impl ObservedVm {
    /// What is known from what was asked for just this.
    fn certificate(&self, of: &CertificateOf) -> Option<&ObservedCertificate> {
        self.certificates.iter().find(|known| known.of == *of)
    }

    /// What the last look has seen of it.
    pub(super) fn certificate_state(&self, of: &CertificateOf) -> Option<CertificateState> {
        self.certificate(of)?.state()
    }
}

/// What is to be done, before it is cut into batches.
#[derive(Default)]
struct Work {
    revoke: Vec<CertificateOf>,
    delete: Vec<CertificateOf>,
    look: Vec<CertificateOf>,
}

impl Work {
    fn free(&mut self, input: &PlanInput<'_>, vm: &ObservedVm, of: CertificateOf) {
        let known = vm.certificate(&of);
        if known.and_then(|known| known.refusal.as_ref()).is_some_and(|no| !passed(input, no.at, input.policy.ca_retry)) {
            return;
        }
        match known.and_then(ObservedCertificate::state) {
            None => self.look.push(of),
            Some(CertificateState::Absent) => {}
            Some(CertificateState::Signed) => self.revoke.push(of),
            Some(CertificateState::Revoked | CertificateState::Requested) => self.delete.push(of),
        }
    }

    /// While a VM enrols, what the CA holds tells how far it has come; and a request that stays unsigned is in its own way, since
    /// the CA takes no other before it is gone.
    fn watch(&mut self, input: &PlanInput<'_>, vm: &ObservedVm, of: CertificateOf) {
        let known = vm.certificate(&of);
        let refused = known.and_then(|known| known.refusal.as_ref()).map(|refusal| refusal.at);
        match known.and_then(|known| known.seen) {
            // The policy decides at once: what it has not signed after this long, it will not sign.
            Some(seen)
                if seen.state == CertificateState::Requested && passed(input, seen.first, input.policy.ca_stuck_request) =>
            {
                self.delete.push(of);
            }
            Some(seen) if seen.state == CertificateState::Signed || !passed(input, seen.at, input.policy.ca_interval) => {}
            None if refused.is_some_and(|at| !passed(input, at, input.policy.ca_retry)) => {}
            _ => self.look.push(of),
        }
    }

    fn into_plan(mut self, queued: usize) -> SubjectPlan {
        for list in [&mut self.revoke, &mut self.delete, &mut self.look] {
            list.truncate(BATCH);
        }
        let mut steps = Vec::new();
        let changes = self.revoke.len() + self.delete.len();
        // What was changed is looked at, and with it what nobody has looked at yet.
        let mut look = self.look;
        look.extend(self.revoke.iter().chain(&self.delete).cloned());
        if !self.revoke.is_empty() {
            steps.push(Step::RevokeCertificates(self.revoke));
        }
        if !self.delete.is_empty() {
            steps.push(Step::DeleteCertificates(self.delete));
        }
        if !look.is_empty() {
            steps.push(Step::LookAtCertificates(look));
        }
        let (action, reason) = match queued {
            0 if steps.is_empty() => (Action::Keep, String::new()),
            0 if changes == 0 => (Action::Continue, "it is asked about VMs that enrol".to_owned()),
            0 => (Action::Change, "a request that nobody signs is in the way".to_owned()),
            1 => (Action::Change, "the name of one VM is freed there".to_owned()),
            several => (Action::Change, format!("the names of {several} VMs are freed there")),
        };
        SubjectPlan { subject: Subject::Ca, action, reason, steps }
    }
}

/// The names of a VM in this phase are to be free.
fn is_freed_in(phase: Phase) -> bool {
    matches!(phase, Phase::Preparing | Phase::Installing | Phase::Installed | Phase::Retiring)
}

/// The domain runs, and what runs is not this attempt's installer.
fn runs_an_older_system(vm: &ObservedVm, host: &ObservedHost) -> bool {
    let Some(domain) = host.domains.get(vm.record.vm.as_str()) else { return false };
    let installer = domain.owner.as_ref().is_some_and(|owner| owner.installing && owner.attempt == vm.record.attempt);
    matches!(domain.state, DomainState::Running | DomainState::Paused) && (!installer || vm.record.phase == Phase::Retiring)
}

/// `pause` has passed since `at`; a clock that fell back makes nobody wait.
fn passed(input: &PlanInput<'_>, at: Timestamp, pause: std::time::Duration) -> bool {
    at.plus(pause) <= input.now || at > input.now
}
