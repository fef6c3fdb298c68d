//! Properties of the whole loop on the simulator: whatever the site, whatever is on the hypervisor, wherever the agent is killed
//! and whatever fails, it converges, and it touches nothing of others. [`Watch`] looks after every single turn.

use std::sync::Arc;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use rekindle::observed::Phase;
use rekindle::reconcile::Request;
use rekindle::spec::{Spec, VmName};
use rekindle::world::Store;
use rekindle::world::sim::{Call, CallFault, ErrorKind, Fault, GuestFault, GuestLogs, GuestStep, SimConfig, Times};
use rekindle_tests::simhost::{SimAgent, SimHost};
use rekindle_tests::watch::Watch;

use super::generate::{Found, any_found, any_site};

/// Turns after which a host that has not settled never will.
const TURNS: u32 = 1500;

/// A host whose guests live twenty times faster, so that an install takes eight turns of a second.
fn host() -> SimHost {
    SimHost::new(SimConfig { speed: 20, logs: GuestLogs::None, ..SimConfig::default() })
}

/// The life of one agent: how many effects it has before it is killed, how many turns it is given, and what it is asked.
#[derive(Debug, Clone)]
struct Life {
    effects: u64,
    turns: u32,
    rebuild: Option<u8>,
    /// It reads another revision of the site, in which every VM has more memory and another package.
    other_site: bool,
    /// Seconds until the next agent begins; nobody answers the guests meanwhile.
    dead: u64,
}

fn any_life() -> impl Strategy<Value = Life> {
    let dead = prop_oneof![3 => Just(0_u64), 1 => 1..60_u64];
    let rebuild = proptest::option::weighted(0.3, 0..5_u8);
    (0..25_u64, 1..40_u32, rebuild, proptest::bool::weighted(0.3), dead)
        .prop_map(|(effects, turns, rebuild, other_site, dead)| Life { effects, turns, rebuild, other_site, dead })
}

/// The same VMs with more memory and another package.
fn other_revision(spec: &Spec) -> Spec {
    let mut other = Spec { revision: "other".to_owned(), ..spec.clone() };
    for vm in other.vms.values_mut() {
        vm.memory_mib += 512;
        vm.packages.push(rekindle_tests::site::name("chrony"));
    }
    other
}

struct Trial {
    host: SimHost,
    spec: Arc<Spec>,
    watch: Watch,
}

impl Trial {
    fn new(spec: &Spec, found: &[Found]) -> Self {
        let host = host();
        for found in found {
            found.add_to(&host.sim);
        }
        Self { watch: Watch::new(spec, &host.sim), spec: Arc::new(spec.clone()), host }
    }

    /// One turn and one second, looked at.
    async fn turn(&mut self, agent: &mut SimAgent) -> bool {
        let settled = agent.wheel.turn().await;
        self.watch.look(&self.host.sim);
        if !settled {
            self.host.pass_time(Duration::from_secs(1));
            self.watch.look(&self.host.sim);
        }
        settled
    }

    async fn live(&mut self, life: &Life) {
        let spec = if life.other_site { Arc::new(other_revision(&self.spec)) } else { Arc::clone(&self.spec) };
        let mut agent = self.host.agent(&spec, Some(life.effects));
        if let Some(vm) = life.rebuild.and_then(|at| self.spec.vms.keys().nth(at.into())).cloned() {
            self.rebuild(&mut agent, vec![vm]).await;
        }
        for _ in 0..life.turns {
            if self.turn(&mut agent).await || agent.is_dead() {
                break;
            }
        }
        if life.dead > 0 {
            self.host.sim.disconnect_guests();
            self.host.pass_time(Duration::from_secs(life.dead));
            self.watch.look(&self.host.sim);
        }
    }

    /// Asks for a rebuild; refused where the VM cannot be rebuilt now, which is fine.
    async fn rebuild(&mut self, agent: &mut SimAgent, vms: Vec<VmName>) {
        let request = agent.handle.request(Request::Rebuild { vms, by: "property".to_owned() });
        let (answer, _) = tokio::join!(request, agent.wheel.turn());
        drop(answer);
        self.watch.look(&self.host.sim);
    }

    /// Turns until all is settled.
    async fn settle(&mut self, agent: &mut SimAgent) {
        for _ in 0..TURNS {
            if self.turn(agent).await {
                return;
            }
        }
        let snapshot = agent.handle.snapshot();
        panic!("not settled after {TURNS} turns: {:#?}", snapshot.map(|s| (s.vms.clone(), s.notes.clone())));
    }

    fn not_ready(&self) -> Vec<VmName> {
        self.spec.vms.keys().filter(|vm| self.host.phase(vm) != Some(Phase::Ready)).cloned().collect()
    }

    /// All is done: nothing is missing, nothing is left over, and another agent finds nothing to do.
    async fn finish(&mut self, agent: &SimAgent) {
        let snapshot = agent.handle.snapshot().expect("a snapshot");
        assert_eq!(self.not_ready(), Vec::<VmName>::new(), "{:#?} {:#?}", snapshot.vms, snapshot.notes);
        assert!(snapshot.idle, "{:#?} {:#?}", snapshot.vms, snapshot.notes);
        self.watch.look_at_end(&self.host.sim);
        let before = self.host.sim.state();
        let records = self.host.store.records().expect("the store");
        let mut another = self.host.agent(&self.spec, None);
        // Its first turn runs the checks, of which a new agent knows no results.
        let turns = [another.wheel.turn().await, another.wheel.turn().await];
        assert!(turns[1], "a second agent finds work: {:#?}", another.handle.snapshot().map(|s| s.vms.clone()));
        assert_eq!(self.host.sim.state(), before, "a second agent changes the hypervisor");
        assert_eq!(self.host.store.records().expect("the store"), records, "a second agent changes the records");
    }
}

/// A site of two VMs with everything that a VM can have, on a hypervisor with things of others.
fn full_trial() -> Trial {
    use rekindle_tests::site::{disk, puppet, site, vm};
    let vms = ["web1", "web2"].map(|name| {
        let mut vm = vm(name);
        vm.disks.extend([disk("data", true), disk("scratch", false)]);
        vm.puppet = Some(puppet());
        vm
    });
    let found = [
        Found::Domain { number: 1, running: true, memory_mib: 512 },
        Found::Network { number: 1 },
        Found::Pool { number: 1 },
        Found::Volume { number: 1 },
    ];
    Trial::new(&site(vms), &found)
}

/// Brings a trial to its end with agents that are killed after these numbers of effects, and one that is not. Says whether the
/// last one that was killed had anything left to do.
async fn end_with_kills(trial: &mut Trial, kills: &[u64]) -> bool {
    let mut killed = true;
    for effects in kills {
        let mut agent = trial.host.agent(&trial.spec, Some(*effects));
        let mut settled = false;
        while !settled && !agent.is_dead() {
            settled = trial.turn(&mut agent).await;
        }
        killed = agent.is_dead();
    }
    let mut agent = trial.host.agent(&trial.spec, None);
    trial.settle(&mut agent).await;
    trial.finish(&agent).await;
    killed
}

/// Not at random: one kill at every single place of a first install, then of a rebuild.
#[test]
fn a_kill_at_each_place_of_an_install_and_of_a_rebuild_costs_nothing() {
    let attempts = |trial: &Trial| {
        let records = trial.host.store.records().expect("the store");
        records.values().map(|record| record.attempt).collect::<Vec<_>>()
    };
    run(async {
        let mut places = 0;
        for effects in 1.. {
            let mut trial = full_trial();
            let killed = end_with_kills(&mut trial, &[effects]).await;
            assert_eq!(attempts(&trial), [1, 1], "killed after effect {effects} of the install");
            let mut agent = trial.host.agent(&trial.spec, Some(0));
            let all = trial.spec.vms.keys().cloned().collect();
            // The wish is stored; the agent that took it is killed before it does anything about it.
            let request = agent.handle.request(Request::Rebuild { vms: all, by: "property".to_owned() });
            let (answer, _) = tokio::join!(request, agent.wheel.turn());
            answer.expect("the wish is accepted");
            let killed_again = end_with_kills(&mut trial, &[effects]).await;
            assert_eq!(attempts(&trial), [2, 2], "killed after effect {effects} of the rebuild");
            if !killed && !killed_again {
                break;
            }
            places = effects;
        }
        assert!(places > 20, "only {places} places: the test looks in the wrong place");
    });
}

fn run(future: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future);
}

fn cases(count: u32) -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(count);
    ProptestConfig { max_shrink_iters: 200, failure_persistence: None, ..ProptestConfig::with_cases(cases) }
}

/// Something that goes wrong and passes.
#[derive(Debug, Clone)]
enum Trouble {
    Call(Call, u32, CallFault),
    Guest(u8, GuestFault),
    Unreachable(u64),
    Stopped(u8),
    Crashed(u8),
    Undefined(u8),
    Rebooted,
    Wiped,
    ClockJumps(u64),
    PoolFull,
    RootVanished(u8),
    StoreLost,
}

fn any_trouble() -> impl Strategy<Value = Trouble> {
    let call = proptest::sample::select(Call::ALL.to_vec());
    let kind = proptest::sample::select(ErrorKind::ALL.to_vec());
    let how = (kind, any::<bool>()).prop_map(
        |(kind, after)| {
            if after { CallFault::TakesEffectThenFails(kind) } else { CallFault::Fails(kind) }
        },
    );
    let step = proptest::sample::select(GuestStep::ALL.to_vec());
    let guest = prop_oneof![
        step.clone().prop_map(GuestFault::HangsAt),
        step.clone().prop_map(GuestFault::StopsAt),
        step.prop_map(GuestFault::CrashesAt),
        Just(GuestFault::NeverFetches),
        Just(GuestFault::PreFails),
        Just(GuestFault::RepositoryUnreachable),
        Just(GuestFault::ScriptletFails("shop-web".to_owned())),
        Just(GuestFault::PostFails),
        Just(GuestFault::NeverReboots),
        Just(GuestFault::CallsTwice),
        (0..5_u8).prop_map(|vm| GuestFault::UsesTokenOf(format!("web{vm}").parse().expect("a VM name"))),
        Just(GuestFault::NeverCallsFirstBoot),
        Just(GuestFault::PuppetFails),
        Just(GuestFault::PuppetSilent),
    ];
    prop_oneof![
        4 => (call, 1..3_u32, how).prop_map(|(call, times, how)| Trouble::Call(call, times, how)),
        4 => (0..5_u8, guest).prop_map(|(vm, fault)| Trouble::Guest(vm, fault)),
        1 => (1..30_u64).prop_map(Trouble::Unreachable),
        1 => (0..5_u8).prop_map(Trouble::Stopped),
        1 => (0..5_u8).prop_map(Trouble::Crashed),
        1 => (0..5_u8).prop_map(Trouble::Undefined),
        1 => Just(Trouble::Rebooted),
        1 => Just(Trouble::Wiped),
        1 => (1..100_000_u64).prop_map(Trouble::ClockJumps),
        1 => Just(Trouble::PoolFull),
        1 => (0..5_u8).prop_map(Trouble::RootVanished),
        1 => Just(Trouble::StoreLost),
    ]
}

impl Trouble {
    fn strike(&self, host: &mut SimHost, spec: &Spec) {
        let vm = |at: &u8| spec.vms.keys().nth((*at).into()).cloned();
        let ours = |at: &u8| vm(at).map(|vm| vm.as_str().to_owned());
        let fault = match self {
            Self::Call(call, times, how) => Some(Fault::Call { call: *call, times: Times::Next(*times), how: *how }),
            Self::Guest(at, how) => vm(at).map(|vm| Fault::Guest { vm, times: Times::Next(1), how: how.clone() }),
            Self::Unreachable(seconds) => Some(Fault::Unreachable { span: Duration::from_secs(*seconds) }),
            Self::Stopped(at) => ours(at).map(|domain| Fault::DomainStopped { domain }),
            Self::Crashed(at) => ours(at).map(|domain| Fault::DomainCrashed { domain }),
            Self::Undefined(at) => ours(at).map(|domain| Fault::DomainUndefined { domain }),
            Self::Rebooted => Some(Fault::HostRebooted),
            Self::Wiped => Some(Fault::LibvirtWiped),
            Self::ClockJumps(seconds) => Some(Fault::ClockJumps { span: Duration::from_secs(*seconds) }),
            Self::PoolFull => Some(Fault::PoolFull { pool: "default".to_owned() }),
            Self::RootVanished(at) => ours(at).map(|vm| {
                host.sim.inject(Fault::DomainStopped { domain: vm.clone() });
                Fault::VolumeVanished { pool: "default".to_owned(), volume: format!("{vm}-root.qcow2") }
            }),
            Self::StoreLost => {
                host.store = Arc::new(Store::in_memory().expect("a store"));
                None
            }
        };
        if let Some(fault) = fault {
            host.sim.inject(fault);
        }
        if let Self::ClockJumps(seconds) = self {
            host.clock.advance(Duration::from_secs(*seconds));
        }
    }

    /// It takes what is of others too.
    fn harms_others(&self) -> bool {
        matches!(self, Self::Rebooted | Self::Wiped)
    }
}

proptest! {
    #![proptest_config(cases(48))]

    /// A kill between any two steps loses nothing, duplicates nothing, and costs no attempt.
    #[test]
    fn kills_between_any_two_steps_lose_and_duplicate_nothing(
        spec in any_site(),
        found in any_found(),
        lives in vec(any_life(), 0..6),
    ) {
        run(async {
            let mut trial = Trial::new(&spec, &found);
            for life in &lives {
                trial.live(&Life { rebuild: None, other_site: false, dead: 0, ..life.clone() }).await;
            }
            let mut agent = trial.host.agent(&trial.spec, None);
            trial.settle(&mut agent).await;
            trial.finish(&agent).await;
            for record in trial.host.store.records().expect("the store").values() {
                let timeline = trial.host.store.timeline(&record.vm).expect("the store");
                assert_eq!(record.attempt, 1, "`{}` was killed into another attempt: {timeline:#?}", record.vm);
            }
        });
    }

    /// The same with people who ask for rebuilds in between: kept volumes survive, everything else is made anew.
    #[test]
    fn rebuilds_with_kills_between_any_two_steps_keep_what_is_to_be_kept(
        spec in any_site(),
        found in any_found(),
        lives in vec(any_life(), 1..6),
    ) {
        run(async {
            let mut trial = Trial::new(&spec, &found);
            let mut agent = trial.host.agent(&trial.spec, None);
            trial.settle(&mut agent).await;
            for life in &lives {
                trial.live(life).await;
            }
            let mut agent = trial.host.agent(&trial.spec, None);
            trial.settle(&mut agent).await;
            let all = trial.spec.vms.keys().cloned().collect();
            trial.rebuild(&mut agent, all).await;
            trial.settle(&mut agent).await;
            trial.finish(&agent).await;
        });
    }

    /// Whatever fails and passes, at whatever moment: it converges, if need be after somebody consents to rebuild what had been
    /// in service and was lost.
    #[test]
    fn troubles_that_pass_leave_nothing_behind(
        spec in any_site(),
        found in any_found(),
        times in vec((any_life(), vec(any_trouble(), 0..3)), 1..6),
    ) {
        run(async {
            let harm = times.iter().flat_map(|(_, troubles)| troubles).any(Trouble::harms_others);
            let mut trial = Trial::new(&spec, if harm { &[] } else { &found });
            for (life, troubles) in &times {
                for trouble in troubles {
                    trouble.strike(&mut trial.host, &trial.spec);
                }
                trial.live(life).await;
            }
            trial.host.sim.heal();
            let mut agent = trial.host.agent(&trial.spec, None);
            trial.settle(&mut agent).await;
            let lost = trial.not_ready();
            if !lost.is_empty() {
                trial.rebuild(&mut agent, lost).await;
                trial.settle(&mut agent).await;
            }
            trial.finish(&agent).await;
        });
    }

    /// VMs that have left the site go when somebody consents, with their root disks and nothing else, wherever the agent is killed.
    #[test]
    fn vms_that_left_the_site_go_with_consent_and_take_nothing_else(
        spec in any_site(),
        found in any_found(),
        stay in vec(any::<bool>(), 5),
        kills in vec(0..6_u64, 0..4),
    ) {
        run(async {
            let mut trial = Trial::new(&spec, &found);
            let mut agent = trial.host.agent(&trial.spec, None);
            trial.settle(&mut agent).await;
            trial.finish(&agent).await;
            let before = trial.host.sim.state();
            let gone: Vec<VmName> = spec.vms.keys().zip(&stay).filter(|(_, stays)| !**stays).map(|(vm, _)| vm.clone()).collect();
            let mut rest = spec.clone();
            rest.vms.retain(|vm, _| !gone.contains(vm));
            trial.spec = Arc::new(rest);

            // Without consent, nothing happens to them.
            let mut agent = trial.host.agent(&trial.spec, None);
            trial.settle(&mut agent).await;
            assert_eq!(trial.host.sim.state().domains, before.domains);

            let mut agent = trial.host.agent(&trial.spec, Some(0));
            let request = Request::Destroy { vms: gone.clone(), by: "property".to_owned() };
            let (answer, _) = tokio::join!(agent.handle.request(request), agent.wheel.turn());
            answer.expect("the wish is accepted");
            for effects in kills {
                let mut agent = trial.host.agent(&trial.spec, Some(effects));
                for _ in 0..20 {
                    agent.wheel.turn().await;
                    trial.watch.look(&trial.host.sim);
                }
            }
            let mut agent = trial.host.agent(&trial.spec, None);
            trial.settle(&mut agent).await;

            let mut expected = before;
            for vm in &gone {
                expected.domains.remove(vm.as_str());
                for directory in expected.directories.values_mut() {
                    directory.volumes.remove(&format!("{vm}-root.qcow2"));
                }
                assert_eq!(trial.host.store.record(vm).expect("the store"), None);
            }
            let state = trial.host.sim.state();
            assert_eq!(state.domains, expected.domains);
            assert_eq!(state.directories, expected.directories);
        });
    }
}
