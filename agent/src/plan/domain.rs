//! From a VM to its domain, with every choice made.

use camino::Utf8PathBuf;
use uuid::Uuid;

use super::digest;
use crate::spec::{
    Boot, DomainDisk, DomainNic, DomainSpec, DomainType, NetworkKind, NicSource, Owner, Spec, VmName, VmSpec, VolumeSpec,
};

/// The namespace of our domains' UUIDs; made once, at random.
const NAMESPACE: Uuid = Uuid::from_u128(0x8f2b_6a0e_33c1_4b57_9d64_1f1e_5ac0_77d2);

/// The UUID of a VM's domain: a function of site and VM, so that a rebuild from nothing gives the same one.
pub fn domain_uuid(site: &str, vm: &VmName) -> Uuid {
    Uuid::new_v5(&NAMESPACE, format!("{site}/{vm}").as_bytes())
}

/// The directory of an attempt's logs.
pub(super) fn attempt_dir(state_dir: &Utf8PathBuf, vm: &VmName, attempt: u32) -> Utf8PathBuf {
    state_dir.join("vms").join(vm.as_str()).join(format!("attempt-{attempt}"))
}

/// The domain of `vm` for `attempt`.
pub fn domain_spec(
    spec: &Spec,
    vm: &VmSpec,
    domain_type: DomainType,
    boot: Boot,
    attempt: u32,
    state_dir: &Utf8PathBuf,
) -> DomainSpec {
    let logs = attempt_dir(state_dir, &vm.name, attempt);
    let installing = matches!(boot, Boot::Install { .. });
    let disks = vm.disks.iter().zip('a'..='z').map(|(disk, letter)| {
        let volume = VolumeSpec::of(&vm.name, disk);
        DomainDisk { pool: volume.pool, volume: volume.name, target: format!("vd{letter}"), serial: disk.name.to_string() }
    });
    let nics = vm.nics.iter().map(|nic| DomainNic {
        mac: nic.mac,
        source: match spec.networks.get(&nic.network).map(|network| &network.kind) {
            Some(NetworkKind::Bridge { bridge }) => NicSource::Bridge(bridge.clone()),
            _ => NicSource::Network(nic.network.clone()),
        },
    });
    let mut domain = DomainSpec {
        name: vm.name.clone(),
        uuid: domain_uuid(&spec.site.name, &vm.name),
        title: format!("{} ({}, {})", vm.fqdn, vm.role, vm.stage),
        domain_type,
        firmware: vm.firmware,
        vcpus: vm.vcpus,
        memory_mib: vm.memory_mib,
        boot,
        disks: disks.collect(),
        nics: nics.collect(),
        console_log: logs.join("console.log"),
        installer_log: installing.then(|| logs.join("installer.log")),
        osinfo: spec.oses.get(&vm.os).and_then(|os| os.osinfo.clone()),
        owner: Owner { site: spec.site.name.clone(), vm: vm.name.clone(), attempt, installing, digest: String::new() },
    };
    domain.owner.digest = digest::domain_digest(&domain);
    domain
}
