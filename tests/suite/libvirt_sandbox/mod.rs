//! [`Libvirt`] against a real libvirtd, each test in a sandbox of its own.

mod contract;
mod daemon;
mod domains;
mod guest;
mod networks;
mod pools;

use std::process::Command;
use std::time::{Duration, Instant};

use rekindle::observed::{ObservedDomain, ObservedHost};
use rekindle::render::domain_xml;
use rekindle::spec::{Boot, DomainDisk, DomainSpec, DomainType, Firmware, Owner, PoolSpec, VmName, VolumeSpec};
use rekindle::world::{Change, Hypervisor, HypervisorError, Libvirt};
use rekindle_tests::sandbox::URI;
use uuid::Uuid;

pub(crate) use contract::network as contract_network;

/// For waits that must end.
const PATIENCE: Duration = Duration::from_secs(60);

fn libvirt() -> Libvirt {
    Libvirt::new(URI)
}

fn pool() -> PoolSpec {
    PoolSpec { name: "vms".parse().expect("pool name"), path: "/var/lib/libvirt/images/vms".into() }
}

fn volume(name: &str, mib: u64) -> VolumeSpec {
    VolumeSpec { pool: pool().name, name: name.to_owned(), capacity_bytes: mib << 20, keep: false }
}

fn vm(name: &str) -> VmName {
    name.parse().expect("VM name")
}

fn uuid_of(name: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_DNS, name.as_bytes())
}

/// A small domain without a system on its disk.
fn domain(name: &str) -> DomainSpec {
    DomainSpec {
        name: vm(name),
        uuid: uuid_of(name),
        title: format!("{name}: a test's"),
        domain_type: DomainType::Qemu,
        firmware: Firmware::Bios,
        vcpus: 1,
        memory_mib: 64,
        boot: Boot::Disk,
        disks: vec![DomainDisk {
            pool: pool().name,
            volume: format!("{name}-root.qcow2"),
            target: "vda".to_owned(),
            serial: "root".to_owned(),
        }],
        nics: Vec::new(),
        console_log: format!("/var/lib/rekindle/{name}-console.log").into(),
        installer_log: None,
        osinfo: None,
        owner: Owner { site: "lab".to_owned(), vm: vm(name), attempt: 1, installing: false, digest: "d1".to_owned() },
    }
}

/// Pool, root volume and definition of [`domain`].
fn make(libvirt: &Libvirt, domain: &DomainSpec) {
    libvirt.ensure_pool(&pool()).expect("pool");
    for disk in &domain.disks {
        libvirt.create_volume(&volume(&disk.volume, 64)).expect("volume");
    }
    assert_eq!(define(libvirt, domain), Change::Changed);
}

#[track_caller]
fn define(libvirt: &Libvirt, domain: &DomainSpec) -> Change {
    libvirt.define_domain(domain, &domain_xml(domain)).expect("defined")
}

#[track_caller]
fn observe(libvirt: &Libvirt) -> ObservedHost {
    libvirt.observe().expect("observed")
}

#[track_caller]
fn observed(libvirt: &Libvirt, name: &str) -> ObservedDomain {
    observe(libvirt).domains.remove(name).unwrap_or_else(|| panic!("no domain `{name}`"))
}

#[track_caller]
fn assert_conflict<T: std::fmt::Debug>(answer: &Result<T, HypervisorError>) {
    assert!(matches!(answer, Err(HypervisorError::Conflict { .. })), "{answer:?}");
}

/// Runs a command of the machine and returns what it prints.
#[track_caller]
fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().expect("the program starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{program} {arguments:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

/// Waits until `condition` gives something.
#[track_caller]
fn until<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
