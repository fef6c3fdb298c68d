//! Which wish is legal in which state, and what it stores. A wish only ever writes a record: consent is stored intent, the next
//! pass acts on it.

use super::{Request, RequestError};
use crate::observed::{Consent, Phase, VmRecord};
use crate::spec::{HypervisorName, Spec, Timestamp, Token, VmName};
use crate::world::Store;

/// What a wish is judged by.
pub(super) struct Desired<'a> {
    pub(super) spec: &'a Spec,
    pub(super) hypervisor: &'a HypervisorName,
    pub(super) store: &'a Store,
    pub(super) now: Timestamp,
    /// A domain of ours of this name runs, or is defined, here.
    pub(super) has_domain: &'a dyn Fn(&VmName) -> bool,
}

/// The VMs that a wish names.
pub(super) fn vms_of(request: &Request) -> Vec<VmName> {
    match request {
        Request::Reconcile => Vec::new(),
        Request::Rebuild { vms, .. } | Request::Destroy { vms, .. } => vms.clone(),
        Request::Retry { vm, .. } => vec![vm.clone()],
    }
}

/// Stores what `request` asks for; all of it or, when one of its VMs is refused, nothing.
pub(super) fn accept(desired: &Desired<'_>, request: &Request) -> Result<(), RequestError> {
    let mut writes = Vec::new();
    for vm in vms_of(request) {
        writes.push(judge(desired, request, &vm)?);
    }
    for record in writes {
        desired.store.put_record(&record).map_err(|e| RequestError::Failed(e.to_string()))?;
    }
    Ok(())
}

fn judge(desired: &Desired<'_>, request: &Request, vm: &VmName) -> Result<VmRecord, RequestError> {
    let record = desired.store.record(vm).map_err(|e| RequestError::Failed(e.to_string()))?;
    let in_site = desired.spec.vms.get(vm).is_some_and(|vm| vm.hypervisor == *desired.hypervisor);
    if !in_site && record.is_none() && !(desired.has_domain)(vm) {
        return Err(RequestError::UnknownVm { vm: vm.clone(), hint: nearest(desired, vm) });
    }
    let record = record.unwrap_or_else(|| blank(vm, desired.now));
    let not_now = |reason: String| RequestError::NotNow { vm: vm.clone(), reason };
    if record.phase == Phase::Retiring {
        return Err(not_now("it is being destroyed".to_owned()));
    }
    match request {
        Request::Reconcile => Ok(record),
        Request::Rebuild { by, .. } if in_site => {
            Ok(VmRecord { rebuild: Some(Consent { at: desired.now, by: by.clone() }), ..record })
        }
        Request::Rebuild { .. } => Err(not_now("it is not in the site: there is nothing to rebuild it from".to_owned())),
        Request::Retry { by, .. } => match record.phase {
            Phase::Failed => Ok(VmRecord { rebuild: Some(Consent { at: desired.now, by: by.clone() }), ..record }),
            phase => Err(not_now(format!("it is {}, not failed: `rekindle rebuild {vm}` makes it anew", phase.as_str()))),
        },
        Request::Destroy { .. } if in_site => Err(RequestError::StillInSite { vm: vm.clone() }),
        Request::Destroy { .. } => Ok(VmRecord { phase: Phase::Retiring, since: desired.now, rebuild: None, ..record }),
    }
}

/// The record of a VM that has none: attempt 0, so that the first real one is 1. Its token is never given out.
fn blank(vm: &VmName, now: Timestamp) -> VmRecord {
    VmRecord {
        vm: vm.clone(),
        attempt: 0,
        tries: 0,
        token: Token::new(*uuid::Uuid::new_v4().as_bytes()),
        began: now,
        phase: Phase::Failed,
        since: now,
        spec_digest: String::new(),
        site_revision: String::new(),
        failure: None,
        rebuild: None,
        ready_at: None,
        certnames: Vec::new(),
    }
}

fn nearest(desired: &Desired<'_>, vm: &VmName) -> Option<String> {
    let known = desired.spec.vms_on(desired.hypervisor).map(|vm| vm.name.as_str());
    known
        .map(|name| (strsim::damerau_levenshtein(name, vm.as_str()), name))
        .filter(|(distance, _)| *distance <= 3)
        .min()
        .map(|(_, name)| name.to_owned())
}
