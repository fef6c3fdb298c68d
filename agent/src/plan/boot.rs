//! The installer's kernel command line and the addresses at which guests reach the install listener.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};

use crate::spec::{
    Address4, Address6, Forward, HypervisorSpec, NetworkKind, NetworkSpec, OsSpec, Spec, Token, TreeLocation, VmSpec,
};

/// `http://ADDRESS:PORT` as guests on `network` reach the install listener; none where the site does not say.
pub fn install_base(network: &NetworkSpec, hypervisor: &HypervisorSpec, port: u16) -> Option<String> {
    let own_gateway = || match network.kind {
        NetworkKind::Libvirt { forward: Forward::Nat | Forward::Route | Forward::Isolated, .. } => {
            network.gateway4.map(IpAddr::from).or(network.gateway6.map(IpAddr::from))
        }
        NetworkKind::Bridge { .. } => None,
    };
    let address = network.install_address.or_else(own_gateway).or(hypervisor.install_address)?;
    Some(match address {
        IpAddr::V4(four) => format!("http://{four}:{port}"),
        IpAddr::V6(six) => format!("http://[{six}]:{port}"),
    })
}

/// The install tree's URL as a guest sees it.
pub(super) fn tree_url(os: &OsSpec, base: &str) -> String {
    match &os.tree {
        TreeLocation::Url(url) => url.as_str().trim_end_matches('/').to_owned(),
        TreeLocation::Directory(_) => format!("{base}/os/{}", os.name),
    }
}

/// The whole command line (dracut.cmdline(7), Anaconda's boot options).
pub(super) fn cmdline(spec: &Spec, vm: &VmSpec, os: &OsSpec, base: &str, token: &Token) -> String {
    // The serial console is logged; `inst.cmdline` makes every question an error instead of a prompt that nobody answers.
    let mut line = format!(
        "inst.ks={base}/ks/{} inst.ks.sendmac inst.repo={} inst.cmdline console=ttyS0,115200",
        token.reveal(),
        tree_url(os, base)
    );
    let nic = vm.install_nic();
    let _ = write!(line, " BOOTIF={}", nic.mac.bootif());
    if let Some(network) = spec.networks.get(&nic.network) {
        let _ = write!(line, " {}", ip_option(vm, network));
        let dns = if network.dns.is_empty() { &spec.site.dns } else { &network.dns };
        for server in dns {
            match server {
                IpAddr::V4(four) => _ = write!(line, " nameserver={four}"),
                IpAddr::V6(six) => _ = write!(line, " nameserver=[{six}]"),
            }
        }
    }
    for arg in &vm.kernel_args {
        let _ = write!(line, " {arg}");
    }
    line
}

/// dracut's `ip=` for the install NIC.
fn ip_option(vm: &VmSpec, network: &NetworkSpec) -> String {
    let nic = vm.install_nic();
    match (nic.v4, nic.v6) {
        (Address4::Static(address), _) => {
            let mask = network.v4.map_or(Ipv4Addr::BROADCAST, |range| range.mask());
            let gateway = network.gateway4.map(|g| g.to_string()).unwrap_or_default();
            format!("ip={address}::{gateway}:{mask}:{}::none", vm.fqdn)
        }
        (Address4::None, Address6::Static(address)) => {
            let prefix = network.v6.map_or(128, |range| range.prefix());
            let gateway = network.gateway6.map(|g| format!("[{g}]")).unwrap_or_default();
            format!("ip=[{address}]::{gateway}:{prefix}:{}::none", vm.fqdn)
        }
        (Address4::None, Address6::Auto) => "ip=auto6".to_owned(),
        (Address4::None, Address6::Dhcp) => "ip=dhcp6".to_owned(),
        _ => "ip=dhcp".to_owned(),
    }
}
