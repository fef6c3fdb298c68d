//! Puppet classes and Hiera data: the role's, then the VM's; hashes merge key by key, all else is replaced.

use std::collections::BTreeMap;

use crate::site::file::PuppetFile;
use crate::site::problems::At;
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
    let layers = || [role, vm].into_iter().flatten();
    let classes = unique(layers().flat_map(|layer| &layer.classes));
    let mut data = BTreeMap::new();
    layers().for_each(|layer| merge(&mut data, &layer.data));
    let of_role = |role: &PuppetFile| (unique(&role.classes), role.data.clone());
    let (role_classes, role_data) = role.map(of_role).unwrap_or_default();
    Some(PuppetSpec { mode: site.mode, environment: stage.puppet_environment.clone(), classes, data, role_classes, role_data })
}

/// Each class once, in the order of their first mention.
fn unique<'a>(classes: impl IntoIterator<Item = &'a At<PuppetName>>) -> Vec<PuppetName> {
    let mut all: Vec<PuppetName> = Vec::new();
    for at in classes {
        if !all.contains(&at.value) {
            all.push(at.value.clone());
        }
    }
    all
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
