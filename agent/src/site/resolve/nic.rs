//! A VM's NICs: which network, which addresses, which MAC.

use std::net::IpAddr;

use ipnetwork::{Ipv4Network, Ipv6Network};
use sha2::{Digest, Sha256};

use super::Known;
use super::network::unusable4;
use super::refer::{NETWORK, look_up};
use crate::site::excerpt::quote;
use crate::site::file::{Address4Word, Address6Word, NicFile, VmFile};
use crate::site::problems::{At, Key, Problem, Problems};
use crate::spec::{Address4, Address6, HypervisorSpec, MacAddr, NetworkKind, NetworkName, NetworkSpec, NicSpec, VmName};

/// A NIC's network: its own, else for the first NIC the role's, the stage's, or the only one there is.
struct Fallback<'a> {
    role: &'a Key<NetworkName>,
    stage: &'a Key<NetworkName>,
}

/// Resolves the NICs of `file`; `role` and `stage` are the networks that its role and stage name.
pub(super) fn resolve(
    name: &VmName,
    file: &VmFile,
    role: &Key<NetworkName>,
    stage: &Key<NetworkName>,
    hypervisor: Option<&HypervisorSpec>,
    known: &Known<'_>,
) -> Option<Vec<NicSpec>> {
    let fallback = Fallback { role, stage };
    let nics: Vec<Option<NicSpec>> =
        file.nics.iter().enumerate().map(|(index, nic)| resolve_nic(name, index, nic, &fallback, hypervisor, known)).collect();
    nics.into_iter().collect()
}

fn resolve_nic(
    vm: &VmName,
    index: usize,
    file: &NicFile,
    fallback: &Fallback<'_>,
    hypervisor: Option<&HypervisorSpec>,
    known: &Known<'_>,
) -> Option<NicSpec> {
    let problems = known.problems;
    let network = network_of(vm, index, file, fallback, known)?;
    let (v4, v6) = addresses(&file.address, &file.address6);
    // A network with mistakes of its own has been reported: nothing can be said about addresses on it.
    let spec = known.networks.get(&network)?.as_ref()?;
    report_alien_families(&file.address, &file.address6, spec.v4, spec.v6, true, problems);
    check_fixed(file, spec, problems);
    if let Some(hypervisor) = hypervisor
        && !hypervisor.networks.is_empty()
        && !hypervisor.networks.contains(&network)
    {
        let place = file.network.get().map_or_else(|| file.place.clone(), |at| at.span.into());
        let message = format!("VM `{vm}` is on network `{network}`, which hypervisor `{}` does not carry", hypervisor.name);
        let help = format!("add `{network}` to `networks` in hypervisors/{}.toml, or move the VM", hypervisor.name);
        problems.push(Problem::new(place, message).help(help));
    }
    let v4 = match (v4, &file.address) {
        (Address4::None, Key::Absent) => default4(vm, file, spec, v6, problems)?,
        (_, Key::Bad) => return None,
        (v4, _) => v4,
    };
    if index == 0
        && let Some(hypervisor) = hypervisor
    {
        check_install_address(vm, file, spec, v4, v6, hypervisor, problems);
    }
    let mac = match &file.mac {
        Key::Given(at) => at.value,
        Key::Bad => return None,
        Key::Absent => default_mac(known.site_name?, vm, index),
    };
    Some(NicSpec { network, mac, v4, v6 })
}

fn network_of(vm: &VmName, index: usize, file: &NicFile, fallback: &Fallback<'_>, known: &Known<'_>) -> Option<NetworkName> {
    let problems = known.problems;
    let own = if index == 0 { file.network.or(fallback.role).or(fallback.stage) } else { &file.network };
    match own {
        Key::Given(at) => look_up(NETWORK, &known.files.networks, at, problems).map(|_| at.value.clone()),
        Key::Bad => None,
        Key::Absent => {
            let mut all = known.files.networks.keys();
            if let (0, Some(only), None) = (index, all.next(), all.next()) {
                return Some(only.clone());
            }
            if !problems.is_incomplete(NETWORK.home) {
                let problem = Problem::new(file.place.clone(), format!("VM `{vm}` has no network for its NIC {index}"));
                let help = if index == 0 {
                    "add `network = \"…\"` to the VM, its role or its stage"
                } else {
                    "add `network = \"…\"` to this `[[nics]]`"
                };
                problems.push(problem.help(help));
            }
            None
        }
    }
}

/// The addresses as written; a wrong or absent one is `None`.
pub(super) fn addresses(address: &Key<Address4Word>, address6: &Key<Address6Word>) -> (Address4, Address6) {
    let v4 = match address.value() {
        None => Address4::None,
        Some(Address4Word::Dhcp) => Address4::Dhcp,
        Some(Address4Word::Fixed(four)) => Address4::Static(*four),
    };
    let v6 = match address6.value() {
        None => Address6::None,
        Some(Address6Word::Auto) => Address6::Auto,
        Some(Address6Word::Dhcp) => Address6::Dhcp,
        Some(Address6Word::Fixed(six)) => Address6::Static(*six),
    };
    (v4, v6)
}

/// Reports fixed addresses without a network whose range holds them.
pub(super) fn report_alien_families(
    address: &Key<Address4Word>,
    address6: &Key<Address6Word>,
    range: Option<Ipv4Network>,
    range6: Option<Ipv6Network>,
    has_network: bool,
    problems: &Problems,
) {
    let missing = |key: &str| {
        if has_network { format!("the network has no `{key}`") } else { "no network gives it a range".to_owned() }
    };
    if let Some(At { value: Address4Word::Fixed(four), span }) = address.get() {
        match range {
            None => problems.push(Problem::new(*span, format!("address `{four}`: {}", missing("range")))),
            Some(range) => {
                if let Some(why) = unusable4(*four, range) {
                    problems.push(Problem::new(*span, format!("address `{four}` {why}")));
                }
            }
        }
    }
    if let Some(At { value: Address6Word::Fixed(six), span }) = address6.get() {
        match range6 {
            None => problems.push(Problem::new(*span, format!("address `{six}`: {}", missing("range6")))),
            Some(range) if !range.contains(*six) => {
                problems.push(Problem::new(*span, format!("address `{six}` is not in `{range}`")));
            }
            // The first address of a range belongs to its routers (RFC 4291, 2.6.1).
            Some(range) if *six == range.network() => {
                problems.push(Problem::new(*span, format!("address `{six}` is the routers' anycast address of `{range}`")));
            }
            Some(_) => {}
        }
    }
}

/// What only the network as a whole can tell about a VM's addresses.
fn check_fixed(file: &NicFile, network: &NetworkSpec, problems: &Problems) {
    let dhcp = match &network.kind {
        NetworkKind::Libvirt { dhcp, .. } => Some(dhcp),
        NetworkKind::Bridge { .. } => None,
    };
    match file.address.get() {
        Some(At { value: Address4Word::Fixed(four), span }) => {
            if network.gateway4 == Some(*four) {
                problems.push(Problem::new(*span, format!("address `{four}` is the gateway of network `{}`", network.name)));
            } else if network.install_address == Some(IpAddr::V4(*four)) {
                problems.push(Problem::new(*span, format!("address `{four}` is the hypervisor's on network `{}`", network.name)));
            }
            if let Some(Some(range)) = dhcp
                && (range.start..=range.end).contains(four)
            {
                let message = format!("address `{four}` is in the DHCP range of network `{}`", network.name);
                let help = format!("take one outside `{}` to `{}`", range.start, range.end);
                problems.push(Problem::new(*span, message).help(help));
            }
        }
        Some(At { value: Address4Word::Dhcp, span }) if matches!(dhcp, Some(None)) => {
            let problem = Problem::new(*span, format!("network `{}` has no DHCP server", network.name));
            problems
                .push(problem.help(format!("add `dhcp = {{ start = \"…\", end = \"…\" }}` to networks/{}.toml", network.name)));
        }
        _ => {}
    }
    if let Some(At { value: Address6Word::Fixed(six), span }) = file.address6.get()
        && (network.gateway6 == Some(*six) || network.install_address == Some(IpAddr::V6(*six)))
    {
        problems.push(Problem::new(*span, format!("address `{six}` is the router's on network `{}`", network.name)));
    }
}

/// The IPv4 configuration of a NIC that names none.
fn default4(vm: &VmName, file: &NicFile, network: &NetworkSpec, v6: Address6, problems: &Problems) -> Option<Address4> {
    if matches!(&network.kind, NetworkKind::Libvirt { dhcp: Some(_), .. }) {
        return Some(Address4::Dhcp);
    }
    if v6 != Address6::None {
        return Some(Address4::None);
    }
    if matches!(file.address6, Key::Bad) {
        return None;
    }
    let problem = Problem::new(file.place.clone(), format!("VM `{vm}` has no address on network `{}`", network.name));
    let help = match (&network.kind, network.v4) {
        (NetworkKind::Bridge { .. }, _) => "add `address = \"dhcp\"`, or a fixed one of the network",
        (NetworkKind::Libvirt { .. }, Some(_)) => "add `address = \"…\"`; the network has no DHCP server",
        (NetworkKind::Libvirt { .. }, None) => "add `address6 = \"auto\"`, or a fixed one of the network",
    };
    problems.push(problem.help(help));
    None
}

/// Where a VM on `network` reaches the install listener must be known, and of a family that the VM has.
fn check_install_address(
    vm: &VmName,
    file: &NicFile,
    network: &NetworkSpec,
    v4: Address4,
    v6: Address6,
    hypervisor: &HypervisorSpec,
    problems: &Problems,
) {
    let ours = matches!(network.kind, NetworkKind::Libvirt { .. });
    let gateway4 = network.gateway4.filter(|_| ours).map(IpAddr::V4);
    let gateway6 = network.gateway6.filter(|_| ours).map(IpAddr::V6);
    let (has4, has6) = (v4 != Address4::None, v6 != Address6::None);
    let usable = |address: &IpAddr| if address.is_ipv4() { has4 } else { has6 };
    let mut candidates =
        [network.install_address, gateway4, gateway6, hypervisor.install_address].into_iter().flatten().peekable();
    if candidates.peek().is_none() {
        let message = format!("VMs on network `{}` cannot reach the install listener of `{}`", network.name, hypervisor.name);
        let help = format!("add `install_address = \"…\"`, the hypervisor's address there, to networks/{}.toml", network.name);
        // One report a network and hypervisor, however many VMs: the text names no VM.
        let place = crate::site::problems::Place::Path(format!("networks/{}.toml", network.name).into());
        problems.push(Problem::new(place, message).help(help));
    } else if !candidates.any(|address| usable(&address)) {
        let family = if has4 { "IPv4" } else { "IPv6" };
        let message = format!(
            "VM `{vm}` speaks {family} only, and the install listener of `{}` has no such address on network `{}`",
            hypervisor.name, network.name
        );
        problems.push(
            Problem::new(file.place.clone(), message)
                .help(format!("give the VM an address of the other family too, or change {}", quote("install_address"))),
        );
    }
}

/// A MAC in QEMU's range that is a function of site, VM and NIC: the same after a rebuild from nothing.
fn default_mac(site: &str, vm: &VmName, index: usize) -> MacAddr {
    hashed_mac(&format!("{site}/{vm}/{index}"))
}

/// Another MAC for a VM whose default one is taken: a suggestion for its file.
pub(super) fn another_mac(vm: &VmName, taken: MacAddr) -> MacAddr {
    hashed_mac(&format!("{vm} instead of {taken}"))
}

/// Names hold no slash and no blank, so that no two seeds run together.
fn hashed_mac(seed: &str) -> MacAddr {
    let digest = Sha256::digest(seed);
    MacAddr::qemu([digest[0], digest[1], digest[2]])
}
