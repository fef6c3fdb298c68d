//! Stage 3 of the pipeline: the decision, as data.
//!
//! A pure function of what should be, what is, and the time. It makes every choice (token, UUID, kernel command line, order) and
//! leaves none to `execute`; and it says why it does nothing where it does nothing. Start at [`plan`], then `vm.rs`.

mod admission;
mod believe;
mod boot;
mod certificates;
mod diagnose;
mod digest;
mod domain;
mod enrol;
pub mod gate;
mod infra;
mod input;
mod install;
pub mod journey;
mod puppetdb;
pub mod repo;
mod report;
pub mod retention;
mod retire;
mod run;
mod step;
mod vm;

pub use believe::{Disbelief, believe};
pub use boot::install_base;
pub use domain::{domain_spec, domain_uuid};
pub use input::{PlanInput, Policy};
pub use report::{Action, Plan, SubjectPlan, VmPlan, VolumeAction, VolumePlan};
pub use step::Step;

use crate::observed::HypervisorState;

/// What to do now, and why not more.
pub fn plan(input: &PlanInput<'_>) -> Plan {
    let host = match &input.observed.hypervisor {
        HypervisorState::Reachable(host) => host,
        HypervisorState::Unreachable { reason } => return report::unreachable(input, reason),
    };
    let mut infra = infra::plan_infra(input, host);
    let certificates = certificates::plan_certificates(input, host);
    let mut admission = admission::Admission::new(input, host, &certificates);
    let vms = vm::plan_vms(input, host, &infra, &certificates, &mut admission);
    infra.extend(certificates.into_plan());
    infra.extend(puppetdb::plan_puppetdb(input));
    Plan { infra, vms, unreachable: None }
}
