//! The plan: steps for each subject, with the reason for each and the reason for each thing that is not done.

use std::collections::BTreeMap;

use super::{PlanInput, Step};
use crate::observed::{Phase, Subject};
use crate::spec::{Timestamp, VmName};

/// What happens to a subject, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It is made.
    Create,
    /// It is as it should be.
    Keep,
    /// It is changed without loss.
    Change,
    /// Something under way goes on.
    Continue,
    /// It is made anew, with consent or as a retry of an install that never finished.
    Rebuild,
    /// It goes, with consent.
    Destroy,
    /// Nothing now; it goes on by itself.
    Wait,
    /// Nothing until a person acts.
    Blocked,
}

impl Action {
    /// As shown and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Keep => "keep",
            Self::Change => "change",
            Self::Continue => "continue",
            Self::Rebuild => "rebuild",
            Self::Destroy => "destroy",
            Self::Wait => "wait",
            Self::Blocked => "blocked",
        }
    }
}

/// What happens to a pool, a network, boot files or the probe.
#[derive(Debug, Clone, PartialEq)]
pub struct SubjectPlan {
    /// Which.
    pub subject: Subject,
    /// What.
    pub action: Action,
    /// Why, as a sentence for people.
    pub reason: String,
    /// How.
    pub steps: Vec<Step>,
}

/// What happens to a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VolumeAction {
    /// Made.
    Create,
    /// Left as it is.
    Keep,
    /// Deleted and made.
    Recreate,
    /// Deleted.
    Destroy,
}

impl VolumeAction {
    /// As shown and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Keep => "keep",
            Self::Recreate => "recreate",
            Self::Destroy => "destroy",
        }
    }
}

/// A volume's line in the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumePlan {
    /// Pool and file name: `default/web1-root.qcow2`.
    pub volume: String,
    /// What.
    pub action: VolumeAction,
    /// Why.
    pub reason: &'static str,
}

/// What happens to a VM.
#[derive(Debug, Clone, PartialEq)]
pub struct VmPlan {
    /// Which.
    pub vm: VmName,
    /// What.
    pub action: Action,
    /// Why, as a sentence for people.
    pub reason: String,
    /// How, in order.
    pub steps: Vec<Step>,
    /// Its volumes.
    pub volumes: Vec<VolumePlan>,
    /// Its phase before the steps.
    pub phase: Option<Phase>,
    /// When its phase is given up.
    pub deadline: Option<Timestamp>,
    /// When to look again at the latest, without any event.
    pub look_again: Option<Timestamp>,
}

impl VmPlan {
    /// Nothing more happens to it unless something changes or a person acts.
    pub fn is_settled(&self) -> bool {
        matches!(self.action, Action::Keep | Action::Blocked) && self.steps.iter().all(Step::is_bookkeeping)
    }
}

/// The plan of one pass.
#[must_use = "a plan that nobody reads helps nobody"]
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Pools, networks, boot files, the probe: in order, before the VMs that need them.
    pub infra: Vec<SubjectPlan>,
    /// VMs, by name.
    pub vms: BTreeMap<VmName, VmPlan>,
    /// Why nothing is planned at all.
    pub unreachable: Option<String>,
}

impl Plan {
    /// No step would change anything.
    pub fn is_empty(&self) -> bool {
        let steps = self.infra.iter().flat_map(|s| &s.steps).chain(self.vms.values().flat_map(|vm| &vm.steps));
        self.unreachable.is_none() && steps.into_iter().all(Step::is_bookkeeping)
    }

    /// Nothing is planned and nothing is under way.
    pub fn is_settled(&self) -> bool {
        self.unreachable.is_none()
            && self.vms.values().all(VmPlan::is_settled)
            && self.infra.iter().all(|s| matches!(s.action, Action::Keep | Action::Blocked))
    }

    /// The next time at which to look without an event.
    pub fn look_again(&self) -> Option<Timestamp> {
        self.vms.values().flat_map(|vm| [vm.deadline, vm.look_again]).flatten().min()
    }
}

pub(super) fn unreachable(input: &PlanInput<'_>, reason: &str) -> Plan {
    let vms = input.spec.vms_on(input.hypervisor).map(|vm| {
        let phase = input.observed.vms.get(&vm.name).map(|observed| observed.record.phase);
        let plan = VmPlan {
            vm: vm.name.clone(),
            action: Action::Wait,
            reason: "the hypervisor cannot be reached".to_owned(),
            steps: Vec::new(),
            volumes: Vec::new(),
            phase,
            deadline: None,
            look_again: None,
        };
        (vm.name.clone(), plan)
    });
    Plan { infra: Vec::new(), vms: vms.collect(), unreachable: Some(reason.to_owned()) }
}
