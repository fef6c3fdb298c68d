//! What destroys, each with consent that names the VM: rebuild and retirement.

use super::admission::Admission;
use super::install::{discard, waiting};
use super::report::{Action, VmPlan, VolumeAction, VolumePlan};
use super::vm::{VmView, volume_plans};
use super::{Step, domain_uuid};
use crate::observed::{DomainState, ObservedVm};
use crate::spec::{Stop, VmSpec};

/// Somebody consented to a rebuild: off, old disk gone, next attempt. The consent is the stored intent, so a crash between any
/// two of these steps repeats what is left of them.
pub(super) fn plan_rebuild(view: &VmView<'_>, vm: &VmSpec, observed: &ObservedVm, admission: &mut Admission) -> VmPlan {
    let record = &observed.record;
    let who = record.rebuild.as_ref().map(|consent| consent.by.as_str()).unwrap_or_default();
    let mut plan = view.plan(Some(observed), Action::Rebuild, format!("{who} consented to its rebuild"));
    if let Some(missing) = view.missing_ground(vm) {
        return waiting(plan, missing.reason);
    }
    if let Err(reason) = admission.admit(vm) {
        return waiting(plan, format!("{who} consented to its rebuild; it waits: {reason}"));
    }
    plan.volumes = volume_plans(view, vm);
    plan.steps = discard(view, vm);
    plan.steps.push(Step::Record(Box::new(view.begin(vm, record.attempt + 1, 1))));
    plan
}

/// Somebody consented to its end: off, undefined, volumes gone, forgotten. Kept volumes stay.
pub(super) fn plan_retiring(view: &VmView<'_>, vm: Option<&VmSpec>, observed: &ObservedVm) -> VmPlan {
    let mut plan = view.plan(Some(observed), Action::Destroy, "somebody consented to its end".to_owned());
    let uuid = domain_uuid(&view.input.spec.site.name, view.name);
    if let Some(domain) = view.domain {
        if matches!(domain.state, DomainState::Running | DomainState::Paused) {
            plan.steps.push(Step::StopDomain { vm: view.name.clone(), uuid, how: Stop::Now });
        }
        plan.steps.push(Step::UndefineDomain { vm: view.name.clone(), uuid });
    }
    // The site may no longer describe the VM: its volumes are those that bear its name and were recorded as disposable.
    for (pool, volume) in disposable(view, vm) {
        plan.volumes.push(VolumePlan {
            volume: format!("{pool}/{volume}"),
            action: VolumeAction::Destroy,
            reason: "its VM is destroyed",
        });
        plan.steps.push(Step::DeleteVolume { pool, volume });
    }
    match view.certificates.wait(view.name) {
        None => plan.steps.push(Step::Forget(view.name.clone())),
        // The record says which names there are: it goes last.
        Some(wait) if plan.steps.is_empty() => {
            plan.action = if wait.blocked { Action::Blocked } else { Action::Destroy };
            plan.reason = wait.reason;
        }
        Some(_) => {}
    }
    plan
}

/// The root volume, and where the site still describes the VM its other volumes that are not kept. Without the site nothing
/// says which of the others were to be kept, so all of them are.
fn disposable(view: &VmView<'_>, vm: Option<&VmSpec>) -> Vec<(crate::spec::PoolName, String)> {
    let names: Vec<String> = match vm {
        Some(vm) => {
            vm.disks.iter().filter(|disk| !disk.keep).map(|disk| crate::spec::VolumeSpec::of(&vm.name, disk).name).collect()
        }
        None => vec![format!("{}-root.qcow2", view.name)],
    };
    let ours = view.input.spec.hypervisors.get(view.input.hypervisor);
    ours.into_iter()
        .flat_map(|hypervisor| &hypervisor.pools)
        .filter_map(|pool| view.host.pools.get(pool.name.as_str()).map(|found| (&pool.name, found)))
        .flat_map(|(pool, found)| {
            names.iter().filter(|name| found.volumes.contains_key(*name)).map(|name| (pool.clone(), name.clone()))
        })
        .collect()
}
