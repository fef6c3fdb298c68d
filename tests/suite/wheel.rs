//! The loop on the simulator: from a site to VMs that serve.

use std::sync::Arc;

use rekindle::observed::Phase;
use rekindle_tests::simhost::SimHost;
use rekindle_tests::specs::{SpecCase, id};

#[tokio::test]
async fn an_empty_hypervisor_brings_its_vm_to_ready_and_then_plans_nothing() {
    let host = SimHost::default();
    let spec = Arc::new(SpecCase::default().build());
    let mut agent = host.agent(&spec, None);
    let turns = host.settle(&mut agent, 2000).await;
    let snapshot = agent.handle.snapshot().expect("a snapshot");
    assert!(turns.is_some(), "not settled: {:?}", snapshot.vms);
    assert_eq!(host.phase(&id("web1")), Some(Phase::Ready), "{:?} {:?}", snapshot.vms, snapshot.notes);
}
