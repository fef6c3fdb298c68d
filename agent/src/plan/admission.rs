//! Who may begin to install now. Memory and disk are reserved at admission, as the site says; what guests happen to use at the
//! moment is never measured.

use std::collections::{BTreeMap, BTreeSet};

use super::PlanInput;
use super::certificates::Certificates;
use crate::observed::{ObservedHost, Phase, Subject};
use crate::spec::{VmName, VmSpec, VolumeSpec};

pub(super) struct Admission {
    /// VMs whose install is under way: each has its place already.
    installing: BTreeSet<VmName>,
    installs_max: u32,
    memory_free_mib: u64,
    memory_of: BTreeMap<VmName, u64>,
    pools: BTreeMap<String, PoolRoom>,
}

struct PoolRoom {
    left_bytes: u64,
    volumes: BTreeSet<String>,
}

impl Admission {
    pub(super) fn new(input: &PlanInput<'_>, host: &ObservedHost, certificates: &Certificates) -> Self {
        let hypervisor = input.spec.hypervisors.get(input.hypervisor);
        let installing = input
            .spec
            .vms_on(input.hypervisor)
            .map(|vm| &vm.name)
            .filter(|vm| takes_a_slot(input, vm, certificates))
            .cloned()
            .collect();
        // A VM without a domain yet has its memory reserved from the moment its attempt is recorded.
        let mut memory_of: BTreeMap<VmName, u64> = input
            .spec
            .vms_on(input.hypervisor)
            .filter(|vm| {
                takes_a_slot(input, &vm.name, certificates)
                    || input.observed.vms.get(&vm.name).is_some_and(|o| o.record.attempt > 0)
            })
            .map(|vm| (vm.name.clone(), vm.memory_mib))
            .collect();
        let mut foreign = 0;
        for (name, domain) in &host.domains {
            match name.parse::<VmName>().ok().filter(|_| domain.owner.is_some()) {
                Some(vm) => {
                    let memory = memory_of.entry(vm).or_default();
                    *memory = domain.memory_mib.max(*memory);
                }
                None => foreign += domain.memory_mib,
            }
        }
        let reserved = hypervisor.map_or(0, |hypervisor| hypervisor.reserve_memory_mib);
        let used: u64 = memory_of.values().sum();
        let pools = host.pools.iter().map(|(name, pool)| {
            let promised: u64 = pool.volumes.values().map(|volume| volume.capacity_bytes).sum();
            let limit = (pool.capacity_bytes / 100).saturating_mul(input.policy.disk_overcommit_percent);
            let room = PoolRoom { left_bytes: limit.saturating_sub(promised), volumes: pool.volumes.keys().cloned().collect() };
            (name.clone(), room)
        });
        Self {
            installing,
            installs_max: input
                .policy
                .parallel_installs
                .or(hypervisor.map(|hypervisor| hypervisor.parallel_installs))
                .unwrap_or(1)
                .max(1),
            memory_free_mib: host.memory_mib.saturating_sub(reserved).saturating_sub(used).saturating_sub(foreign),
            memory_of,
            pools: pools.collect(),
        }
    }

    /// Reserves what `vm` needs, or says what it waits for.
    pub(super) fn admit(&mut self, vm: &VmSpec) -> Result<(), String> {
        let installs = self.installing.len() as u32;
        if installs >= self.installs_max && !self.installing.contains(&vm.name) {
            return Err(format!("{installs} of {} installs are under way", self.installs_max));
        }
        let has = self.memory_of.get(&vm.name).copied().unwrap_or(0);
        let needs = vm.memory_mib.saturating_sub(has);
        if needs > self.memory_free_mib {
            return Err(format!(
                "it needs {} MiB of memory, {} MiB are not reserved: lower `reserve_memory` or move a VM",
                vm.memory_mib, self.memory_free_mib
            ));
        }
        let volumes: Vec<VolumeSpec> = vm.disks.iter().map(|disk| VolumeSpec::of(&vm.name, disk)).collect();
        for volume in &volumes {
            if let Some(pool) = self.pools.get(volume.pool.as_str())
                && !pool.volumes.contains(&volume.name)
                && volume.capacity_bytes > pool.left_bytes
            {
                return Err(format!(
                    "volume `{}` needs {} GiB, pool `{}` has {} GiB that are not promised",
                    volume.name,
                    volume.capacity_bytes >> 30,
                    volume.pool,
                    pool.left_bytes >> 30
                ));
            }
        }
        for volume in volumes {
            if let Some(pool) = self.pools.get_mut(volume.pool.as_str())
                && !pool.volumes.contains(&volume.name)
            {
                pool.left_bytes -= volume.capacity_bytes.min(pool.left_bytes);
                pool.volumes.insert(volume.name);
            }
        }
        self.installing.insert(vm.name.clone());
        self.memory_free_mib -= needs;
        self.memory_of.insert(vm.name.clone(), vm.memory_mib.max(has));
        Ok(())
    }
}

/// An install of `vm` is under way, or was admitted by a pass whose steps have not all been seen yet.
fn takes_a_slot(input: &PlanInput<'_>, vm: &VmName, certificates: &Certificates) -> bool {
    let busy = || input.busy.contains(&Subject::Vm(vm.clone()));
    match input.observed.vms.get(vm).map(|observed| &observed.record) {
        None => busy(),
        Some(record) => match record.phase {
            Phase::Preparing | Phase::Installing => true,
            // It is off and only waits for the CA: that must not keep others from installing.
            Phase::Installed => certificates.wait(vm).is_none() || busy(),
            Phase::Failed => busy(),
            Phase::Booting | Phase::Enrolling | Phase::Verifying | Phase::Ready | Phase::Retiring => {
                record.rebuild.is_some() && busy()
            }
        },
    }
}
