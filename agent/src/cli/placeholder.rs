//! What a VM would be given, with placeholders for what is chosen for each attempt: the install token and the boot files.

use camino::Utf8PathBuf;

use crate::plan::{domain_spec, domain_uuid, install_base};
use crate::render::{Enrolment, InstallUrls};
use crate::spec::{Boot, DomainSpec, DomainType, Spec, Token, VmSpec};

/// The port of the install listener unless the agent's configuration names another.
const INSTALL_PORT: u16 = 8470;

/// The state directory unless it names another.
const STATE_DIR: &str = "/var/lib/rekindle";

/// The URLs of an install whose tokens are all zeros; or why guests could not reach the install listener.
pub(crate) fn urls(spec: &Spec, vm: &VmSpec) -> Result<InstallUrls, String> {
    let network = spec.networks.get(&vm.install_nic().network);
    let hypervisor = spec.hypervisors.get(&vm.hypervisor);
    let base = network.zip(hypervisor).and_then(|(network, hypervisor)| install_base(network, hypervisor, INSTALL_PORT));
    let base = base.ok_or_else(|| {
        format!(
            "VM `{}`: guests on network `{}` have no address at which they reach the install listener; set `install_address` \
             in networks/{}.toml or hypervisors/{}.toml",
            vm.name,
            vm.install_nic().network,
            vm.install_nic().network,
            vm.hypervisor
        )
    })?;
    Ok(InstallUrls { base, token: Token::new([0; 16]), enrolment: enrolment(spec, vm) })
}

/// The VM's identity for a Puppet CA, with a token that no CA takes.
fn enrolment(spec: &Spec, vm: &VmSpec) -> Option<Enrolment> {
    let token = format!("rk1.0.0.{}", "0".repeat(64)).parse().ok()?;
    Some(Enrolment { token, instance_id: domain_uuid(&spec.site.name, &vm.name).to_string() })
}

/// The domain of a VM once it is installed, of the type that the site names (else `kvm`).
pub(crate) fn domain(spec: &Spec, vm: &VmSpec) -> DomainSpec {
    let domain_type = spec.hypervisors.get(&vm.hypervisor).and_then(|hypervisor| hypervisor.domain_type);
    let state_dir = Utf8PathBuf::from(STATE_DIR);
    domain_spec(spec, vm, domain_type.unwrap_or(DomainType::Kvm), Boot::Disk, 1, &state_dir)
}
