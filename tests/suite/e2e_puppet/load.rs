//! Many certificates at once against the real CA: two agents (their hypervisors and guests are simulated, everything else is real)
//! rebuild fifty VMs each at the same time, beside `puppetserver ca clean` one by one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rekindle::observed::CertificateState;
use rekindle::reconcile::Request as Wish;
use rekindle::spec::Spec;
use rekindle::world::puppet::PuppetCa;
use rekindle::world::sim::{GuestCa, GuestLogs, SimConfig, Submitted};
use rekindle_tests::puppetserver::{Door, PuppetServer, Request};
use rekindle_tests::say::say;
use rekindle_tests::simhost::{SimAgent, SimHost};
use rekindle_tests::site::{enrolled, puppet, site, vm};

/// VMs of each of the two agents.
const VMS: usize = 50;
/// Certificates that are cleaned one by one.
const ONE_BY_ONE: usize = 8;
/// How many times as fast the agents must be.
const FACTOR: f64 = 10.0;
/// Turns after which a host that has not settled never will.
const TURNS: u32 = 4000;

/// Simulated guests whose requests go to the real CA, each attempt's with a key of its own.
pub(super) struct RealGuests {
    door: Door,
    /// The last request of each name, and what stands for its key.
    requests: Mutex<BTreeMap<String, (String, Arc<Request>)>>,
}

impl RealGuests {
    pub(super) fn new(server: &PuppetServer) -> Arc<Self> {
        Arc::new(Self { door: server.door(), requests: Mutex::default() })
    }

    fn request(&self, certname: &str, key: &str) -> Arc<Request> {
        let mut requests = self.requests.lock().expect("no panic under the lock");
        match requests.get(certname) {
            Some((of, request)) if of == key => Arc::clone(request),
            _ => {
                let request = Arc::new(Request::new(certname));
                requests.insert(certname.to_owned(), (key.to_owned(), Arc::clone(&request)));
                request
            }
        }
    }
}

impl GuestCa for RealGuests {
    fn submit(&self, certname: &str, key: &str) -> Submitted {
        match self.door.submit(&self.request(certname, key)) {
            Some(200) if self.door.certificate(certname).is_some() => Submitted::Signed(0),
            Some(200) => Submitted::Pending,
            Some(400) => Submitted::Taken,
            _ => Submitted::Unheard,
        }
    }
}

/// A simulated hypervisor whose agent and guests talk to the real CA.
pub(super) struct RealCaLab {
    pub(super) host: SimHost,
    pub(super) spec: Arc<Spec>,
    pub(super) agent: SimAgent,
}

impl RealCaLab {
    /// With these VMs, handed to this server, all of which may be installed at once.
    pub(super) fn new(server: &PuppetServer, guests: &Arc<RealGuests>, ca: PuppetCa, names: &[String]) -> Self {
        let vms = names.iter().map(|name| {
            let mut vm = vm(name);
            vm.memory_mib = 512;
            // `plain…` needs no Puppet.
            vm.puppet = (!name.starts_with("plain")).then(puppet);
            vm
        });
        let mut spec = enrolled(site(vms));
        spec.hypervisors.values_mut().for_each(|hypervisor| hypervisor.parallel_installs = 1000);
        if let Some(puppet) = &mut spec.site.puppet {
            puppet.server = Some(server.spec());
        }
        let config =
            SimConfig { speed: 20, logs: GuestLogs::None, memory_mib: 1 << 20, directory_bytes: 1 << 50, ..SimConfig::default() };
        let mut host = SimHost::new(config);
        host.ca = Arc::new(ca);
        host.sim.connect_ca(Arc::clone(guests) as _);
        let spec = Arc::new(spec);
        let agent = host.agent(&spec, None);
        Self { host, spec, agent }
    }

    pub(super) async fn turn(&mut self) -> bool {
        let settled = self.agent.wheel.turn().await;
        self.host.pass_time(Duration::from_secs(1));
        settled
    }

    pub(super) async fn settle(&mut self) {
        for _ in 0..TURNS {
            if self.turn().await {
                return;
            }
        }
        panic!("not settled: {:#?}", self.agent.handle.snapshot().map(|s| (s.vms.clone(), s.notes.clone())));
    }

    pub(super) async fn rebuild_all(&mut self) {
        let vms = self.spec.vms.keys().cloned().collect();
        let wish = self.agent.handle.request(Wish::Rebuild { vms, by: "test".to_owned() });
        let (answer, _) = tokio::join!(wish, self.agent.wheel.turn());
        answer.expect("the wish is accepted");
    }

    /// The CA was seen to hold nothing under the names of this attempt.
    fn is_all_free(&self) -> bool {
        let snapshot = self.agent.handle.snapshot().expect("a snapshot");
        snapshot.observed.vms.values().all(|vm| {
            let attempt = vm.record.attempt;
            attempt > 1
                && vm.certificates.iter().any(|known| {
                    known.of.attempt == attempt && known.state().is_some_and(|state| state == CertificateState::Absent)
                })
        })
    }
}

pub(super) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

/// One agent's part; how long its names took to be free.
async fn rebuild(lab: &mut RealCaLab) -> Duration {
    let begin = Instant::now();
    lab.rebuild_all().await;
    let mut freed = None;
    for _ in 0..TURNS {
        let settled = lab.turn().await;
        if freed.is_none() && lab.is_all_free() {
            freed = Some(begin.elapsed());
        }
        if settled {
            break;
        }
    }
    freed.expect("the names were free at some time")
}

pub(super) fn a_hundred_rebuilt_at_once_get_new_certificates(server: &PuppetServer) {
    let guests = RealGuests::new(server);
    let names = |agent: usize| (0..VMS).map(|vm| format!("load{agent}-{vm:02}")).collect::<Vec<_>>();
    let mut labs = [0, 1].map(|agent| RealCaLab::new(server, &guests, PuppetCa::default(), &names(agent)));
    let runtime = runtime();
    let begin = Instant::now();
    runtime.block_on(async {
        let [one, two] = &mut labs;
        tokio::join!(one.settle(), two.settle());
    });
    let certnames: BTreeSet<String> =
        labs.iter().flat_map(|lab| lab.spec.vms.values().map(|vm| vm.fqdn.to_string()).collect::<Vec<_>>()).collect();
    let before = signed(server, &certnames);
    say(format_args!("{} certificates signed for the first time: {:.1} s", before.len(), begin.elapsed().as_secs_f32()));

    let begin = Instant::now();
    let threads = labs.map(|mut lab| {
        std::thread::spawn(move || {
            let freed = self::runtime().block_on(rebuild(&mut lab));
            (lab, freed)
        })
    });
    let done = threads.map(|thread| thread.join().expect("an agent that does not panic"));
    let freed = done.iter().map(|(_, freed)| *freed).max().unwrap_or_default().as_secs_f64();
    say(format_args!("{} VMs rebuilt by two agents at once: {:.1} s in all", certnames.len(), begin.elapsed().as_secs_f32()));

    let after = signed(server, &certnames);
    let revoked = server.revoked_serials();
    let lost: Vec<&String> = before.iter().filter(|(_, serial)| !revoked.contains(serial)).map(|(name, _)| name).collect();
    assert!(lost.is_empty(), "these certificates were deleted and not revoked: {lost:?}");
    assert!(after.values().all(|serial| !revoked.contains(serial)), "a new certificate is revoked");
    assert!(before.iter().all(|(name, serial)| after[name] != *serial), "a name kept its certificate");
    for (lab, _) in &done {
        let records = lab.host.store.records().expect("the store");
        assert!(records.values().all(|record| record.attempt == 2), "an attempt was lost");
    }

    let begin = Instant::now();
    for name in &certnames {
        let request = guests.requests.lock().expect("no panic under the lock")[name].1.clone();
        assert_eq!(guests.door.catalog(&request), 200, "{name}: {}", server.log());
    }
    say(format_args!("{} catalogs with the new certificates: {:.1} s", certnames.len(), begin.elapsed().as_secs_f32()));
    compare(server, freed / certnames.len() as f64);
}

/// The names' serial numbers; all are signed, and no number is there twice.
#[track_caller]
fn signed(server: &PuppetServer, certnames: &BTreeSet<String>) -> BTreeMap<String, u64> {
    let list = server.list();
    let held: BTreeMap<String, u64> = certnames
        .iter()
        .map(|name| {
            let listed = list.get(name).unwrap_or_else(|| panic!("{name} has no certificate"));
            assert_eq!(listed.state, "signed", "{name}");
            (name.clone(), listed.serial.expect("a serial number"))
        })
        .collect();
    assert_eq!(held.values().collect::<BTreeSet<_>>().len(), certnames.len(), "a serial number was given twice");
    held
}

/// Beside what a person or a script does: `puppetserver ca clean`, name by name.
fn compare(server: &PuppetServer, ours: f64) {
    let names: Vec<String> = (0..ONE_BY_ONE).map(|vm| format!("single-{vm}.example.com")).collect();
    for name in &names {
        assert_eq!(server.submit(&Request::new(name)), 200);
    }
    let begin = Instant::now();
    for name in &names {
        let cleaned = server.cli(&["ca", "clean", "--certname", name]);
        assert!(cleaned.status.success(), "{cleaned:?}");
    }
    let theirs = begin.elapsed().as_secs_f64() / names.len() as f64;
    let factor = theirs / ours;
    say(format_args!(
        "freeing a name: {:.0} ms by the agents, {:.0} ms by `puppetserver ca clean`: {factor:.1} times as fast",
        ours * 1e3,
        theirs * 1e3
    ));
    assert!(factor >= FACTOR, "only {factor:.1} times as fast as one by one, {FACTOR} are promised");
}

/// Why agents do not use `/clean`: three clients at once, and what is left of their revocations. A race may end well, so nothing is
/// claimed; it is printed.
pub(super) fn what_cleaning_together_loses(server: &PuppetServer) {
    let names: Vec<String> = (0..30).map(|vm| format!("together-{vm}.example.com")).collect();
    for name in &names {
        assert_eq!(server.submit(&Request::new(name)), 200);
    }
    let serials = signed(server, &names.iter().cloned().collect());
    std::thread::scope(|scope| {
        for client in 0..3 {
            let part: Vec<String> = names.iter().skip(client).step_by(3).cloned().collect();
            scope.spawn(move || part.chunks(2).for_each(|chunk| assert_eq!(server.clean_together(chunk), 200)));
        }
    });
    let revoked = server.revoked_serials();
    let lost = serials.values().filter(|serial| !revoked.contains(serial)).count();
    say(format_args!(
        "`PUT /clean` by three clients at once: {lost} of {} revocations lost, each answered with 200",
        names.len()
    ));
}
