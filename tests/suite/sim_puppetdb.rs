//! Mode `server` on the simulator with a PuppetDB: the report of a VM that nothing is heard of is looked for there, believed as any
//! other is, and what PuppetDB does not say is never a success.

use std::sync::Arc;
use std::time::Duration;

use rekindle::observed::{GuestEventKind, HandoffResult, HandoffStatus, Phase, PuppetReport, ReportVia};
use rekindle::spec::{PuppetHost, Spec, Timestamp};
use rekindle::world::Clock as _;
use rekindle::world::sim::{Fault, GuestFault, SimPuppetDb, Times};
use rekindle_tests::simhost::{SimAgent, SimHost};
use rekindle_tests::site::{enrolled, name, puppet, site, vm};

/// Turns after which a host that has not settled never will.
const TURNS: u32 = 3000;

/// `web1` with a Puppet server, whose agent does not tell anything, and one try.
struct Lab {
    host: SimHost,
    puppetdb: Arc<SimPuppetDb>,
    spec: Arc<Spec>,
    agent: SimAgent,
}

impl Lab {
    fn new(silent: bool, has_puppetdb: bool) -> Self {
        let mut web1 = vm("web1");
        web1.puppet = Some(puppet());
        web1.attempts = 1;
        let mut spec = enrolled(site([web1]));
        if let Some(server) = spec.site.puppet.as_mut().and_then(|puppet| puppet.server.as_mut()) {
            server.puppetdb = has_puppetdb.then(|| PuppetHost { host: name("puppetdb.example.com"), port: 8081 });
        }
        let host = SimHost::default();
        if silent {
            host.sim.inject(Fault::Guest { vm: name("web1"), times: Times::Always, how: GuestFault::PuppetSilent });
        }
        let spec = Arc::new(spec);
        let agent = host.agent(&spec, None);
        Self { puppetdb: host.sim.puppetdb(), host, spec, agent }
    }

    async fn until(&mut self, phase: Phase) {
        for _ in 0..TURNS {
            if self.host.phase(&name("web1")) == Some(phase) {
                return;
            }
            self.turn().await;
        }
        let snapshot = self.agent.handle.snapshot();
        panic!("never {phase:?}: {:#?}", snapshot.map(|s| (s.vms.clone(), s.notes.clone())));
    }

    async fn turn(&mut self) {
        self.agent.wheel.turn().await;
        self.host.pass_time(Duration::from_secs(1));
    }

    fn put(&self, report: PuppetReport) {
        self.puppetdb.put(name("web1.example.com"), report);
    }

    /// How the handoffs of the attempt were told.
    fn ways(&self) -> Vec<ReportVia> {
        let events = self.host.store.events(&name("web1"), 1).expect("the store");
        let way = |kind: &GuestEventKind| match kind {
            GuestEventKind::Handoff { via, .. } => Some(*via),
            _ => None,
        };
        events.iter().filter_map(|event| way(&event.kind)).collect()
    }

    /// Why it has failed.
    fn failure(&self) -> String {
        let record = self.host.store.record(&name("web1")).expect("the store").expect("a record");
        record.failure.expect("a failure").detail
    }
}

/// A report of `web1`.
fn report(status: HandoffStatus, began: Timestamp, environment: &str) -> PuppetReport {
    let failures = if status == HandoffStatus::Failed { vec!["File[/x]: it broke".to_owned()] } else { Vec::new() };
    PuppetReport {
        result: HandoffResult { status, time: began.to_string(), failures, resources: (8, 1) },
        began: Some(began),
        environment: Some(environment.to_owned()),
        transaction: Some(format!("t{}", began.0)),
        corrective: 0,
    }
}

#[tokio::test]
async fn the_report_of_a_vm_that_told_nothing_is_found_in_puppetdb() {
    let mut lab = Lab::new(true, true);
    lab.until(Phase::Enrolling).await;
    for _ in 0..200 {
        lab.turn().await;
    }
    assert_eq!(lab.host.phase(&name("web1")), Some(Phase::Enrolling), "it has none yet, and that is no success");
    assert!((1..=5).contains(&lab.puppetdb.asked()), "now and then, not at every pass: {}", lab.puppetdb.asked());
    lab.put(report(HandoffStatus::Changed, lab.host.clock.now(), "dev"));
    lab.until(Phase::Ready).await;
    assert_eq!(lab.ways(), [ReportVia::PuppetDb]);
}

#[tokio::test]
async fn a_failed_run_that_only_puppetdb_knows_fails_the_handoff() {
    let mut lab = Lab::new(true, true);
    lab.until(Phase::Enrolling).await;
    lab.put(report(HandoffStatus::Failed, lab.host.clock.now(), "dev"));
    lab.until(Phase::Failed).await;
    assert_eq!(lab.failure(), "File[/x]: it broke");
}

/// `web1` fails at its deadline, and the reason has these words.
#[track_caller]
fn check_deadline(prepare: impl FnOnce(&Lab), words: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut lab = Lab::new(true, true);
    runtime.block_on(async {
        lab.until(Phase::Enrolling).await;
        prepare(&lab);
        lab.until(Phase::Failed).await;
    });
    let failure = lab.failure();
    assert!(failure.contains("no Puppet report came") && failure.contains(words), "{failure}");
    assert_eq!(lab.ways(), [], "{words}");
}

#[test]
fn what_puppetdb_does_not_say_is_no_success() {
    let minutes = |lab: &Lab, minutes: u64| Timestamp(lab.host.clock.now().0 - minutes * 60_000);
    check_deadline(|_| {}, "PuppetDB has none either");
    check_deadline(|lab| lab.puppetdb.set_down(true), "PuppetDB at sim:///puppetdb cannot be asked: injected fault");
    check_deadline(|lab| lab.put(report(HandoffStatus::Changed, minutes(lab, 60), "dev")), "which is before its boot");
    check_deadline(
        |lab| lab.put(report(HandoffStatus::Changed, lab.host.clock.now(), "stable")),
        "of environment Some(\"stable\"), the VM's is `dev`",
    );
    let without_time = || PuppetReport { began: None, ..report(HandoffStatus::Changed, Timestamp(0), "dev") };
    check_deadline(|lab| lab.put(without_time()), "which is no time");
    check_deadline(
        |lab| lab.put(report(HandoffStatus::Changed, Timestamp(lab.host.clock.now().0 + 86_400_000), "dev")),
        "which is in the future",
    );
}

#[tokio::test]
async fn a_site_without_puppetdb_asks_nobody() {
    let mut lab = Lab::new(true, false);
    lab.until(Phase::Failed).await;
    assert_eq!((lab.failure().contains("PuppetDB"), lab.puppetdb.asked()), (false, 0));
}

#[tokio::test]
async fn a_vm_that_reports_by_itself_is_not_asked_for_until_it_falls_silent() {
    let mut lab = Lab::new(false, true);
    lab.until(Phase::Ready).await;
    assert_eq!((lab.ways(), lab.puppetdb.asked()), (vec![ReportVia::Guest], 0));
    lab.host.pass_time(Duration::from_secs(30 * 60));
    lab.turn().await;
    assert_eq!(lab.puppetdb.asked(), 0, "Puppet runs every half hour");
    lab.host.pass_time(Duration::from_secs(20 * 60));
    lab.put(report(HandoffStatus::Failed, lab.host.clock.now(), "dev"));
    for _ in 0..5 {
        lab.turn().await;
    }
    let runs = lab.host.store.run(&name("web1"), 1).expect("the store").expect("a run");
    assert_eq!((runs.via, runs.last.result.status), (ReportVia::PuppetDb, HandoffStatus::Failed));
    assert_eq!((lab.ways().len(), lab.puppetdb.asked()), (1, 1), "the handoff is over; what was found is not asked for again");
    assert_eq!(lab.host.phase(&name("web1")), Some(Phase::Ready));
}

#[tokio::test]
async fn an_agent_that_is_killed_anywhere_on_the_way_to_puppetdb_finds_the_report_all_the_same() {
    for effects in 0..6 {
        let mut lab = Lab::new(true, true);
        lab.until(Phase::Enrolling).await;
        lab.put(report(HandoffStatus::Unchanged, lab.host.clock.now(), "dev"));
        lab.agent = lab.host.agent(&lab.spec, Some(effects));
        for _ in 0..TURNS {
            if lab.agent.is_dead() {
                break;
            }
            lab.turn().await;
        }
        assert!(lab.agent.is_dead(), "after {effects} effects");
        lab.agent = lab.host.agent(&lab.spec, None);
        lab.until(Phase::Ready).await;
        assert_eq!(lab.ways(), [ReportVia::PuppetDb], "after {effects} effects");
        let runs = lab.host.store.run(&name("web1"), 1).expect("the store").expect("a run");
        assert_eq!(runs.runs, 1, "after {effects} effects");
    }
}
