//! [`SimHypervisor`]: the calls of the `Hypervisor` trait on a [`SimState`], faults, and the passage of time.
//!
//! One lock guards the state; guests ask the install listener and event sinks are called without it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use camino::Utf8Path;
use uuid::Uuid;

use super::act::Ask;
use super::ca::{GuestCa, SimCa, Submitted};
use super::calls::refused;
use super::desk::{DeskError, GuestDesk};
use super::fault::{Call, CallFault, Fault, Faults};
use super::guest::GuestStep;
use super::puppetdb::SimPuppetDb;
use super::state::{Content, Definition, SimDomain, SimNetwork, SimState, SimVolume};
use crate::observed::{DomainState, ObservedHost};
use crate::spec::{Boot, DomainSpec, DomainType, NetworkSpec, NicSpec, PoolName, PoolSpec, Stop, Timestamp, VmName, VolumeSpec};
use crate::world::{Change, Clock, DomainEvent, GuestExit, Hypervisor, HypervisorError};

/// What stands for a connection URI in errors.
pub(super) const URI: &str = "sim:///";
/// How long an installed system takes to go off when asked.
const SHUTDOWN: Duration = Duration::from_secs(5);

type Result<T, E = HypervisorError> = std::result::Result<T, E>;

/// Whether guests write log files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuestLogs {
    /// They do, and a domain whose log directory is missing does not start, as with libvirt.
    Files,
    /// They do not, and the paths in a definition are not looked at.
    None,
}

/// What kind of machine is simulated.
#[derive(Debug, Clone)]
pub struct SimConfig {
    /// Physical memory in MiB; domains do not start beyond it.
    pub memory_mib: u64,
    /// Logical CPUs.
    pub cpus: u32,
    /// Bytes in the file system of each pool directory.
    pub directory_bytes: u64,
    /// Domain types whose guests run.
    pub domain_types: Vec<DomainType>,
    /// How many times faster than life guests are; at least 1.
    pub speed: u32,
    /// Their log files.
    pub logs: GuestLogs,
}

impl Default for SimConfig {
    fn default() -> Self {
        Self {
            memory_mib: 64 << 10,
            cpus: 16,
            directory_bytes: 1 << 40,
            domain_types: vec![DomainType::Kvm, DomainType::Qemu],
            speed: 1,
            logs: GuestLogs::Files,
        }
    }
}

type Sink = Arc<dyn Fn(DomainEvent) + Send + Sync>;

/// The simulator.
pub struct SimHypervisor {
    config: SimConfig,
    clock: Arc<dyn Clock>,
    inner: Mutex<Inner>,
    desk: RwLock<Option<Arc<dyn GuestDesk>>>,
    sinks: RwLock<Vec<Sink>>,
    ca: Arc<SimCa>,
    puppetdb: Arc<SimPuppetDb>,
    /// Another CA that the guests ask.
    guest_ca: RwLock<Option<Arc<dyn GuestCa>>>,
}

#[derive(Default)]
pub(super) struct Inner {
    pub(super) state: SimState,
    pub(super) faults: Faults,
    /// The domain type that a probe has found to work.
    proved: Option<DomainType>,
    events: Vec<DomainEvent>,
}

impl Inner {
    pub(super) fn event(&mut self, domain: &str, event: &'static str) {
        self.events.push(DomainEvent { domain: domain.to_owned(), event });
    }
}

impl SimHypervisor {
    /// An empty hypervisor.
    pub fn new(config: SimConfig, clock: Arc<dyn Clock>) -> Self {
        let config = SimConfig { speed: config.speed.max(1), ..config };
        Self {
            config,
            clock,
            inner: Mutex::default(),
            desk: RwLock::default(),
            sinks: RwLock::default(),
            ca: Arc::default(),
            puppetdb: Arc::default(),
            guest_ca: RwLock::default(),
        }
    }

    /// Lets guests ask another CA than the simulator's own: one that several hypervisors share, or a real one.
    pub fn connect_ca(&self, ca: Arc<dyn GuestCa>) {
        *self.guest_ca.write().unwrap_or_else(PoisonError::into_inner) = Some(ca);
    }

    /// The Puppet CA that its guests ask.
    pub fn ca(&self) -> Arc<SimCa> {
        Arc::clone(&self.ca)
    }

    /// Where reports of Puppet are looked for.
    pub fn puppetdb(&self) -> Arc<SimPuppetDb> {
        Arc::clone(&self.puppetdb)
    }

    /// Plugs the guests into an install listener. Before that, none of them gets a kickstart.
    pub fn connect_guests(&self, desk: Arc<dyn GuestDesk>) {
        *self.desk.write().unwrap_or_else(PoisonError::into_inner) = Some(desk);
    }

    /// Unplugs them again: the agent is dead, and its listeners with it.
    pub fn disconnect_guests(&self) {
        *self.desk.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn submit(&self, certname: &str, key: &str) -> Submitted {
        let other = self.guest_ca.read().unwrap_or_else(PoisonError::into_inner).clone();
        other.map_or_else(|| self.ca.submit(certname, key), |ca| ca.submit(certname, key))
    }

    /// A copy of everything, to look at and to compare.
    pub fn state(&self) -> SimState {
        self.lock().state.clone()
    }

    /// When the next guest does something.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.lock().state.next_due()
    }

    /// Lets guests do all that is due by now.
    pub fn advance(&self) {
        let now = self.clock.now();
        loop {
            let Some(turn) = self.lock().state.take_turn(now) else { return };
            let desk = self.desk.read().unwrap_or_else(PoisonError::into_inner).clone();
            let (mut kickstart, mut refused) = (None, None);
            for ask in &turn.asks {
                let token = turn.token.as_ref().map_or("", |token| token.reveal());
                let answer = match (&desk, ask) {
                    // Its key is made at its first boot: the token stands for it.
                    (_, Ask::Certificate(certname)) => match self.submit(certname, token) {
                        Submitted::Signed(_) => Ok(()),
                        Submitted::Pending | Submitted::Taken | Submitted::Unheard => Err(DeskError::Unavailable),
                    },
                    (None, _) => Err(DeskError::Unavailable),
                    (Some(desk), Ask::Kickstart(macs)) => {
                        let answer = desk.kickstart(token, macs);
                        let told = answer.as_ref().map(drop).map_err(Clone::clone);
                        kickstart.get_or_insert(answer);
                        told
                    }
                    (Some(desk), Ask::Tell(kind)) => desk.tell(token, kind.clone()),
                    (Some(desk), Ask::TellOnce(kind)) => {
                        drop(desk.tell(token, kind.clone()));
                        Ok(())
                    }
                    (Some(desk), Ask::PuppetArchive) => desk.puppet_archive(token),
                };
                if let Err(error) = answer {
                    tracing::debug!(?error, "the install listener turned a simulated guest away");
                    if error == DeskError::Unavailable || refused.is_none() {
                        refused = Some(error);
                    }
                    if matches!(ask, Ask::Certificate(_)) {
                        // Without a certificate there is no catalog, and no report.
                        break;
                    }
                }
            }
            if desk.is_none() && turn.asks.iter().any(|ask| matches!(ask, Ask::Kickstart(_))) {
                kickstart = Some(Err(DeskError::Unavailable));
            }
            let mut inner = self.lock();
            let mut events = Vec::new();
            inner.state.end_turn(turn, kickstart, refused.as_ref(), self.config.speed, &mut events);
            inner.events.append(&mut events);
            self.release(inner);
        }
    }

    /// Arms a fault, or lets it happen where it is one that happens at once.
    pub fn inject(&self, fault: Fault) {
        let now = self.clock.now();
        let mut inner = self.lock();
        inner.inject(fault, now);
        self.release(inner);
    }

    /// Disarms all faults. What has happened stays; a guest that was paused by a full pool stays paused.
    pub fn heal(&self) {
        let mut inner = self.lock();
        inner.faults = Faults::default();
        for directory in inner.state.directories.values_mut() {
            directory.full = false;
        }
    }

    /// Adds a running or stopped domain of somebody else, as it is found on a hypervisor that is not only ours.
    pub fn add_foreign_domain(&self, name: &str, uuid: Uuid, state: DomainState, memory_mib: u64, volumes: &[(&str, &str)]) {
        let volumes = volumes.iter().map(|(pool, volume)| ((*pool).to_owned(), (*volume).to_owned())).collect();
        let definition = Definition::Foreign { memory_mib, vcpus: 1, volumes };
        let domain = SimDomain { uuid, definition, state, reason: "", run: None };
        self.lock().state.domains.insert(name.to_owned(), domain);
    }

    /// Adds a network of somebody else.
    pub fn add_foreign_network(&self, name: &str) {
        let network = SimNetwork {
            active: true,
            digest: None,
            bridge: Some(format!("virbr-{name}")),
            hosts: BTreeMap::new(),
            dhcp: None,
            frame: None,
        };
        self.lock().state.networks.insert(name.to_owned(), network);
    }

    /// Adds a pool that was defined by somebody else, running.
    pub fn add_foreign_pool(&self, name: &str, path: &Utf8Path) {
        let bytes = self.config.directory_bytes;
        self.lock().state.add_pool(name, path, bytes);
    }

    /// Puts a file of somebody else into a directory, whether or not a pool shows it.
    pub fn add_foreign_volume(&self, directory: &Utf8Path, name: &str, capacity_bytes: u64) {
        let bytes = self.config.directory_bytes;
        let mut inner = self.lock();
        let volume = SimVolume {
            serial: inner.state.next_serial(),
            capacity_bytes,
            allocation_bytes: capacity_bytes.min(1 << 20),
            content: Content::Foreign,
        };
        inner.state.directory(directory, bytes).volumes.insert(name.to_owned(), volume);
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn check_fails(&self, vm: &VmName, check: &str) -> bool {
        self.lock().faults.on_check(vm, check)
    }

    pub(super) fn is_serving(&self, vm: &VmName) -> bool {
        let inner = self.lock();
        let domain = inner.state.domains.get(vm.as_str());
        domain.is_some_and(|domain| domain.state == DomainState::Running && domain.run.as_ref().is_some_and(|run| run.serving))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the lock back and then tells the events.
    fn release(&self, mut inner: MutexGuard<'_, Inner>) {
        let events = std::mem::take(&mut inner.events);
        drop(inner);
        if events.is_empty() {
            return;
        }
        let sinks = self.sinks.read().unwrap_or_else(PoisonError::into_inner).clone();
        for event in events {
            for sink in &sinks {
                sink(event.clone());
            }
        }
    }

    /// A call on `what` `name`, with its faults.
    fn call<T>(
        &self,
        call: Call,
        what: &'static str,
        name: &str,
        effect: impl FnOnce(&mut Inner, Timestamp) -> Result<T>,
    ) -> Result<T> {
        let now = self.clock.now();
        let mut inner = self.lock();
        let fault = inner.faults.on_call(call, now);
        if let Some(CallFault::Fails(kind)) = fault {
            return Err(kind.error(what, name));
        }
        let result = effect(&mut inner, now);
        self.release(inner);
        match fault {
            Some(CallFault::TakesEffectThenFails(kind)) if result.is_ok() => Err(kind.error(what, name)),
            _ => result,
        }
    }
}

impl Hypervisor for SimHypervisor {
    fn observe(&self) -> Result<ObservedHost> {
        self.call(Call::Observe, "host", "sim", |inner, _| {
            Ok(ObservedHost {
                memory_mib: self.config.memory_mib,
                cpus: self.config.cpus,
                domain_type: inner.proved,
                pools: inner.state.observed_pools(),
                networks: inner.state.observed_networks(),
                domains: inner.state.domains.iter().map(|(name, domain)| (name.clone(), domain.observed())).collect(),
            })
        })
    }

    fn probe(&self, domain_type: DomainType, _deadline: Duration) -> Result<bool> {
        self.call(Call::Probe, "host", "sim", |inner, _| {
            let works = self.config.domain_types.contains(&domain_type);
            if works {
                inner.proved = Some(domain_type);
            }
            Ok(works)
        })
    }

    fn ensure_pool(&self, pool: &PoolSpec) -> Result<Change> {
        let bytes = self.config.directory_bytes;
        self.call(Call::EnsurePool, "pool", pool.name.as_str(), |inner, _| inner.state.ensure_pool(pool, bytes))
    }

    fn ensure_network(&self, network: &NetworkSpec, hosts: &[(VmName, NicSpec)], digest: &str) -> Result<Change> {
        self.call(Call::EnsureNetwork, "network", network.name.as_str(), |inner, _| {
            inner.state.ensure_network(network, hosts, digest)
        })
    }

    fn create_volume(&self, volume: &VolumeSpec) -> Result<Change> {
        self.call(Call::CreateVolume, "volume", &volume.name, |inner, _| inner.state.create_volume(volume))
    }

    fn delete_volume(&self, pool: &PoolName, volume: &str) -> Result<Change> {
        self.call(Call::DeleteVolume, "volume", volume, |inner, _| inner.state.delete_volume(pool, volume))
    }

    fn define_domain(&self, domain: &DomainSpec, xml: &str) -> Result<Change> {
        self.call(Call::DefineDomain, "domain", domain.name.as_str(), |inner, _| {
            let change = inner.state.define_domain(domain, xml)?;
            if change == Change::Changed {
                inner.event(domain.name.as_str(), "defined");
            }
            Ok(change)
        })
    }

    fn start_domain(&self, vm: &VmName, uuid: Uuid) -> Result<Change> {
        self.call(Call::StartDomain, "domain", vm.as_str(), |inner, now| {
            let Some((domain, spec)) = inner.state.owned(vm, uuid)? else {
                return Err(refused("start domain", vm.as_str(), "there is no such domain"));
            };
            match domain.state {
                DomainState::Running => return Ok(Change::Unchanged),
                DomainState::Paused => {
                    domain.state = DomainState::Running;
                    domain.reason = "unpaused";
                    inner.event(vm.as_str(), "resumed");
                    return Ok(Change::Changed);
                }
                DomainState::ShutOff | DomainState::Crashed => {}
            }
            inner.state.can_start(&spec, self.config.memory_mib, self.config.logs)?;
            let fault = inner.faults.on_start(vm.as_str(), spec.boot == Boot::Disk);
            inner.state.start_guest(vm.as_str(), fault, now, &self.config);
            inner.event(vm.as_str(), "started");
            Ok(Change::Changed)
        })
    }

    fn stop_domain(&self, vm: &VmName, uuid: Uuid, how: Stop) -> Result<Change> {
        let speed = self.config.speed;
        self.call(Call::StopDomain, "domain", vm.as_str(), |inner, now| {
            let Some((domain, _)) = inner.state.owned(vm, uuid)? else { return Ok(Change::Unchanged) };
            if !domain.is_active() {
                return Ok(Change::Unchanged);
            }
            match how {
                Stop::Now => inner.switch_off(vm.as_str(), "destroyed"),
                Stop::Ask => {
                    if let Some(run) = domain.run.as_mut().filter(|run| run.is_up()) {
                        run.serving = false;
                        run.step = Some((now.plus(SHUTDOWN / speed), GuestStep::Reboot));
                    }
                }
            }
            Ok(Change::Changed)
        })
    }

    fn undefine_domain(&self, vm: &VmName, uuid: Uuid) -> Result<Change> {
        self.call(Call::UndefineDomain, "domain", vm.as_str(), |inner, _| {
            let Some((domain, _)) = inner.state.owned(vm, uuid)? else { return Ok(Change::Unchanged) };
            if domain.is_active() {
                return Err(refused("undefine domain", vm.as_str(), "it is running"));
            }
            inner.state.domains.remove(vm.as_str());
            inner.event(vm.as_str(), "undefined");
            Ok(Change::Changed)
        })
    }

    fn addresses(&self, vm: &VmName, uuid: Uuid) -> Result<Vec<IpAddr>> {
        self.call(Call::Addresses, "domain", vm.as_str(), |inner, _| {
            let Some((domain, spec)) = inner.state.owned(vm, uuid)? else { return Ok(Vec::new()) };
            if !domain.is_up() {
                return Ok(Vec::new());
            }
            let fixed = inner.state.system_of(&spec).and_then(|system| system.address);
            Ok(inner.state.address_of(&spec, fixed).into_iter().collect())
        })
    }

    fn guest_exec(&self, vm: &VmName, uuid: Uuid, argv: &[String], _timeout: Duration) -> Result<GuestExit> {
        self.call(Call::GuestExec, "domain", vm.as_str(), |inner, _| {
            if !inner.state.owned(vm, uuid)?.is_some_and(|(domain, _)| domain.is_up()) {
                return Err(HypervisorError::GuestAgent { vm: vm.clone(), reason: "it is not connected".to_owned() });
            }
            // The one command with a meaning of its own: everything else is taken to be there and to work.
            let fails = argv.first().is_some_and(|program| program.ends_with("/false"));
            Ok(GuestExit { status: i32::from(fails), output: String::new() })
        })
    }

    fn subscribe(&self, sink: Box<dyn Fn(DomainEvent) + Send + Sync>) {
        self.sinks.write().unwrap_or_else(PoisonError::into_inner).push(Arc::from(sink));
    }
}
