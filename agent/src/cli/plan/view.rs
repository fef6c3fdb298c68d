//! A plan as it is printed and written as JSON.

use serde::Serialize;

use crate::observed::{Phase, Subject};
use crate::plan::{Action, Plan, Step};

/// The plan of one hypervisor.
#[derive(Debug, Serialize)]
pub(crate) struct PlanView {
    /// The hypervisor.
    pub(crate) hypervisor: String,
    /// The site's revision.
    pub(crate) revision: String,
    /// Why nothing can be planned.
    pub(crate) unreachable: Option<String>,
    /// Everything the plan speaks of, in the order in which it is made.
    pub(crate) subjects: Vec<SubjectView>,
}

/// What happens to one thing.
#[derive(Debug, Serialize)]
pub(crate) struct SubjectView {
    /// `probe`, `pool`, `network`, `boot-files`, `vm`.
    pub(crate) kind: &'static str,
    /// Its name.
    pub(crate) name: String,
    /// See `plan::Action`.
    pub(crate) action: &'static str,
    /// Why, or why not.
    pub(crate) reason: String,
    /// A VM's phase before the steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) phase: Option<&'static str>,
    /// A VM's volumes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) volumes: Vec<VolumeView>,
    /// What would be done now, in order.
    pub(crate) steps: Vec<String>,
}

/// What happens to a volume.
#[derive(Debug, Serialize)]
pub(crate) struct VolumeView {
    /// Pool and file name.
    pub(crate) volume: String,
    /// See `plan::VolumeAction`.
    pub(crate) action: &'static str,
    /// Why.
    pub(crate) reason: &'static str,
}

/// How many of each.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) create: usize,
    pub(crate) change: usize,
    pub(crate) rebuild: usize,
    pub(crate) destroy: usize,
    pub(crate) under_way: usize,
    pub(crate) wait: usize,
    pub(crate) blocked: usize,
    pub(crate) kept: usize,
}

impl Counts {
    /// Nothing but what is as it should be.
    pub(crate) fn is_all_kept(&self) -> bool {
        *self == Self { kept: self.kept, ..Self::default() }
    }
}

impl PlanView {
    /// The view of `plan`; with `only`, the VMs of these names and what they may need.
    pub(crate) fn new(hypervisor: &str, revision: &str, plan: &Plan, only: &[String]) -> Self {
        let texts = |steps: &[Step]| steps.iter().map(Step::describe).collect();
        let infra = plan.infra.iter().map(|subject| {
            let (kind, name) = named(&subject.subject);
            SubjectView {
                kind,
                name,
                action: subject.action.as_str(),
                reason: subject.reason.clone(),
                phase: None,
                volumes: Vec::new(),
                steps: texts(&subject.steps),
            }
        });
        let vms = plan.vms.values().filter(|vm| only.is_empty() || only.iter().any(|name| name == vm.vm.as_str()));
        let vms = vms.map(|vm| SubjectView {
            kind: "vm",
            name: vm.vm.to_string(),
            action: vm.action.as_str(),
            reason: vm.reason.clone(),
            phase: vm.phase.map(Phase::as_str),
            volumes: vm
                .volumes
                .iter()
                .map(|volume| VolumeView { volume: volume.volume.clone(), action: volume.action.as_str(), reason: volume.reason })
                .collect(),
            steps: texts(&vm.steps),
        });
        Self {
            hypervisor: hypervisor.to_owned(),
            revision: revision.to_owned(),
            unreachable: plan.unreachable.clone(),
            subjects: infra.chain(vms).collect(),
        }
    }

    /// How many things have which action.
    pub(crate) fn counts(&self) -> Counts {
        let count = |action: Action| self.subjects.iter().filter(|subject| subject.action == action.as_str()).count();
        Counts {
            create: count(Action::Create),
            change: count(Action::Change),
            rebuild: count(Action::Rebuild),
            destroy: count(Action::Destroy),
            under_way: count(Action::Continue),
            wait: count(Action::Wait),
            blocked: count(Action::Blocked),
            kept: count(Action::Keep),
        }
    }
}

impl SubjectView {
    /// Kind and name for people.
    pub(crate) fn title(&self) -> String {
        match self.kind {
            "vm" => format!("VM {}", self.name),
            "boot-files" => format!("boot files {}", self.name),
            "probe" => "domain type".to_owned(),
            "ca" => "Puppet CA".to_owned(),
            kind => format!("{kind} {}", self.name),
        }
    }
}

fn named(subject: &Subject) -> (&'static str, String) {
    match subject {
        Subject::Probe => ("probe", "domain-type".to_owned()),
        Subject::Pool(name) => ("pool", name.to_string()),
        Subject::Network(name) => ("network", name.to_string()),
        Subject::BootFiles(name) => ("boot-files", name.to_string()),
        Subject::Ca => ("ca", "puppet".to_owned()),
        Subject::PuppetDb => ("puppetdb", "puppet".to_owned()),
        Subject::Vm(name) => ("vm", name.to_string()),
    }
}
