//! The simulator under the contract of the hypervisor trait.

use std::sync::Arc;

use camino::Utf8PathBuf;
use rekindle::observed::DomainState;
use rekindle::render::domain_xml;
use rekindle::spec::{DhcpRange, DomainType, Forward, NetworkKind, NetworkSpec, PoolSpec, Timestamp};
use rekindle::world::ManualClock;
use rekindle::world::sim::{SimConfig, SimHypervisor};
use rekindle_tests::contract::{Ground, Runs, hypervisor_contract};
use uuid::Uuid;

fn network() -> NetworkSpec {
    NetworkSpec {
        name: "contract".parse().expect("a network name"),
        kind: NetworkKind::Libvirt {
            bridge: "virbr-c".parse().expect("an interface name"),
            forward: Forward::Isolated,
            dhcp: Some(DhcpRange { start: [10, 91, 0, 10].into(), end: [10, 91, 0, 20].into() }),
        },
        v4: Some("10.91.0.0/24".parse().expect("a range")),
        v6: None,
        gateway4: Some([10, 91, 0, 1].into()),
        gateway6: None,
        dns: vec![],
        domain: None,
        install_address: None,
    }
}

#[test]
fn the_simulator_keeps_the_contract() {
    let sim = SimHypervisor::new(SimConfig::default(), Arc::new(ManualClock::at(Timestamp(1_000_000))));
    let logs = tempfile::tempdir().expect("a directory");
    let logs = Utf8PathBuf::from_path_buf(logs.path().to_owned()).expect("a UTF-8 path");
    hypervisor_contract(&Ground {
        hypervisor: &sim,
        pool: PoolSpec { name: "contract".parse().expect("a pool name"), path: "/pools/contract".into() },
        network: network(),
        logs: &logs,
        domain_type: DomainType::Qemu,
        runs: Runs::Domains,
        xml: &domain_xml,
        add_foreign_domain: &|name| sim.add_foreign_domain(name, Uuid::from_u128(99), DomainState::ShutOff, 512, &[]),
        add_foreign_network: &|name| sim.add_foreign_network(name),
    });
    let left = sim.state();
    let ours: Vec<&String> = left.domains.iter().filter(|(_, domain)| domain.ours().is_some()).map(|(name, _)| name).collect();
    assert!(ours.is_empty(), "the contract leaves {ours:?} behind");
}
