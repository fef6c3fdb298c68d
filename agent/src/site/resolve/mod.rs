//! Files as written → `Spec`: defaults, merges, look-ups, and every proof that the files alone allow.
//!
//! Each part gives what it could make and reports what it could not; a `Spec` comes out only if nothing was reported.

mod capacity;
mod clash;
mod disk;
mod hypervisor;
mod network;
mod nic;
mod os;
mod puppet;
mod puppet_server;
mod refer;
mod repository;
mod stage;
mod team;
mod top;
mod vm;

use std::collections::BTreeMap;

use camino::Utf8Path;

use super::load::{Named, SiteFiles};
use super::problems::Problems;
use crate::spec::{
    HypervisorName, HypervisorSpec, NetworkName, NetworkSpec, OsName, OsSpec, SiteName, Spec, StageName, StageSpec, VmName,
    VmSpec,
};

use super::file::VmFile;

/// What is known while VMs are resolved. A name that maps to `None` exists and has mistakes of its own.
struct Known<'a> {
    files: &'a SiteFiles,
    problems: &'a Problems,
    site_name: Option<&'a str>,
    oses: BTreeMap<OsName, Option<OsSpec>>,
    stages: BTreeMap<StageName, Option<StageSpec>>,
    networks: BTreeMap<NetworkName, Option<NetworkSpec>>,
    hypervisors: BTreeMap<HypervisorName, Option<HypervisorSpec>>,
}

/// A VM that could be resolved, with its file, for the proofs that look at several.
struct ResolvedVm<'a> {
    file: &'a Named<VmFile>,
    spec: VmSpec,
}

/// Resolves `files`, found in the directory `root`. The revision is left empty.
pub(super) fn resolve(files: &SiteFiles, root: &Utf8Path, problems: &Problems) -> Option<Spec> {
    let site = files.top.as_ref().and_then(|top| top::resolve(top, root, files, problems));
    let known = Known {
        files,
        problems,
        site_name: files.top.as_ref().and_then(|top| top.name.value()).map(SiteName::as_str),
        oses: each(&files.oses, |name, file| os::resolve(name, file, root, problems)),
        stages: each(&files.stages, |name, file| stage::resolve(name, file, root, files, problems)),
        networks: each(&files.networks, |name, file| network::resolve(name, file, problems)),
        hypervisors: each(&files.hypervisors, |name, file| hypervisor::resolve(name, file, files, problems)),
    };
    vm::check_defaults(&known);
    let teams = each(&files.teams, |name, file| Some(team::resolve(name, file)));
    let mut vms = BTreeMap::new();
    for (name, named) in &files.vms {
        let Some(file) = &named.file else { continue };
        if let Some(spec) = vm::resolve(name, file, &named.place, site.as_ref(), &known) {
            vms.insert(name.clone(), ResolvedVm { file: named, spec });
        }
    }
    clash::networks(&known);
    clash::vms(&vms, &known);
    capacity::teams(&vms, &teams, files, problems);
    capacity::hypervisors(&vms, &known);
    if !problems.is_empty() {
        return None;
    }
    Some(Spec {
        revision: String::new(),
        site: site?,
        oses: whole(known.oses)?,
        stages: whole(known.stages)?,
        networks: whole(known.networks)?,
        teams: whole(teams)?,
        hypervisors: whole(known.hypervisors)?,
        vms: vms.into_iter().map(|(name, vm): (VmName, ResolvedVm<'_>)| (name, vm.spec)).collect(),
    })
}

fn each<N: Ord + Clone, F, S>(
    files: &BTreeMap<N, Named<F>>,
    mut resolve: impl FnMut(&N, &F) -> Option<S>,
) -> BTreeMap<N, Option<S>> {
    files.iter().map(|(name, named)| (name.clone(), named.file.as_ref().and_then(|file| resolve(name, file)))).collect()
}

fn whole<N: Ord, S>(map: BTreeMap<N, Option<S>>) -> Option<BTreeMap<N, S>> {
    map.into_iter().map(|(name, spec)| spec.map(|spec| (name, spec))).collect()
}
