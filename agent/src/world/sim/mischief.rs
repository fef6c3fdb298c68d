//! What faults do to the state: the ones that happen at once, as if somebody else had done it.

use uuid::Uuid;

use super::fault::{Fault, Faults};
use super::hypervisor::Inner;
use super::state::{Definition, SimDomain, SimState};
use crate::observed::DomainState;
use crate::spec::Timestamp;

impl Inner {
    /// Arms a fault or lets it happen.
    pub(super) fn inject(&mut self, fault: Fault, now: Timestamp) {
        let Faults { unreachable_until, calls, guests, checks } = &mut self.faults;
        match fault {
            Fault::Unreachable { span } => *unreachable_until = Some(now.plus(span)),
            Fault::Call { call, times, how } => calls.push((call, times, how)),
            Fault::Guest { vm, times, how } => guests.push((vm, times, how)),
            Fault::CheckFails { vm, check, times } => checks.push((vm, check, times)),
            Fault::PoolFull { pool } => {
                if let Some(directory) = self.state.directory_mut(&pool) {
                    directory.full = true;
                }
            }
            Fault::DomainStopped { domain } => self.switch_off(&domain, "destroyed"),
            Fault::DomainCrashed { domain } => self.crash(&domain),
            Fault::DomainUndefined { domain } => {
                self.switch_off(&domain, "destroyed");
                if self.state.domains.remove(&domain).is_some() {
                    self.event(&domain, "undefined");
                }
            }
            Fault::DomainReplaced { domain } => self.replace(&domain),
            Fault::VolumeVanished { pool, volume } => {
                if let Some(directory) = self.state.directory_mut(&pool) {
                    directory.volumes.remove(&volume);
                }
            }
            Fault::LibvirtWiped => {
                self.state.domains.clear();
                self.state.networks.clear();
                self.state.pools.clear();
            }
            Fault::HostReplaced => self.state = SimState { serial: self.state.serial, ..SimState::default() },
            Fault::HostRebooted => {
                let names: Vec<String> = self.state.domains.keys().cloned().collect();
                for name in names {
                    self.switch_off(&name, "");
                }
                for pool in self.state.pools.values_mut() {
                    pool.active = true;
                }
                for network in self.state.networks.values_mut() {
                    network.active = true;
                }
            }
            Fault::ClockJumps { span } => self.move_steps(|at| at.plus(span)),
            Fault::ClockFallsBack { span } => {
                let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
                self.move_steps(|at| Timestamp(at.0.saturating_sub(millis)));
            }
        }
    }

    /// Moves the ends of all steps under way.
    fn move_steps(&mut self, to: impl Fn(Timestamp) -> Timestamp) {
        let runs = self.state.domains.values_mut().filter_map(|domain| domain.run.as_mut());
        for (at, _) in runs.filter_map(|run| run.step.as_mut()) {
            *at = to(*at);
        }
    }

    /// Switches a domain off, if it is on.
    pub(super) fn switch_off(&mut self, name: &str, reason: &'static str) {
        if self.end_run(name, DomainState::ShutOff, reason) {
            self.event(name, "stopped");
        }
    }

    fn crash(&mut self, name: &str) {
        if self.end_run(name, DomainState::Crashed, "crashed") {
            self.event(name, "crashed");
        }
    }

    fn end_run(&mut self, name: &str, state: DomainState, reason: &'static str) -> bool {
        let Some(domain) = self.state.domains.get_mut(name).filter(|domain| domain.is_active()) else { return false };
        domain.state = state;
        domain.reason = reason;
        domain.run = None;
        true
    }

    fn replace(&mut self, name: &str) {
        let serial = self.state.next_serial();
        let domain = SimDomain {
            uuid: Uuid::from_u128(u128::from(serial)),
            definition: Definition::Foreign { memory_mib: 512, vcpus: 1, volumes: Vec::new() },
            state: DomainState::Running,
            reason: "booted",
            run: None,
        };
        self.state.domains.insert(name.to_owned(), domain);
        self.event(name, "started");
    }
}
