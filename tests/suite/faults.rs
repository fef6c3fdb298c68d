//! One fault at a time, on a site with two VMs: the cause that is named, or how it is recovered from.

use std::sync::Arc;
use std::time::Duration;

use rekindle::observed::{Cause, DomainState, Phase, VmRecord};
use rekindle::reconcile::Request;
use rekindle::spec::{Deadlines, Spec, VmName};
use rekindle::world::sim::{Call, CallFault, ErrorKind, Fault, GuestFault, GuestLogs, GuestStep, SimConfig, SimVolume, Times};
use rekindle_tests::simhost::{SimAgent, SimHost};
use rekindle_tests::site::{disk, name, puppet, site, vm};

/// Two VMs with Puppet, a check and a kept disk, and so many attempts; deadlines of a minute or two.
fn two_vms(attempts: u32) -> Arc<Spec> {
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    let deadlines =
        Deadlines { kickstart: minutes(1), install: minutes(2), first_boot: minutes(1), handoff: minutes(1), checks: minutes(1) };
    let vms = ["web1", "web2"].map(|vm_name| {
        let mut vm = vm(vm_name);
        vm.disks.push(disk("data", true));
        vm.puppet = Some(puppet());
        vm.deadlines = deadlines;
        vm.attempts = attempts;
        vm
    });
    Arc::new(site(vms))
}

fn web1() -> VmName {
    name("web1")
}

struct Lab {
    host: SimHost,
    spec: Arc<Spec>,
    agent: SimAgent,
}

impl Lab {
    fn new(attempts: u32) -> Self {
        let host = SimHost::new(SimConfig { speed: 20, logs: GuestLogs::Files, ..SimConfig::default() });
        let spec = two_vms(attempts);
        let agent = host.agent(&spec, None);
        Self { host, spec, agent }
    }

    /// A lab whose VMs are all ready.
    async fn ready() -> Self {
        let mut lab = Self::new(3);
        lab.settle().await;
        lab.expect_all_ready();
        lab
    }

    #[track_caller]
    fn inject(&self, fault: Fault) {
        self.host.sim.inject(fault);
    }

    /// The fault strikes in `web1` at its next start.
    fn guest(&self, how: &GuestFault, times: Times) {
        self.inject(Fault::Guest { vm: web1(), times, how: how.clone() });
    }

    async fn settle(&mut self) {
        let turns = self.host.settle(&mut self.agent, 2000).await;
        assert!(turns.is_some(), "not settled: {:#?}", self.agent.handle.snapshot().map(|s| s.vms.clone()));
    }

    /// Time passes, and it settles again.
    async fn settle_after(&mut self, span: Duration) {
        for _ in 0..span.as_secs() {
            self.host.pass_time(Duration::from_secs(1));
            self.agent.wheel.turn().await;
        }
        self.settle().await;
    }

    /// Another agent takes over, as after a restart.
    fn restart(&mut self) {
        self.agent = self.host.agent(&self.spec, None);
    }

    async fn ask(&mut self, request: Request) {
        let (answer, _) = tokio::join!(self.agent.handle.request(request), self.agent.wheel.turn());
        answer.expect("the wish is accepted");
    }

    async fn rebuild_all(&mut self) {
        let vms = self.spec.vms.keys().cloned().collect();
        self.ask(Request::Rebuild { vms, by: "test".to_owned() }).await;
        self.settle().await;
    }

    fn record(&self) -> VmRecord {
        self.host.store.record(&web1()).expect("the store").expect("a record")
    }

    fn note(&self) -> String {
        self.agent.handle.snapshot().and_then(|s| s.vms.get(&web1()).map(|vm| vm.note.clone())).unwrap_or_default()
    }

    #[track_caller]
    fn expect_all_ready(&self) {
        for vm in self.spec.vms.keys() {
            assert_eq!(self.host.phase(vm), Some(Phase::Ready), "{vm}: {}", self.note());
        }
    }

    fn data(&self) -> Option<SimVolume> {
        self.host.sim.state().volume("default", "web1-data.qcow2").cloned()
    }

    fn root(&self) -> Option<SimVolume> {
        self.host.sim.state().volume("default", "web1-root.qcow2").cloned()
    }

    fn domain_state(&self) -> Option<DomainState> {
        self.host.sim.state().domains.get("web1").map(|domain| domain.state)
    }
}

/// The cause of every way in which an install or a first boot fails, and words that its particulars or evidence must hold.
#[tokio::test]
async fn each_fault_of_a_guest_has_its_named_cause_and_evidence() {
    let text = |text: &str| text.to_owned();
    let table = [
        (GuestFault::NeverFetches, Cause::KickstartNotFetched, "dracut"),
        (GuestFault::UsesTokenOf(name("web2")), Cause::KickstartNotFetched, "failed to fetch kickstart"),
        (GuestFault::KickstartRejected, Cause::KickstartRejected, "frobnicate"),
        (GuestFault::PreFails, Cause::PreFailed, "mdadm"),
        (GuestFault::DiskTooSmall, Cause::DiskTooSmall, "Unable to allocate"),
        (GuestFault::RepositoryUnreachable, Cause::RepositoryUnreachable, "base repo"),
        (GuestFault::PackageMissing(text("shop-wbe")), Cause::PackageNotFound, "shop-wbe"),
        (GuestFault::ScriptletFails(text("shop-web")), Cause::ScriptletFailed, "shop-web"),
        (GuestFault::PostFails, Cause::PostFailed, "missing.conf"),
        (GuestFault::NeverReboots, Cause::NeverRebooted, "the installer is done"),
        (GuestFault::HangsAt(GuestStep::Packages), Cause::NeverRebooted, "pre-installation scripts"),
        (GuestFault::StopsAt(GuestStep::Packages), Cause::StoppedDuringInstall, "destroyed"),
        (GuestFault::CrashesAt(GuestStep::Storage), Cause::DomainCrashed, "Kernel panic"),
        (GuestFault::CrashesAt(GuestStep::FirstBoot), Cause::DomainCrashed, "crashed"),
        (GuestFault::NeverCallsFirstBoot, Cause::FirstBootNeverCalled, "login:"),
        (GuestFault::HangsAt(GuestStep::Handoff), Cause::HandoffFailed, "no Puppet report"),
        (GuestFault::PuppetSilent, Cause::HandoffFailed, "no Puppet report"),
        (GuestFault::PuppetFails, Cause::HandoffFailed, "File[/etc/shop.conf]"),
        (GuestFault::HangsAt(GuestStep::Serve), Cause::CheckFailed, "connection refused"),
    ];
    for (fault, cause, words) in table {
        let mut lab = Lab::new(1);
        lab.guest(&fault, Times::Always);
        lab.settle().await;
        let record = lab.record();
        assert_eq!(record.phase, Phase::Failed, "{fault:?}: {}", lab.note());
        let failure = record.failure.expect("a failure");
        assert_eq!(failure.cause, cause, "{fault:?}: {failure:?}");
        let all = format!("{}\n{}", failure.detail, failure.evidence.join("\n"));
        assert!(all.contains(words), "{fault:?}: `{words}` is not in {all}");
        assert!(lab.root().is_some() && lab.domain_state().is_some(), "{fault:?}: domain and disk are kept");
        assert_eq!(lab.host.phase(&name("web2")), Some(Phase::Ready), "{fault:?}: the other VM is not held up");
    }
}

#[tokio::test]
async fn a_fault_that_passes_costs_one_attempt_where_another_can_help() {
    let passing = [
        GuestFault::NeverFetches,
        GuestFault::PreFails,
        GuestFault::RepositoryUnreachable,
        GuestFault::ScriptletFails("shop-web".to_owned()),
        GuestFault::PostFails,
        GuestFault::NeverReboots,
        GuestFault::StopsAt(GuestStep::Post),
        GuestFault::CrashesAt(GuestStep::Packages),
        GuestFault::HangsAt(GuestStep::Storage),
        GuestFault::NeverCallsFirstBoot,
        GuestFault::PuppetFails,
    ];
    for fault in passing {
        let mut lab = Lab::new(3);
        lab.guest(&fault, Times::Next(1));
        lab.settle().await;
        lab.expect_all_ready();
        assert_eq!(lab.record().attempt, 2, "{fault:?}");
    }
}

#[tokio::test]
async fn what_would_fail_again_the_same_way_waits_for_a_person() {
    for fault in [GuestFault::KickstartRejected, GuestFault::DiskTooSmall, GuestFault::PackageMissing("x".to_owned())] {
        let mut lab = Lab::new(3);
        lab.guest(&fault, Times::Next(1));
        lab.settle().await;
        assert_eq!((lab.record().phase, lab.record().attempt), (Phase::Failed, 1), "{fault:?}");
        lab.ask(Request::Retry { vm: web1(), by: "test".to_owned() }).await;
        lab.settle().await;
        lab.expect_all_ready();
        assert_eq!(lab.record().attempt, 2, "{fault:?}");
    }
}

#[tokio::test]
async fn a_guest_that_calls_twice_is_one_guest() {
    let mut lab = Lab::new(1);
    lab.guest(&GuestFault::CallsTwice, Times::Always);
    lab.settle().await;
    lab.expect_all_ready();
    assert_eq!(lab.record().attempt, 1);
}

#[tokio::test]
async fn attempts_end_with_the_budget_and_the_last_failure_is_kept() {
    let mut lab = Lab::new(3);
    lab.guest(&GuestFault::PostFails, Times::Always);
    lab.settle().await;
    let record = lab.record();
    assert_eq!((record.phase, record.attempt, record.tries), (Phase::Failed, 3, 3));
    assert!(lab.note().contains("all 3 attempts are spent"), "{}", lab.note());
}

#[tokio::test]
async fn each_call_that_fails_once_is_tried_again_without_another_attempt() {
    for call in Call::ALL {
        for kind in [ErrorKind::Unreachable, ErrorKind::Conflict] {
            for how in [CallFault::Fails(kind), CallFault::TakesEffectThenFails(kind)] {
                let mut lab = Lab::new(1);
                lab.inject(Fault::Call { call, times: Times::Next(1), how });
                lab.settle_after(Duration::from_secs(30)).await;
                assert_eq!(lab.record().phase, Phase::Ready, "{call:?} {how:?}: {}", lab.note());
                assert_eq!(lab.record().attempt, 1, "{call:?} {how:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_call_that_is_refused_for_good_fails_the_attempt_with_its_cause() {
    let table = [
        (Call::CreateVolume, ErrorKind::NoSpace, Cause::OutOfSpace),
        (Call::CreateVolume, ErrorKind::Refused, Cause::HypervisorRefused),
        (Call::DefineDomain, ErrorKind::Refused, Cause::HypervisorRefused),
        (Call::StartDomain, ErrorKind::Refused, Cause::HypervisorRefused),
        (Call::StartDomain, ErrorKind::NoSpace, Cause::OutOfSpace),
    ];
    for (call, kind, cause) in table {
        let mut lab = Lab::new(1);
        lab.inject(Fault::Call { call, times: Times::Always, how: CallFault::Fails(kind) });
        lab.settle().await;
        let record = lab.record();
        assert_eq!(record.failure.map(|failure| failure.cause), Some(cause), "{call:?} {kind:?}: {}", lab.note());
    }
}

#[tokio::test]
async fn nothing_is_planned_while_libvirt_is_out_of_reach_and_all_goes_on_afterwards() {
    let mut lab = Lab::new(1);
    lab.inject(Fault::Unreachable { span: Duration::from_secs(120) });
    for _ in 0..119 {
        assert!(!lab.agent.wheel.turn().await, "an agent without a hypervisor has not settled");
        lab.host.pass_time(Duration::from_secs(1));
    }
    assert_eq!(lab.host.sim.state().domains.len(), 0);
    lab.settle().await;
    lab.expect_all_ready();
    // And in the middle of installs: the guests go on, and so does the agent afterwards.
    let mut lab = Lab::new(1);
    while lab.host.phase(&web1()) != Some(Phase::Installing) {
        lab.agent.wheel.turn().await;
        lab.host.pass_time(Duration::from_secs(1));
    }
    lab.inject(Fault::Unreachable { span: Duration::from_secs(60) });
    lab.settle().await;
    lab.expect_all_ready();
    assert_eq!(lab.record().attempt, 1);
}

#[tokio::test]
async fn a_full_pool_is_named_before_and_during_an_install() {
    let mut lab = Lab::new(1);
    lab.agent.wheel.turn().await;
    lab.inject(Fault::PoolFull { pool: "default".to_owned() });
    lab.settle().await;
    assert_eq!(lab.record().failure.map(|failure| failure.cause), Some(Cause::OutOfSpace));

    let mut lab = Lab::new(1);
    while lab.host.phase(&web1()) != Some(Phase::Installing) {
        lab.agent.wheel.turn().await;
        lab.host.pass_time(Duration::from_secs(1));
    }
    lab.inject(Fault::PoolFull { pool: "default".to_owned() });
    lab.settle().await;
    let failure = lab.record().failure.expect("a failure");
    assert_eq!(failure.cause, Cause::OutOfSpace);
    assert!(failure.detail.contains("I/O error"), "{failure:?}");
    // Room again, and somebody asks to try again.
    lab.host.sim.heal();
    lab.rebuild_all().await;
    lab.expect_all_ready();
}

#[tokio::test]
async fn a_ready_vm_that_was_switched_off_or_crashed_is_started_again() {
    for fault in [
        Fault::DomainStopped { domain: "web1".to_owned() },
        Fault::DomainCrashed { domain: "web1".to_owned() },
        Fault::HostRebooted,
    ] {
        let mut lab = Lab::ready().await;
        let (root, data) = (lab.root(), lab.data());
        lab.inject(fault.clone());
        lab.settle_after(Duration::from_secs(5)).await;
        lab.expect_all_ready();
        assert_eq!(lab.domain_state(), Some(DomainState::Running), "{fault:?}");
        assert_eq!((lab.root(), lab.data(), lab.record().attempt), (root, data, 1), "{fault:?}: nothing is made anew");
    }
}

#[tokio::test]
async fn a_ready_vm_whose_definition_is_gone_is_defined_again_on_its_disks() {
    for fault in [Fault::DomainUndefined { domain: "web1".to_owned() }, Fault::LibvirtWiped] {
        let mut lab = Lab::ready().await;
        let (root, data) = (lab.root(), lab.data());
        lab.inject(fault.clone());
        // A wiped libvirt tells no events: it is seen at the next look.
        lab.settle_after(Duration::from_secs(70)).await;
        lab.expect_all_ready();
        assert_eq!((lab.root(), lab.data(), lab.record().attempt), (root, data, 1), "{fault:?}: nothing is made anew");
    }
}

#[tokio::test]
async fn a_domain_of_somebody_else_in_the_place_of_ours_is_left_alone() {
    let mut lab = Lab::ready().await;
    lab.inject(Fault::DomainReplaced { domain: "web1".to_owned() });
    let theirs = lab.host.sim.state().domains.remove("web1");
    lab.settle_after(Duration::from_secs(70)).await;
    assert!(lab.note().contains("is not ours"), "{}", lab.note());
    // Not even with consent: that names our VM, not what is in its place.
    lab.rebuild_all().await;
    assert_eq!(lab.host.sim.state().domains.remove("web1"), theirs);
    assert!(lab.note().contains("is not ours"), "{}", lab.note());
    assert_eq!(lab.host.phase(&name("web2")), Some(Phase::Ready));
    lab.inject(Fault::DomainUndefined { domain: "web1".to_owned() });
    lab.settle_after(Duration::from_secs(70)).await;
    lab.expect_all_ready();
}

#[tokio::test]
async fn a_root_disk_that_vanished_is_named_and_comes_back_with_consent() {
    let mut lab = Lab::ready().await;
    let data = lab.data();
    lab.inject(Fault::VolumeVanished { pool: "default".to_owned(), volume: "web1-root.qcow2".to_owned() });
    lab.inject(Fault::DomainStopped { domain: "web1".to_owned() });
    lab.settle_after(Duration::from_secs(70)).await;
    assert_ne!(lab.record().phase, Phase::Ready);
    assert_eq!(lab.root(), None, "a disk of a VM that was in service is not made anew without consent");
    lab.rebuild_all().await;
    lab.expect_all_ready();
    assert_eq!(lab.data().map(|data| data.serial), data.map(|data| data.serial));
}

#[tokio::test]
async fn rebuild_all_makes_every_vm_anew_on_its_kept_data() {
    let mut lab = Lab::ready().await;
    let (root, data) = (lab.root().expect("a root disk"), lab.data());
    let addresses = |lab: &Lab| {
        let state = lab.host.sim.state();
        let nics = state.domains.values().filter_map(|domain| domain.ours()).map(|spec| (spec.uuid, spec.nics.clone()));
        nics.collect::<Vec<_>>()
    };
    let before = addresses(&lab);
    lab.rebuild_all().await;
    lab.expect_all_ready();
    assert_ne!(lab.root().expect("a root disk").serial, root.serial);
    assert_eq!(lab.data(), data);
    assert_eq!(addresses(&lab), before, "same UUIDs, MACs and networks");
}

/// Disaster recovery is a normal pass over an empty hypervisor.
#[tokio::test]
async fn rebuilds_without_end_keep_the_logs_of_the_last_ten_attempts() {
    let mut lab = Lab::ready().await;
    let kept = |lab: &Lab| {
        let home = lab.host.state_dir().join("vms/web1");
        let names = std::fs::read_dir(home).expect("logs").map(|entry| entry.expect("an entry").file_name());
        let number = |name: std::ffi::OsString| name.to_str()?.strip_prefix("attempt-")?.parse::<u32>().ok();
        let mut kept: Vec<u32> = names.filter_map(number).collect();
        kept.sort_unstable();
        kept
    };
    for _ in 2..=10 {
        lab.rebuild_all().await;
    }
    assert_eq!(kept(&lab), (1..=10).collect::<Vec<_>>(), "nothing goes before there are more than ten");
    lab.rebuild_all().await;
    lab.rebuild_all().await;
    lab.expect_all_ready();
    assert_eq!(kept(&lab), (3..=12).collect::<Vec<_>>());
    let events = |attempt| lab.host.store.events(&web1(), attempt).expect("the store").len();
    assert!(events(2) == 0 && events(3) > 0, "{} and {}", events(2), events(3));
    let timeline = lab.host.store.timeline(&web1()).expect("the store");
    assert!(timeline.iter().any(|entry| entry.attempt == 1), "the timeline stays");
}

#[tokio::test]
async fn an_empty_hypervisor_and_an_empty_store_are_rebuilt_by_one_apply() {
    let lab = Lab::ready().await;
    let mut new = Lab::new(3);
    new.settle().await;
    new.expect_all_ready();
    let domains = |lab: &Lab| {
        let state = lab.host.sim.state();
        state.domains.values().filter_map(|domain| domain.ours()).map(|d| (d.uuid, d.nics.clone())).collect::<Vec<_>>()
    };
    assert_eq!(domains(&new), domains(&lab), "the same site gives the same VMs");
}

#[tokio::test]
async fn an_empty_hypervisor_with_a_store_that_remembers_is_rebuilt_with_consent() {
    let mut lab = Lab::ready().await;
    lab.inject(Fault::HostReplaced);
    lab.settle_after(Duration::from_secs(70)).await;
    lab.rebuild_all().await;
    lab.expect_all_ready();
    assert_eq!(lab.host.sim.state().domains.len(), 2);
}

#[tokio::test]
async fn vms_that_the_store_has_lost_are_adopted_and_not_touched() {
    let lab = Lab::ready().await;
    let before = lab.host.sim.state();
    for vm in lab.spec.vms.keys() {
        lab.host.store.remove_record(vm).expect("the store");
    }
    let mut lab = lab;
    lab.restart();
    lab.settle().await;
    lab.expect_all_ready();
    assert_eq!(lab.host.sim.state(), before);
}

#[tokio::test]
async fn a_clock_that_jumps_ends_in_ready_vms() {
    for fault in
        [Fault::ClockJumps { span: Duration::from_secs(86_400) }, Fault::ClockFallsBack { span: Duration::from_secs(86_400) }]
    {
        let mut lab = Lab::new(3);
        while lab.host.phase(&web1()) != Some(Phase::Installing) {
            lab.agent.wheel.turn().await;
            lab.host.pass_time(Duration::from_secs(1));
        }
        lab.inject(fault.clone());
        let day = Duration::from_secs(86_400);
        match fault {
            Fault::ClockJumps { .. } => lab.host.clock.advance(day),
            _ => lab.host.clock.fall_back(day),
        }
        lab.restart();
        lab.settle().await;
        lab.expect_all_ready();
    }
}
