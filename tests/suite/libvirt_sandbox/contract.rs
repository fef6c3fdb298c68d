//! The contract of the hypervisor trait, held by a real libvirtd.

use rekindle::render::domain_xml;
use rekindle::spec::{DhcpRange, DomainType, Forward, NetworkKind, NetworkSpec};
use rekindle_tests::contract::{Ground, Runs, hypervisor_contract};
use rekindle_tests::sandbox::within;

use super::domains::define_foreign;
use super::networks::define_foreign as define_foreign_network;
use super::{libvirt, pool};

/// Also of use to the test driver.
pub(crate) fn network() -> NetworkSpec {
    NetworkSpec {
        name: "contract".parse().expect("a network name"),
        kind: NetworkKind::Libvirt {
            bridge: "virbr-c".parse().expect("an interface name"),
            forward: Forward::Isolated,
            dhcp: Some(DhcpRange { start: [192, 0, 2, 10].into(), end: [192, 0, 2, 20].into() }),
        },
        v4: Some("192.0.2.0/24".parse().expect("a range")),
        v6: None,
        gateway4: Some([192, 0, 2, 1].into()),
        gateway6: None,
        dns: vec![],
        domain: None,
        install_address: None,
    }
}

#[test]
fn libvirtd_keeps_the_contract() {
    within(|| {
        hypervisor_contract(&Ground {
            hypervisor: &libvirt(),
            pool: pool(),
            network: network(),
            logs: "/var/lib/rekindle".into(),
            domain_type: DomainType::Qemu,
            runs: Runs::Domains,
            xml: &domain_xml,
            add_foreign_domain: &|name| define_foreign(name, "11111111-2222-3333-4444-555555555555"),
            add_foreign_network: &define_foreign_network,
        });
    });
}
