//! Mode `server` on the simulator: names are freed at the CA before a new system boots and before a VM is forgotten, whatever fails
//! and wherever the agent is killed. The CA's own book is what is looked at: each certificate that is not in use is revoked.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rekindle::observed::{Cause, Phase, Subject, VmRecord};
use rekindle::reconcile::Request;
use rekindle::spec::{Deadlines, PuppetMode, Spec, VmName};
use rekindle::world::sim::{CaCall, CaErrorKind, CaFault, GuestLogs, SimCa, SimConfig, Times};
use rekindle_tests::simhost::{SimAgent, SimHost};
use rekindle_tests::site::{disk, enrolled, name, puppet, site, vm};

/// Turns after which a host that has not settled never will.
const TURNS: u32 = 2000;

/// `web1`, `web2` with a Puppet server, and `plain` without Puppet; one install at a time.
fn three_vms(mode: PuppetMode) -> Spec {
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    let deadlines =
        Deadlines { kickstart: minutes(1), install: minutes(2), first_boot: minutes(1), handoff: minutes(2), checks: minutes(1) };
    let vms = ["web1", "web2", "plain"].map(|vm_name| {
        let mut vm = vm(vm_name);
        vm.disks.push(disk("data", true));
        vm.puppet = (vm_name != "plain").then(puppet);
        vm.deadlines = deadlines;
        vm
    });
    let mut spec = site(vms);
    spec.hypervisors.values_mut().for_each(|hypervisor| hypervisor.parallel_installs = 1);
    if mode == PuppetMode::Server { enrolled(spec) } else { spec }
}

struct Lab {
    host: SimHost,
    ca: Arc<SimCa>,
    spec: Arc<Spec>,
    agent: SimAgent,
}

impl Lab {
    fn new() -> Self {
        Self::on(host(), three_vms(PuppetMode::Server))
    }

    fn on(host: SimHost, spec: Spec) -> Self {
        let spec = Arc::new(spec);
        let agent = host.agent(&spec, None);
        Self { ca: host.sim.ca(), host, spec, agent }
    }

    /// A lab whose VMs are all ready.
    async fn ready() -> Self {
        let mut lab = Self::new();
        lab.settle().await;
        lab.expect_all_ready();
        lab
    }

    async fn settle(&mut self) {
        let turns = self.host.settle(&mut self.agent, TURNS).await;
        let snapshot = self.agent.handle.snapshot();
        assert!(turns.is_some(), "not settled: {:#?}", snapshot.map(|s| (s.vms.clone(), s.notes.clone())));
    }

    /// Turns until `wanted` holds.
    async fn until(&mut self, wanted: impl Fn(&Self) -> bool) {
        for _ in 0..TURNS {
            if wanted(self) {
                return;
            }
            self.agent.wheel.turn().await;
            self.host.pass_time(Duration::from_secs(1));
        }
        panic!("it never came: {:#?}", self.agent.handle.snapshot().map(|s| (s.vms.clone(), s.notes.clone())));
    }

    async fn ask(&mut self, request: Request) {
        let (answer, _) = tokio::join!(self.agent.handle.request(request), self.agent.wheel.turn());
        answer.expect("the wish is accepted");
    }

    async fn rebuild(&mut self, vms: &[&str]) {
        let vms = vms.iter().map(|vm| name(vm)).collect();
        self.ask(Request::Rebuild { vms, by: "test".to_owned() }).await;
    }

    fn record(&self, vm: &str) -> VmRecord {
        self.host.store.record(&name(vm)).expect("the store").expect("a record")
    }

    fn phase(&self, vm: &str) -> Option<Phase> {
        self.host.phase(&name(vm))
    }

    fn note(&self, vm: &str) -> String {
        let vm: VmName = name(vm);
        self.agent.handle.snapshot().and_then(|s| s.vms.get(&vm).map(|vm| vm.note.clone())).unwrap_or_default()
    }

    #[track_caller]
    fn expect_all_ready(&self) {
        for vm in self.spec.vms.keys() {
            assert_eq!(self.phase(vm.as_str()), Some(Phase::Ready), "{vm}: {}", self.note(vm.as_str()));
        }
        expect_clean_book(&self.ca, &[&self.host], &self.spec);
    }
}

/// Guests live twenty times faster.
fn host() -> SimHost {
    SimHost::new(SimConfig { speed: 20, logs: GuestLogs::None, ..SimConfig::default() })
}

/// Each VM has the certificate of its own last attempt, which is good; all others that were ever signed are revoked.
#[track_caller]
fn expect_clean_book(ca: &SimCa, hosts: &[&SimHost], spec: &Spec) {
    let held = ca.certificates();
    let mut in_use = BTreeMap::new();
    for host in hosts {
        for record in host.store.records().expect("the store").into_values() {
            let Some(vm) = spec.vms.get(&record.vm).filter(|vm| vm.puppet.is_some()) else { continue };
            let certificate = held.get(vm.fqdn.as_str()).unwrap_or_else(|| panic!("{} has no certificate", record.vm));
            assert_eq!(certificate.key, record.token.reveal(), "{} has the certificate of another attempt", record.vm);
            assert!(!ca.is_revoked(certificate.serial), "the certificate of {} is revoked", record.vm);
            in_use.insert(certificate.serial, record.vm.clone());
        }
    }
    assert_eq!(held.len(), in_use.len(), "the CA holds certificates that nobody uses: {held:?}");
    for serial in 1..=ca.signed() {
        assert!(in_use.contains_key(&serial) || ca.is_revoked(serial), "certificate {serial} is good and nobody's");
    }
}

#[tokio::test]
async fn a_rebuilt_vm_gets_a_certificate_for_its_new_key_under_the_same_name() {
    let mut lab = Lab::ready().await;
    let before = lab.ca.certificates();
    lab.rebuild(&["web1", "web2", "plain"]).await;
    lab.settle().await;
    lab.expect_all_ready();
    let after = lab.ca.certificates();
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>(), "the same names");
    assert!(before.iter().all(|(name, old)| after[name] != *old), "with other keys");
    assert_eq!(lab.ca.signed(), 4);
    assert_eq!(lab.record("web1").attempt, 2, "the first attempt after the consent is enough");
}

#[tokio::test]
async fn a_destroyed_vm_is_forgotten_when_its_name_is_free() {
    let mut lab = Lab::ready().await;
    let mut without = Spec::clone(&lab.spec);
    without.vms.remove("web1");
    lab = Lab { agent: lab.host.agent(&Arc::new(without), None), ..lab };
    lab.ca.set_down(true);
    lab.ask(Request::Destroy { vms: vec![name("web1")], by: "test".to_owned() }).await;
    lab.until(|lab| lab.note("web1").starts_with("waiting for the CA, 0 ahead: ")).await;
    assert!(!lab.host.sim.state().domains.contains_key("web1"), "its domain does not wait for the CA");
    lab.ca.heal();
    lab.until(|lab| lab.phase("web1").is_none()).await;
    lab.settle().await;
    assert!(!lab.ca.certificates().contains_key("web1.example.com"));
    assert!(lab.ca.is_revoked(1) || lab.ca.is_revoked(2));
    let mut left = Spec::clone(&lab.spec);
    left.vms.remove("web1");
    expect_clean_book(&lab.ca, &[&lab.host], &left);
}

#[tokio::test]
async fn without_a_puppet_server_no_ca_is_asked() {
    let mut lab = Lab::on(host(), three_vms(PuppetMode::Apply));
    lab.ca.set_down(true);
    lab.settle().await;
    lab.rebuild(&["web1", "web2", "plain"]).await;
    lab.settle().await;
    for vm in ["web1", "web2", "plain"] {
        assert_eq!(lab.phase(vm), Some(Phase::Ready));
        assert!(lab.record(vm).certnames.is_empty());
    }
    let snapshot = lab.agent.handle.snapshot().expect("a snapshot");
    assert!(!snapshot.observed.errors.contains_key(&Subject::Ca) && snapshot.notes.is_empty(), "{:?}", snapshot.notes);
}

#[tokio::test]
async fn while_the_ca_is_down_only_vms_that_need_it_wait_and_say_so() {
    let mut lab = Lab::ready().await;
    lab.ca.set_down(true);
    lab.rebuild(&["web1", "web2"]).await;
    lab.until(|lab| lab.phase("web1") == Some(Phase::Installed) && lab.phase("web2") == Some(Phase::Installed)).await;
    // Neither of them takes the one place for installs while it waits.
    lab.rebuild(&["plain"]).await;
    lab.until(|lab| lab.phase("plain") == Some(Phase::Ready) && lab.record("plain").attempt == 2).await;
    let notes = [lab.note("web1"), lab.note("web2")];
    for (ahead, note) in notes.iter().enumerate() {
        assert!(note.starts_with(&format!("waiting for the CA, {ahead} ahead: the CA at ")), "{notes:?}");
        assert!(note.contains("cannot be reached"), "{notes:?}");
    }
    assert_eq!(lab.phase("web1"), Some(Phase::Installed), "it waits for as long as it takes");
    lab.ca.heal();
    lab.settle().await;
    lab.expect_all_ready();
    assert_eq!((lab.record("web1").attempt, lab.record("web2").attempt), (2, 2), "no attempt was lost");
}

#[tokio::test]
async fn every_error_of_every_call_is_recovered_from_without_another_attempt() {
    for call in CaCall::ALL {
        for kind in CaErrorKind::ALL {
            for takes_effect in [false, true] {
                let mut lab = Lab::ready().await;
                lab.ca.inject(CaFault { call, certname: None, times: Times::Next(1), kind, takes_effect });
                lab.rebuild(&["web1", "web2"]).await;
                // One that only a person can mend settles; somebody mends it.
                for _ in 0..200 {
                    lab.agent.wheel.turn().await;
                    lab.host.pass_time(Duration::from_secs(1));
                }
                lab.settle().await;
                lab.expect_all_ready();
                assert_eq!((lab.record("web1").attempt, lab.record("web2").attempt), (2, 2), "{call:?} {kind:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_name_that_the_ca_would_not_free_holds_up_nobody_else() {
    let mut lab = Lab::ready().await;
    let certname = Some("web1.example.com".to_owned());
    let fault = CaFault { call: CaCall::Revoke, certname, times: Times::Always, kind: CaErrorKind::Refused, takes_effect: false };
    lab.ca.inject(fault);
    lab.rebuild(&["web1", "web2"]).await;
    lab.until(|lab| lab.phase("web2") == Some(Phase::Ready) && lab.record("web2").attempt == 2).await;
    lab.until(|lab| lab.note("web1").contains("injected fault")).await;
    assert!(lab.note("web1").starts_with("waiting for the CA: "), "{}", lab.note("web1"));
    lab.ca.heal();
    lab.until(|lab| lab.phase("web1") == Some(Phase::Ready)).await;
    lab.settle().await;
    lab.expect_all_ready();
}

#[tokio::test]
async fn somebody_elses_pending_request_is_deleted_before_the_vm_needs_its_name() {
    let mut lab = Lab::new();
    lab.ca.leave_request("web1.example.com");
    lab.settle().await;
    lab.expect_all_ready();
    assert_eq!(lab.record("web1").attempt, 1);
}

#[tokio::test]
async fn a_request_that_stays_unsigned_is_deleted_so_that_the_vm_can_make_another() {
    let mut lab = Lab::new();
    lab.ca.refuse_to_sign(true);
    lab.until(|lab| lab.note("web1").contains("is with the CA and not signed")).await;
    lab.ca.heal();
    lab.settle().await;
    lab.expect_all_ready();
    assert_eq!(lab.record("web1").attempt, 1, "within the same attempt");
}

#[tokio::test]
async fn a_vm_without_a_certificate_fails_at_its_deadline_with_the_reason() {
    for (break_it, cause) in [
        (SimCa::refuse_to_sign as fn(&SimCa, bool), Cause::CertificatePending),
        (SimCa::set_down as fn(&SimCa, bool), Cause::PuppetUnreachable),
    ] {
        let mut lab = Lab::new();
        lab.until(|lab| lab.phase("web1") == Some(Phase::Booting)).await;
        break_it(&lab.ca, true);
        lab.until(|lab| lab.record("web1").failure.is_some()).await;
        let failure = lab.record("web1").failure.expect("a failure");
        assert_eq!(failure.cause, cause, "{failure:?}");
        lab.ca.heal();
        lab.settle().await;
        lab.expect_all_ready();
    }
}

/// The agent is killed before each of its effects in turn; another goes on from what the CA says.
#[tokio::test]
async fn an_agent_killed_between_any_two_effects_of_a_rebuild_leaves_no_good_certificate_behind() {
    let mut deaths = 0;
    for effects in 0.. {
        let mut lab = Lab::ready().await;
        lab.rebuild(&["web1", "web2"]).await;
        let mut first = lab.host.agent(&lab.spec, Some(effects));
        let mut settled = false;
        while !settled && !first.is_dead() {
            settled = first.wheel.turn().await;
            lab.host.pass_time(Duration::from_secs(1));
        }
        if settled {
            break;
        }
        deaths += 1;
        lab.agent = lab.host.agent(&lab.spec, None);
        lab.settle().await;
        lab.expect_all_ready();
        assert_eq!(lab.record("web1").attempt, 2, "killed before effect {}", effects + 1);
    }
    assert!(deaths > 20, "only {deaths} places to be killed at");
}

/// Two hypervisors, one CA: each cleans its own names, at the same time.
#[tokio::test]
async fn agents_that_share_a_ca_do_not_get_in_each_others_way() {
    let shared = Arc::new(SimCa::default());
    let lab_with = |names: [&str; 2]| {
        let mut host = host();
        host.ca = Arc::clone(&shared) as _;
        host.sim.connect_ca(Arc::clone(&shared) as _);
        let vms = names.map(|vm_name| {
            let mut vm = vm(vm_name);
            vm.puppet = Some(puppet());
            vm
        });
        Lab { ca: Arc::clone(&shared), ..Lab::on(host, enrolled(site(vms))) }
    };
    let (mut one, mut two) = (lab_with(["web1", "web2"]), lab_with(["app1", "app2"]));
    one.settle().await;
    two.settle().await;
    let locked = |times| CaFault { call: CaCall::Revoke, certname: None, times, kind: CaErrorKind::Locked, takes_effect: false };
    shared.inject(locked(Times::Next(5)));
    one.rebuild(&["web1", "web2"]).await;
    two.rebuild(&["app1", "app2"]).await;
    for _ in 0..TURNS {
        let settled = [one.agent.wheel.turn().await, two.agent.wheel.turn().await];
        if settled == [true, true] {
            break;
        }
        one.host.pass_time(Duration::from_secs(1));
        two.host.pass_time(Duration::from_secs(1));
    }
    let mut all = Spec::clone(&one.spec);
    all.vms.extend(two.spec.vms.clone());
    for (lab, vms) in [(&one, ["web1", "web2"]), (&two, ["app1", "app2"])] {
        for vm in vms {
            assert_eq!((lab.phase(vm), lab.record(vm).attempt), (Some(Phase::Ready), 2), "{vm}: {}", lab.note(vm));
        }
    }
    expect_clean_book(&shared, &[&one.host, &two.host], &all);
    assert_eq!(shared.signed(), 8);
}
