//! What the VMs of this hypervisor run, as their rpm databases last told it.

use std::collections::BTreeSet;

use crate::cli::context::Context;
use crate::cli::error::{CliError, OrExit as _};
use crate::observed::{GuestEventKind, InstalledPackage};
use crate::plan::retention::Running;
use crate::spec::{Spec, StageName, VmName};
use crate::world::Store;

/// A package on a VM.
pub(super) struct Installed {
    pub(super) vm: VmName,
    /// The VM's stage; none where the site no longer has the VM.
    pub(super) stage: Option<StageName>,
    pub(super) package: InstalledPackage,
}

/// Everything that VMs have reported; nothing where no agent has run here.
pub(super) fn installed(context: &Context, spec: &Spec) -> Result<Vec<Installed>, CliError> {
    let path = context.store_path()?;
    if !path.exists() {
        return Ok(Vec::new());
    }
    let store = Store::open_read_only(&path).or_world(|| "read the store".to_owned())?;
    let mut all = Vec::new();
    for (vm, record) in store.records().or_world(|| "read the store".to_owned())? {
        let events = store.events(&vm, record.attempt).or_world(|| format!("read the events of VM `{vm}`"))?;
        let last = events.into_iter().rev().find_map(|event| match event.kind {
            GuestEventKind::Packages(packages) => Some(packages),
            _ => None,
        });
        let stage = spec.vms.get(&vm).map(|vm| vm.stage.clone());
        all.extend(last.into_iter().flatten().map(|package| Installed { vm: vm.clone(), stage: stage.clone(), package }));
    }
    Ok(all)
}

/// The header digests among them.
pub(super) fn headers(installed: &[Installed]) -> BTreeSet<Running> {
    installed.iter().filter_map(|one| one.package.sha256_header.clone()).map(|header| Running { header }).collect()
}
