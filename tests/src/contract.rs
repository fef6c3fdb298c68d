//! What every `Hypervisor` must do, as a table of clauses: run against the simulator, libvirt's test driver and a real libvirtd,
//! so that none of them drifts from the others.
//!
//! A clause makes what it needs under names of its own, and clears it away. It looks at the hypervisor through the trait alone;
//! what only somebody else could do (a foreign domain) the [`Ground`] does.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use camino::Utf8Path;
use rekindle::observed::{DomainState, ObservedDomain, ObservedHost};
use rekindle::spec::{
    Boot, DomainDisk, DomainNic, DomainSpec, DomainType, Firmware, MacAddr, NetworkSpec, NicSource, Owner, PoolSpec, Stop,
    VolumeSpec,
};
use rekindle::world::{Change, Hypervisor, HypervisorError};
use uuid::Uuid;

/// Whether the hypervisor can run what is defined on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runs {
    /// Domains start.
    Domains,
    /// Only definitions can be looked at.
    Nothing,
}

/// What a hypervisor is tried on.
pub struct Ground<'a> {
    /// The hypervisor.
    pub hypervisor: &'a dyn Hypervisor,
    /// A pool that is not there yet, with a directory that can be made.
    pub pool: PoolSpec,
    /// A libvirt network with DHCP that is not there yet.
    pub network: NetworkSpec,
    /// An existing directory for log files.
    pub logs: &'a Utf8Path,
    /// A domain type that works.
    pub domain_type: DomainType,
    /// Whether domains can be started.
    pub runs: Runs,
    /// The definition of a domain, as this hypervisor takes it.
    pub xml: &'a dyn Fn(&DomainSpec) -> String,
    /// Defines a domain of somebody else with this name.
    pub add_foreign_domain: &'a dyn Fn(&str),
    /// Defines a network of somebody else with this name.
    pub add_foreign_network: &'a dyn Fn(&str),
}

/// A clause of the contract.
pub struct Clause {
    /// What must hold, as a sentence.
    pub name: &'static str,
    /// Whether it needs domains that start.
    pub starts_domains: bool,
    run: fn(&Ground<'_>),
}

/// The contract.
pub const CLAUSES: &[Clause] = &[
    Clause { name: "a pool is made once, and never moved", starts_domains: false, run: pool },
    Clause { name: "a network is made once, and never taken over", starts_domains: false, run: network },
    // libvirt's test driver shows no new definition of a network that runs.
    Clause { name: "a network changes with its digest", starts_domains: true, run: network_digest },
    Clause { name: "a volume is made once, keeps its size, and is deleted once", starts_domains: false, run: volume },
    Clause { name: "a volume needs its pool to be made, and none to be gone", starts_domains: false, run: volume_without_pool },
    Clause { name: "a domain is defined once, and again for a new mark", starts_domains: false, run: define },
    Clause { name: "a domain of somebody else is never touched", starts_domains: false, run: foreign_domain },
    Clause { name: "a UUID is one domain's", starts_domains: false, run: uuid_of_another },
    Clause { name: "a domain that is not there cannot start, and has nothing to stop", starts_domains: false, run: absent },
    Clause { name: "a domain starts and stops once, and its volumes outlive it", starts_domains: true, run: start_and_stop },
    Clause { name: "a domain does not start without its volume", starts_domains: true, run: start_without_volume },
    Clause { name: "lifecycle events are told", starts_domains: true, run: events },
    Clause { name: "a guest agent that is not there is an error of its own", starts_domains: true, run: silent_agent },
];

/// Holds a hypervisor to every clause that it can run. Panics at the first that does not hold, with its name.
pub fn hypervisor_contract(ground: &Ground<'_>) {
    check_names(CLAUSES.iter().map(|clause| clause.name));
    for clause in CLAUSES {
        if clause.starts_domains && ground.runs == Runs::Nothing {
            continue;
        }
        let run = std::panic::AssertUnwindSafe(|| (clause.run)(ground));
        if let Err(panic) = std::panic::catch_unwind(run) {
            let words = panic.downcast_ref::<String>().map(String::as_str);
            let words = words.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked");
            panic!("{}: {words}", clause.name);
        }
    }
}

/// A clause that fails is found by its name.
#[track_caller]
pub(crate) fn check_names(names: impl Iterator<Item = &'static str>) {
    let mut seen = std::collections::BTreeSet::new();
    names.for_each(|name| assert!(seen.insert(name), "two clauses are called {name:?}"));
}

const GIB: u64 = 1 << 30;

impl Ground<'_> {
    fn observe(&self) -> ObservedHost {
        self.hypervisor.observe().expect("the hypervisor answers")
    }

    fn observed_domain(&self, name: &str) -> Option<ObservedDomain> {
        self.observe().domains.remove(name)
    }

    #[track_caller]
    fn make_pool(&self) {
        self.hypervisor.ensure_pool(&self.pool).expect("the pool can be made");
    }

    fn volume(&self, name: &str) -> VolumeSpec {
        VolumeSpec { pool: self.pool.name.clone(), name: name.to_owned(), capacity_bytes: GIB, keep: false }
    }

    /// A small domain that boots the volume `NAME.qcow2`.
    fn domain(&self, name: &str) -> DomainSpec {
        let name = name.parse().expect("a VM name");
        let uuid = Uuid::new_v5(&Uuid::NAMESPACE_DNS, format!("{name}.contract").as_bytes());
        let owner = Owner { site: "contract".to_owned(), vm: name, attempt: 1, installing: false, digest: "d1".to_owned() };
        DomainSpec {
            name: owner.vm.clone(),
            uuid,
            title: "contract".to_owned(),
            domain_type: self.domain_type,
            firmware: Firmware::Bios,
            vcpus: 1,
            memory_mib: 64,
            boot: Boot::Disk,
            disks: vec![DomainDisk {
                pool: self.pool.name.clone(),
                volume: format!("{}.qcow2", owner.vm),
                target: "vda".to_owned(),
                serial: "root".to_owned(),
            }],
            nics: vec![],
            console_log: self.logs.join(format!("{}-console.log", owner.vm)),
            installer_log: None,
            osinfo: None,
            owner,
        }
    }

    #[track_caller]
    fn define(&self, domain: &DomainSpec) -> Change {
        self.hypervisor.define_domain(domain, &(self.xml)(domain)).expect("the domain can be defined")
    }

    /// Clears away a domain of ours and its volume.
    fn clear(&self, domain: &DomainSpec) {
        let (vm, uuid) = (&domain.name, domain.uuid);
        self.hypervisor.stop_domain(vm, uuid, Stop::Now).expect("it can be stopped");
        wait("the domain to be off", || self.observed_domain(vm.as_str()).is_none_or(|d| d.state == DomainState::ShutOff));
        self.hypervisor.undefine_domain(vm, uuid).expect("it can be undefined");
        for disk in &domain.disks {
            self.hypervisor.delete_volume(&disk.pool, &disk.volume).expect("it can be deleted");
        }
    }
}

#[track_caller]
fn wait(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < deadline, "waited 20 s in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[track_caller]
fn changes(answer: Result<Change, HypervisorError>, expected: Change) {
    assert_eq!(answer.expect("it is done"), expected);
}

#[track_caller]
fn is_conflict(answer: &Result<Change, HypervisorError>) {
    assert!(matches!(answer, Err(HypervisorError::Conflict { .. })), "expected a conflict, got {answer:?}");
}

#[track_caller]
fn is_refused(answer: &Result<Change, HypervisorError>) {
    assert!(matches!(answer, Err(HypervisorError::Refused { .. })), "expected a refusal, got {answer:?}");
}

fn pool(ground: &Ground<'_>) {
    let name = ground.pool.name.as_str();
    assert!(!ground.observe().pools.contains_key(name), "pool `{name}` is there before the contract begins");
    changes(ground.hypervisor.ensure_pool(&ground.pool), Change::Changed);
    changes(ground.hypervisor.ensure_pool(&ground.pool), Change::Unchanged);
    let elsewhere = PoolSpec { path: ground.pool.path.join("elsewhere"), ..ground.pool.clone() };
    is_conflict(&ground.hypervisor.ensure_pool(&elsewhere));
    let observed = ground.observe().pools.remove(name).expect("the pool is there");
    assert!(observed.active);
    assert_eq!(observed.path.as_deref(), Some(ground.pool.path.as_path()));
    assert!(observed.capacity_bytes > 0 && observed.available_bytes <= observed.capacity_bytes, "{observed:?}");
}

fn network(ground: &Ground<'_>) {
    let name = ground.network.name.as_str();
    changes(ground.hypervisor.ensure_network(&ground.network, &[], "n1"), Change::Changed);
    changes(ground.hypervisor.ensure_network(&ground.network, &[], "n1"), Change::Unchanged);
    let observed = ground.observe().networks.remove(name).expect("the network is there");
    assert_eq!((observed.active, observed.digest.as_deref()), (true, Some("n1")));

    (ground.add_foreign_network)("theirs");
    let before = ground.observe().networks.remove("theirs");
    assert_eq!(before.as_ref().map(|network| network.digest.is_none()), Some(true), "the foreign network is there");
    let wanted = NetworkSpec { name: "theirs".parse().expect("a network name"), ..ground.network.clone() };
    is_conflict(&ground.hypervisor.ensure_network(&wanted, &[], "n1"));
    assert_eq!(ground.observe().networks.remove("theirs"), before);
}

fn network_digest(ground: &Ground<'_>) {
    let name = ground.network.name.as_str();
    ground.hypervisor.ensure_network(&ground.network, &[], "n1").expect("the network can be made");
    changes(ground.hypervisor.ensure_network(&ground.network, &[], "n2"), Change::Changed);
    changes(ground.hypervisor.ensure_network(&ground.network, &[], "n2"), Change::Unchanged);
    assert_eq!(ground.observe().networks.remove(name).and_then(|network| network.digest).as_deref(), Some("n2"));
}

fn volume(ground: &Ground<'_>) {
    ground.make_pool();
    let hypervisor = ground.hypervisor;
    let volume = ground.volume("contract-volume.qcow2");
    changes(hypervisor.create_volume(&volume), Change::Changed);
    changes(hypervisor.create_volume(&volume), Change::Unchanged);
    is_conflict(&hypervisor.create_volume(&VolumeSpec { capacity_bytes: 2 * GIB, ..volume.clone() }));
    let observed =
        || ground.observe().pools.remove(ground.pool.name.as_str()).and_then(|mut pool| pool.volumes.remove(&volume.name));
    let found = observed().expect("the volume is there");
    assert_eq!(found.capacity_bytes, GIB);
    assert_eq!(found.path, ground.pool.path.join(&volume.name));
    changes(hypervisor.delete_volume(&volume.pool, &volume.name), Change::Changed);
    changes(hypervisor.delete_volume(&volume.pool, &volume.name), Change::Unchanged);
    assert_eq!(observed(), None);
}

fn volume_without_pool(ground: &Ground<'_>) {
    let volume = VolumeSpec { pool: "no-such-pool".parse().expect("a pool name"), ..ground.volume("contract-none.qcow2") };
    is_refused(&ground.hypervisor.create_volume(&volume));
    changes(ground.hypervisor.delete_volume(&volume.pool, &volume.name), Change::Unchanged);
}

fn define(ground: &Ground<'_>) {
    ground.make_pool();
    let mut domain = ground.domain("contract-define");
    assert_eq!(ground.define(&domain), Change::Changed);
    assert_eq!(ground.define(&domain), Change::Unchanged);
    let observed = ground.observed_domain("contract-define").expect("the domain is there");
    assert_eq!(observed.uuid, domain.uuid);
    assert_eq!(observed.owner.as_ref(), Some(&domain.owner));
    assert_eq!((observed.state, observed.memory_mib, observed.vcpus), (DomainState::ShutOff, 64, 1));
    domain.owner.attempt = 2;
    assert_eq!(ground.define(&domain), Change::Changed);
    domain.owner.installing = true;
    domain.memory_mib = 96;
    assert_eq!(ground.define(&domain), Change::Changed);
    let observed = ground.observed_domain("contract-define").expect("the domain is there");
    assert_eq!(observed.owner, Some(domain.owner.clone()));
    assert_eq!((observed.state, observed.memory_mib), (DomainState::ShutOff, 96));
    ground.clear(&domain);
    assert_eq!(ground.observed_domain("contract-define"), None);
}

fn foreign_domain(ground: &Ground<'_>) {
    (ground.add_foreign_domain)("theirs");
    let before = ground.observed_domain("theirs").expect("the foreign domain is there");
    assert_eq!(before.owner, None);
    let mut wanted = ground.domain("theirs");
    for uuid in [wanted.uuid, before.uuid] {
        wanted.uuid = uuid;
        is_conflict(&ground.hypervisor.define_domain(&wanted, &(ground.xml)(&wanted)));
        is_conflict(&ground.hypervisor.start_domain(&wanted.name, uuid));
        is_conflict(&ground.hypervisor.stop_domain(&wanted.name, uuid, Stop::Now));
        is_conflict(&ground.hypervisor.stop_domain(&wanted.name, uuid, Stop::Ask));
        is_conflict(&ground.hypervisor.undefine_domain(&wanted.name, uuid));
        let addresses = ground.hypervisor.addresses(&wanted.name, uuid);
        assert!(matches!(addresses, Err(HypervisorError::Conflict { .. })), "{addresses:?}");
    }
    assert_eq!(ground.observed_domain("theirs"), Some(before));
}

fn uuid_of_another(ground: &Ground<'_>) {
    ground.make_pool();
    let first = ground.domain("contract-first");
    ground.define(&first);
    let second = DomainSpec { uuid: first.uuid, ..ground.domain("contract-second") };
    is_conflict(&ground.hypervisor.define_domain(&second, &(ground.xml)(&second)));
    is_conflict(&ground.hypervisor.start_domain(&second.name, second.uuid));
    is_conflict(&ground.hypervisor.undefine_domain(&first.name, Uuid::from_u128(7)));
    assert_eq!(ground.observed_domain("contract-second"), None);
    assert_eq!(ground.observed_domain("contract-first").and_then(|domain| domain.owner), Some(first.owner.clone()));
    ground.clear(&first);
}

fn absent(ground: &Ground<'_>) {
    let domain = ground.domain("contract-absent");
    let (vm, uuid) = (&domain.name, domain.uuid);
    is_refused(&ground.hypervisor.start_domain(vm, uuid));
    changes(ground.hypervisor.stop_domain(vm, uuid, Stop::Now), Change::Unchanged);
    changes(ground.hypervisor.stop_domain(vm, uuid, Stop::Ask), Change::Unchanged);
    changes(ground.hypervisor.undefine_domain(vm, uuid), Change::Unchanged);
    assert!(ground.hypervisor.addresses(vm, uuid).expect("an answer").is_empty());
}

fn start_and_stop(ground: &Ground<'_>) {
    ground.make_pool();
    let hypervisor = ground.hypervisor;
    let mut domain = ground.domain("contract-run");
    hypervisor.ensure_network(&ground.network, &[], "n2").expect("the network can be made");
    domain.nics = vec![DomainNic { mac: MacAddr::qemu([0xc0, 0, 1]), source: NicSource::Network(ground.network.name.clone()) }];
    let (vm, uuid) = (&domain.name, domain.uuid);
    changes(hypervisor.create_volume(&ground.volume("contract-run.qcow2")), Change::Changed);
    ground.define(&domain);
    changes(hypervisor.start_domain(vm, uuid), Change::Changed);
    changes(hypervisor.start_domain(vm, uuid), Change::Unchanged);
    assert_eq!(ground.observed_domain(vm.as_str()).map(|domain| domain.state), Some(DomainState::Running));
    is_refused(&hypervisor.undefine_domain(vm, uuid));
    assert_eq!(ground.observed_domain(vm.as_str()).map(|domain| domain.state), Some(DomainState::Running));
    changes(hypervisor.stop_domain(vm, uuid, Stop::Now), Change::Changed);
    changes(hypervisor.stop_domain(vm, uuid, Stop::Now), Change::Unchanged);
    assert_eq!(ground.observed_domain(vm.as_str()).map(|domain| domain.state), Some(DomainState::ShutOff));
    changes(hypervisor.undefine_domain(vm, uuid), Change::Changed);
    changes(hypervisor.undefine_domain(vm, uuid), Change::Unchanged);
    let mut pools = ground.observe().pools;
    let pool = pools.remove(ground.pool.name.as_str()).expect("the pool is there");
    assert!(pool.volumes.contains_key("contract-run.qcow2"), "undefining a domain must leave its volumes");
    ground.clear(&domain);
}

fn start_without_volume(ground: &Ground<'_>) {
    ground.make_pool();
    let domain = ground.domain("contract-novol");
    ground.define(&domain);
    is_refused(&ground.hypervisor.start_domain(&domain.name, domain.uuid));
    assert_eq!(ground.observed_domain("contract-novol").map(|domain| domain.state), Some(DomainState::ShutOff));
    ground.clear(&domain);
}

fn events(ground: &Ground<'_>) {
    ground.make_pool();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&heard);
    ground.hypervisor.subscribe(Box::new(move |event| sink.lock().expect("the list of events").push(event)));
    let domain = ground.domain("contract-events");
    ground.hypervisor.create_volume(&ground.volume("contract-events.qcow2")).expect("the volume can be made");
    ground.define(&domain);
    let told = |event: &str| {
        let heard = heard.lock().expect("the list of events");
        heard.iter().any(|told| told.domain == "contract-events" && told.event == event)
    };
    ground.hypervisor.start_domain(&domain.name, domain.uuid).expect("it starts");
    wait("the event `started`", || told("started"));
    ground.hypervisor.stop_domain(&domain.name, domain.uuid, Stop::Now).expect("it stops");
    wait("the event `stopped`", || told("stopped"));
    ground.clear(&domain);
}

fn silent_agent(ground: &Ground<'_>) {
    ground.make_pool();
    let domain = ground.domain("contract-agent");
    let exec = || ground.hypervisor.guest_exec(&domain.name, domain.uuid, &["/bin/true".to_owned()], Duration::from_secs(2));
    let is_silent = |answer| matches!(answer, Err(HypervisorError::GuestAgent { .. }));
    assert!(is_silent(exec()), "of a domain that is not there");
    ground.hypervisor.create_volume(&ground.volume("contract-agent.qcow2")).expect("the volume can be made");
    ground.define(&domain);
    assert!(is_silent(exec()), "of a domain that is off");
    ground.hypervisor.start_domain(&domain.name, domain.uuid).expect("it starts");
    assert!(is_silent(exec()), "of a domain without a system");
    ground.clear(&domain);
}
