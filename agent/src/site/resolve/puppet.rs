//! Puppet classes and Hiera data: the role's, then the VM's; hashes merge key by key, all else is replaced.

use std::collections::BTreeMap;

use crate::site::file::PuppetFile;
use crate::spec::{PuppetName, PuppetSpec, PuppetValue, SitePuppet, StageSpec};

/// The classification from `role` and `vm`, if either has one.
pub(super) fn resolve(
    site: &SitePuppet,
    stage: &StageSpec,
    role: Option<&PuppetFile>,
    vm: Option<&PuppetFile>,
) -> Option<PuppetSpec> {
    if role.is_none() && vm.is_none() {
        return None;
    }
    let mut classes: Vec<PuppetName> = Vec::new();
    let mut data = BTreeMap::new();
    for layer in [role, vm].into_iter().flatten() {
        for at in &layer.classes {
            if !classes.contains(&at.value) {
                classes.push(at.value.clone());
            }
        }
        merge(&mut data, &layer.data);
    }
    Some(PuppetSpec { mode: site.mode, environment: stage.puppet_environment.clone(), classes, data })
}

fn merge(into: &mut BTreeMap<String, PuppetValue>, from: &BTreeMap<String, PuppetValue>) {
    for (key, value) in from {
        match (into.get_mut(key), value) {
            (Some(PuppetValue::Hash(old)), PuppetValue::Hash(new)) => merge(old, new),
            _ => {
                into.insert(key.clone(), value.clone());
            }
        }
    }
}
