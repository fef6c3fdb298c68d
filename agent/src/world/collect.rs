//! World → `Observed`: the only reader.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::logs::{LogTail, last_lines};
use super::{StoreError, World};
use crate::observed::{BootFiles, HypervisorState, InstallerLog, Observed, ObservedHost, ObservedVm, Phase};
use crate::spec::{DomainType, HypervisorName, OsName, Spec, Timestamp, VmName};

/// Lines of the console kept as evidence.
const CONSOLE_LINES: usize = 30;

/// Reads the world, and remembers what cannot have changed since the last time.
pub struct Collector {
    world: Arc<World>,
    host: Option<(Timestamp, HypervisorState)>,
    vms: BTreeMap<VmName, ObservedVm>,
    logs: BTreeMap<(VmName, u32), Log>,
    loaded: bool,
}

#[derive(Default)]
struct Log {
    tail: LogTail,
    digest: InstallerLog,
}

impl Collector {
    /// A reader of `world`.
    pub fn new(world: Arc<World>) -> Self {
        Self { world, host: None, vms: BTreeMap::new(), logs: BTreeMap::new(), loaded: false }
    }

    /// The next look goes to libvirt, however fresh the last one is.
    pub fn distrust_host(&mut self) {
        self.host = None;
    }

    /// What is, with libvirt's part at most `max_age` old.
    pub async fn collect(&mut self, spec: &Spec, hypervisor: &HypervisorName, max_age: Duration) -> Result<Observed, StoreError> {
        let now = self.world.clock.now();
        let fresh = self
            .host
            .as_ref()
            .filter(|(at, state)| now.since(*at) <= max_age && *at <= now && matches!(state, HypervisorState::Reachable(_)));
        if fresh.is_none() {
            let state = match self.world.hypervisor.observe().await {
                Ok(mut host) => {
                    self.add_probe(&mut host)?;
                    HypervisorState::Reachable(host)
                }
                Err(error) => HypervisorState::Unreachable { reason: error.to_string() },
            };
            self.host = Some((self.world.clock.now(), state));
        }
        let hypervisor_state = match &self.host {
            Some((_, state)) => state.clone(),
            None => HypervisorState::Unreachable { reason: "it has not been asked yet".to_owned() },
        };
        self.load_vms()?;
        self.read_logs();
        Ok(Observed {
            hypervisor: hypervisor_state,
            boot_files: self.boot_files(spec, hypervisor),
            vms: self.vms.clone(),
            errors: self.world.board.errors(),
        })
    }

    /// The probe's answer holds until the machine boots again.
    fn add_probe(&self, host: &mut ObservedHost) -> Result<(), StoreError> {
        if host.domain_type.is_none() {
            let answer = self.world.store.fact(&self.world.probe_fact())?;
            host.domain_type = match answer.as_deref() {
                Some("kvm") => Some(DomainType::Kvm),
                Some("qemu") => Some(DomainType::Qemu),
                _ => None,
            };
        }
        Ok(())
    }

    fn load_vms(&mut self) -> Result<(), StoreError> {
        let changed = self.world.store.take_changed();
        let records: Vec<_> = if self.loaded {
            let mut found = Vec::new();
            for vm in changed {
                match self.world.store.record(&vm)? {
                    Some(record) => found.push(record),
                    None => _ = self.vms.remove(&vm),
                }
            }
            found
        } else {
            self.vms.clear();
            self.world.store.records()?.into_values().collect()
        };
        for record in records {
            let events = self.world.store.events(&record.vm, record.attempt)?;
            let kickstart_ready =
                record.phase == Phase::Preparing && self.world.store.kickstart(&record.vm, record.attempt)?.is_some();
            let observed = ObservedVm {
                puppet: self.world.store.run(&record.vm, record.attempt)?,
                events,
                installer_log: InstallerLog::default(),
                console_tail: Vec::new(),
                checks: Vec::new(),
                certificates: Vec::new(),
                puppetdb: None,
                kickstart_ready,
                record,
            };
            self.vms.insert(observed.record.vm.clone(), observed);
        }
        self.loaded = true;
        for (vm, observed) in &mut self.vms {
            observed.checks = self.world.board.checks(vm);
            observed.certificates = self.world.board.certificates(vm);
            observed.puppetdb = self.world.board.puppetdb(vm);
        }
        Ok(())
    }

    fn read_logs(&mut self) {
        self.logs.retain(|(vm, attempt), _| {
            self.vms.get(vm).is_some_and(|o| o.record.attempt == *attempt && o.record.phase == Phase::Installing)
        });
        for (vm, observed) in &mut self.vms {
            let directory = self.world.attempt_dir(vm, observed.record.attempt);
            match observed.record.phase {
                Phase::Installing => {
                    let log = self.logs.entry((vm.clone(), observed.record.attempt)).or_default();
                    for line in log.tail.read_new(&directory.join("installer.log")) {
                        log.digest.push(&line);
                    }
                    observed.installer_log = log.digest.clone();
                    observed.console_tail = last_lines(&directory.join("console.log"), CONSOLE_LINES);
                }
                Phase::Booting | Phase::Enrolling | Phase::Verifying => {
                    observed.console_tail = last_lines(&directory.join("console.log"), CONSOLE_LINES);
                }
                _ => observed.console_tail.clear(),
            }
        }
    }

    fn boot_files(&self, spec: &Spec, hypervisor: &HypervisorName) -> BTreeMap<OsName, BootFiles> {
        let preparing = spec
            .vms_on(hypervisor)
            .filter(|vm| self.vms.get(&vm.name).is_some_and(|observed| observed.record.phase == Phase::Preparing));
        let mut found = BTreeMap::new();
        for vm in preparing {
            if !found.contains_key(&vm.os)
                && let Some(files) = spec.oses.get(&vm.os).and_then(|os| self.world.boot_files(os))
            {
                found.insert(vm.os.clone(), files);
            }
        }
        found
    }
}
