//! Sums that must not exceed what there is: team quotas, and hypervisors' memory where their files state it.

use std::collections::BTreeMap;

use super::{Known, ResolvedVm};
use crate::site::load::SiteFiles;
use crate::site::problems::{Problem, Problems};
use crate::site::units::Mib;
use crate::spec::{HypervisorName, TeamName, TeamSpec, VmName};

#[derive(Default)]
struct Sum {
    vms: u64,
    vcpus: u64,
    memory_mib: u64,
    disk_gib: u64,
}

impl Sum {
    fn add(&mut self, vm: &ResolvedVm<'_>) {
        self.vms += 1;
        self.vcpus += u64::from(vm.spec.vcpus);
        self.memory_mib += vm.spec.memory_mib;
        self.disk_gib += vm.spec.disks.iter().map(|disk| disk.size_gib).sum::<u64>();
    }
}

/// Reports teams whose VMs exceed their quota.
pub(super) fn teams(
    vms: &BTreeMap<VmName, ResolvedVm<'_>>,
    teams: &BTreeMap<TeamName, Option<TeamSpec>>,
    files: &SiteFiles,
    problems: &Problems,
) {
    let mut sums: BTreeMap<&TeamName, Sum> = BTreeMap::new();
    for vm in vms.values() {
        if let Some(team) = &vm.spec.team {
            sums.entry(team).or_default().add(vm);
        }
    }
    for (name, sum) in sums {
        let (Some(Some(spec)), Some(named)) = (teams.get(name), files.teams.get(name)) else { continue };
        let Some(file) = &named.file else { continue };
        let quotas = [
            ("vCPUs", spec.quota_vcpus.map(u64::from), sum.vcpus, file.quota_vcpus.get().map(|at| at.span)),
            ("MiB of memory", spec.quota_memory_mib, sum.memory_mib, file.quota_memory.get().map(|at| at.span)),
            ("GiB of disk", spec.quota_disk_gib, sum.disk_gib, file.quota_disk.get().map(|at| at.span)),
        ];
        for (what, quota, used, span) in quotas {
            if let (Some(quota), Some(span)) = (quota, span)
                && used > quota
            {
                let message = format!("team `{name}` has {used} {what} in {} VMs, and a quota of {quota}", sum.vms);
                problems.push(Problem::new(span, message));
            }
        }
    }
}

/// Reports hypervisors whose VMs do not fit their memory.
pub(super) fn hypervisors(vms: &BTreeMap<VmName, ResolvedVm<'_>>, known: &Known<'_>) {
    let mut sums: BTreeMap<&HypervisorName, Sum> = BTreeMap::new();
    for vm in vms.values() {
        sums.entry(&vm.spec.hypervisor).or_default().add(vm);
    }
    for (name, sum) in sums {
        let Some(Some(spec)) = known.hypervisors.get(name) else { continue };
        let Some(memory) =
            known.files.hypervisors.get(name).and_then(|named| named.file.as_ref()).and_then(|file| file.memory.get())
        else {
            continue;
        };
        let Mib(total) = memory.value;
        let reserve = spec.reserve_memory_mib;
        if sum.memory_mib + reserve > total {
            let message = format!(
                "hypervisor `{name}` has {total} MiB of memory; its {} VMs have {} MiB and {reserve} MiB are kept from them",
                sum.vms, sum.memory_mib
            );
            known.problems.push(Problem::new(memory.span, message).help("move VMs to another hypervisor, or take smaller sizes"));
        }
    }
}
