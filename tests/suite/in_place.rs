//! Updates in place on the simulator: the agent hears of them, runs the checks at once, and remembers across its own restarts.

use std::sync::Arc;
use std::time::Duration;

use rekindle::observed::{Arrival, CheckResult, InstalledPackage};
use rekindle::reconcile::{Denied, Request, system_credential};
use rekindle::spec::Spec;
use rekindle::world::Clock as _;
use rekindle_tests::simhost::{SimAgent, SimHost};
use rekindle_tests::site::{name, site, vm};

/// Turns after which a host that has not settled never will.
const TURNS: u32 = 1000;

fn package(version: &str) -> InstalledPackage {
    let (evr, arch) = (format!("{version}-1"), "noarch".to_owned());
    InstalledPackage { name: "shop-web".to_owned(), evr, arch, sha256_header: Some(format!("header-{version}")) }
}

/// `web1` as the last pass saw it.
fn checks(agent: &SimAgent) -> Vec<CheckResult> {
    agent.handle.snapshot().expect("a snapshot").observed.vms["web1"].checks.clone()
}

fn update(host: &SimHost, agent: &SimAgent, version: &str) -> Result<(), Denied> {
    let record = host.store.record(&name("web1")).expect("the store").expect("a record");
    let credential = system_credential(&record.token);
    agent.handle.desk().report_packages("web1", &credential, vec![package(version)]).map(drop)
}

async fn ready() -> (SimHost, Arc<Spec>, SimAgent) {
    let (host, spec) = (SimHost::default(), Arc::new(site([vm("web1")])));
    let mut agent = host.agent(&spec, None);
    host.settle(&mut agent, TURNS).await.expect("it becomes ready");
    (host, spec, agent)
}

#[tokio::test]
async fn checks_are_run_at_once_when_a_vm_was_updated_in_place_and_not_again_for_the_same_list() {
    let (host, _, mut agent) = ready().await;
    host.pass_time(Duration::from_secs(1));
    agent.wheel.turn().await;
    let before = checks(&agent);
    update(&host, &agent, "2").expect("it is heard");
    let told = host.clock.now();
    // One turn runs them, the next sees what they have found; the interval has not passed by far.
    agent.wheel.turn().await;
    agent.wheel.turn().await;
    let after = checks(&agent);
    assert!(before.iter().all(|check| check.began() < told) && after.iter().all(|check| check.began() >= told), "{after:?}");
    host.pass_time(Duration::from_secs(5));
    update(&host, &agent, "2").expect("it is heard again");
    agent.wheel.turn().await;
    agent.wheel.turn().await;
    assert_eq!(checks(&agent), after, "the same list is no news");
}

#[tokio::test]
async fn what_a_vm_was_updated_to_is_known_after_a_restart_and_forgotten_with_a_rebuild() {
    let (host, spec, agent) = ready().await;
    host.pass_time(Duration::from_secs(60));
    update(&host, &agent, "2").expect("it is heard");
    let told = host.clock.now();
    let old = host.store.record(&name("web1")).expect("the store").expect("a record").token;
    drop(agent);
    let mut agent = host.agent(&spec, None);
    agent.wheel.turn().await;
    let snapshot = agent.handle.snapshot().expect("a snapshot");
    let running = snapshot.observed.vms["web1"].running();
    let said: Vec<_> = running.iter().map(|runs| (runs.package.evr.as_str(), runs.since, runs.arrival)).collect();
    assert_eq!(said, [("2-1", told, Arrival::Updated)]);

    let request = agent.handle.request(Request::Rebuild { vms: vec![name("web1")], by: "test".to_owned() });
    let (answer, _) = tokio::join!(request, agent.wheel.turn());
    answer.expect("it is rebuilt");
    host.settle(&mut agent, TURNS).await.expect("it is ready again");
    let late = agent.handle.desk().report_packages("web1", &system_credential(&old), vec![package("3")]);
    assert_eq!(late, Err(Denied::UnknownToken), "the system that is gone is not heard");
    let snapshot = agent.handle.snapshot().expect("a snapshot");
    let running = snapshot.observed.vms["web1"].running();
    assert!(running.iter().all(|runs| runs.arrival == Arrival::Installed), "{running:?}");
}
