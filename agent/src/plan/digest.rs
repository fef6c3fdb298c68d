//! Digests of what is asked for, to see later that the site asks for something else.

use sha2::{Digest, Sha256};

use crate::spec::{DomainSpec, NetworkSpec, NicSpec, Spec, VmName, VmSpec};

/// What an install depends on; a difference means that a rebuild would give another VM.
pub(super) fn install_digest(spec: &Spec, vm: &VmSpec) -> String {
    let os = spec.oses.get(&vm.os);
    let networks: Vec<_> = vm.nics.iter().map(|nic| spec.networks.get(&nic.network)).collect();
    let VmSpec { template, fqdn, disks, nics, firmware, repos, packages, services, kernel_args, puppet, .. } = vm;
    digest(&format!(
        "{:?}",
        (os, networks, template, fqdn, disks, nics, firmware, repos, packages, services, kernel_args, puppet.is_some())
    ))
}

/// What a definition says, its boot part and our mark aside.
pub(super) fn domain_digest(domain: &DomainSpec) -> String {
    let DomainSpec { name, uuid, title, domain_type, firmware, vcpus, memory_mib, disks, nics, osinfo, .. } = domain;
    digest(&format!("{:?}", (name, uuid, title, domain_type, firmware, vcpus, memory_mib, disks, nics, osinfo)))
}

/// A libvirt network and its DHCP entries.
pub(super) fn network_digest(network: &NetworkSpec, hosts: &[(VmName, NicSpec)]) -> String {
    digest(&format!("{:?}", (network, hosts)))
}

/// 128 bits of SHA-256 in hexadecimal.
fn digest(text: &str) -> String {
    use std::fmt::Write as _;
    Sha256::digest(text.as_bytes()).iter().take(16).fold(String::with_capacity(32), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
