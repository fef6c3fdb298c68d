//! The contract of the hypervisor trait on libvirt's own test driver: the C library and its XML without a daemon, on any machine.

use camino::Utf8PathBuf;
use rekindle::render::domain_xml;
use rekindle::spec::{DomainSpec, DomainType, PoolSpec};
use rekindle::world::Libvirt;
use rekindle_tests::contract::{Ground, Runs, hypervisor_contract};
use virt::connect::Connect;

/// One hypervisor for the whole process, gone with its last connection.
const URI: &str = "test:///default";

/// The test driver takes domains of its own type only.
fn test_xml(domain: &DomainSpec) -> String {
    domain_xml(domain).replacen("<domain type=\"qemu\">", "<domain type=\"test\">", 1)
}

#[test]
fn libvirts_test_driver_keeps_the_contract() {
    rekindle::world::load_libvirt().expect("libvirt");
    let others = Connect::open(Some(URI)).expect("the test driver");
    let logs = tempfile::tempdir().expect("a directory");
    let logs = Utf8PathBuf::from_path_buf(logs.path().to_owned()).expect("a UTF-8 path");
    hypervisor_contract(&Ground {
        hypervisor: &Libvirt::new(URI),
        pool: PoolSpec { name: "contract".parse().expect("a pool name"), path: "/pools/contract".into() },
        network: super::libvirt_sandbox::contract_network(),
        logs: &logs,
        domain_type: DomainType::Qemu,
        runs: Runs::Nothing,
        xml: &test_xml,
        add_foreign_domain: &|name| {
            let xml = format!(
                "<domain type='test'><name>{name}</name><memory unit='MiB'>32</memory><os><type>hvm</type></os></domain>"
            );
            others.define_domain_xml(&xml).expect("defined");
        },
        add_foreign_network: &|name| {
            let xml = format!("<network><name>{name}</name><bridge name='foreign0'/></network>");
            others.define_network_xml(&xml).expect("defined");
        },
    });
}
