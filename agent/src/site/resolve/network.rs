//! `networks/NAME.toml` → `NetworkSpec`: ranges, gateways, DHCP.

use std::net::{IpAddr, Ipv4Addr};

use ipnetwork::{Ipv4Network, Ipv6Network};

use crate::site::excerpt::quote;
use crate::site::file::{DhcpFile, KindWord, NetworkFile};
use crate::site::problems::{At, Place, Problem, Problems};
use crate::site::value::{Ipv4Range, Ipv6Range};
use crate::spec::{DhcpRange, Forward, NetworkKind, NetworkName, NetworkSpec};

/// Resolves `file`.
pub(super) fn resolve(name: &NetworkName, file: &NetworkFile, problems: &Problems) -> Option<NetworkSpec> {
    let v4 = file.range.get().and_then(|at| range4(at, problems));
    let v6 = file.range6.get().and_then(|at| range6(at, problems));
    let libvirt = file.kind.value() == Some(&KindWord::Libvirt);
    check_gateways(file, v4, v6, problems);
    let dhcp = match &file.dhcp {
        None => None,
        Some(dhcp) => check_dhcp(dhcp, file, v4, problems),
    };
    check_kind(name, file, libvirt, problems);
    // Without its range, nothing can be said about the addresses on a network.
    if v4.is_none() != file.range.is_absent() || v6.is_none() != file.range6.is_absent() {
        return None;
    }
    let bridge = file.bridge.value()?.clone();
    let kind = if *file.kind.value()? == KindWord::Libvirt {
        NetworkKind::Libvirt { bridge, forward: file.forward.value().copied().unwrap_or(Forward::Nat), dhcp }
    } else {
        NetworkKind::Bridge { bridge }
    };
    // The hypervisor needs an address of its own on a network that libvirt defines: the first one, unless said otherwise.
    let first4 = || v4.filter(|_| libvirt).map(|range| Ipv4Addr::from(u32::from(range.network()) + 1));
    let first6 = || v6.filter(|_| libvirt).map(|range| (u128::from(range.network()) + 1).into());
    Some(NetworkSpec {
        name: name.clone(),
        kind,
        v4,
        v6,
        gateway4: file.gateway.value().copied().or_else(first4),
        gateway6: file.gateway6.value().copied().or_else(first6),
        dns: file.dns.iter().map(|at| at.value).collect(),
        domain: file.domain.value().cloned(),
        install_address: file.install_address.value().copied(),
    })
}

/// Why `range` is none for VMs, and what may have been meant, if it is none.
fn unusable_range4(range: Ipv4Network) -> Option<(String, String)> {
    if range.ip() != range.network() {
        let help = format!("did you mean `{}/{}`?", range.network(), range.prefix());
        return Some((format!("`{range}` is an address within a range, not a range"), help));
    }
    let usable = (8..=30).contains(&range.prefix());
    (!usable).then(|| (format!("a /{} is no range for VMs", range.prefix()), "expected /8 to /30".to_owned()))
}

/// As [`unusable_range4`].
fn unusable_range6(range: Ipv6Network) -> Option<(String, String)> {
    if range.ip() != range.network() {
        let help = format!("did you mean `{}/{}`?", range.network(), range.prefix());
        return Some((format!("`{range}` is an address within a range, not a range"), help));
    }
    let usable = (32..=126).contains(&range.prefix());
    (!usable).then(|| (format!("a /{} is no range for VMs", range.prefix()), "expected /32 to /126".to_owned()))
}

fn range4(at: &At<Ipv4Range>, problems: &Problems) -> Option<Ipv4Network> {
    let Ipv4Range(range) = at.value;
    let Some((message, help)) = unusable_range4(range) else { return Some(range) };
    problems.push(Problem::new(at.span, message).help(help));
    None
}

fn range6(at: &At<Ipv6Range>, problems: &Problems) -> Option<Ipv6Network> {
    let Ipv6Range(range) = at.value;
    let Some((message, help)) = unusable_range6(range) else { return Some(range) };
    problems.push(Problem::new(at.span, message).help(help));
    None
}

/// The IPv4 range of `file` if it is a good one.
pub(super) fn known_range4(file: &NetworkFile) -> Option<Ipv4Network> {
    file.range.value().map(|range| range.0).filter(|range| unusable_range4(*range).is_none())
}

/// The IPv6 range of `file` if it is a good one.
pub(super) fn known_range6(file: &NetworkFile) -> Option<Ipv6Network> {
    file.range6.value().map(|range| range.0).filter(|range| unusable_range6(*range).is_none())
}

/// Why `address` cannot be a host's address in `range`, if it cannot.
pub(super) fn unusable4(address: Ipv4Addr, range: Ipv4Network) -> Option<String> {
    if !range.contains(address) {
        Some(format!("is not in `{range}`"))
    } else if address == range.network() {
        Some(format!("is the network's own address in `{range}`"))
    } else if address == range.broadcast() {
        Some(format!("is the broadcast address of `{range}`"))
    } else {
        None
    }
}

fn check_gateways(file: &NetworkFile, v4: Option<Ipv4Network>, v6: Option<Ipv6Network>, problems: &Problems) {
    if let Some(at) = file.gateway.get() {
        match v4 {
            Some(range) => {
                if let Some(why) = unusable4(at.value, range) {
                    problems.push(Problem::new(at.span, format!("gateway `{}` {why}", at.value)));
                }
            }
            None if file.range.is_absent() => problems.push(Problem::new(at.span, "a gateway needs a `range`")),
            None => {}
        }
    }
    if let Some(at) = file.gateway6.get() {
        // A router's link-local address is the usual IPv6 gateway.
        let link_local = at.value.is_unicast_link_local();
        match v6 {
            Some(range) if !link_local && !range.contains(at.value) => {
                problems.push(Problem::new(at.span, format!("gateway `{}` is not in `{range}`", at.value)));
            }
            None if file.range6.is_absent() => problems.push(Problem::new(at.span, "an IPv6 gateway needs a `range6`")),
            _ => {}
        }
    }
    if let Some(at) = file.install_address.get() {
        let outside = match at.value {
            IpAddr::V4(four) => v4.is_some_and(|range| unusable4(four, range).is_some()),
            IpAddr::V6(six) => v6.is_some_and(|range| !range.contains(six)),
        };
        if outside || at.value.is_loopback() || at.value.is_unspecified() {
            let problem = Problem::new(at.span, format!("install address `{}` is no address of this network", at.value));
            problems.push(problem.help("it is the hypervisor's own address there, at which VMs fetch their kickstart"));
        }
    }
}

fn check_dhcp(dhcp: &DhcpFile, file: &NetworkFile, v4: Option<Ipv4Network>, problems: &Problems) -> Option<DhcpRange> {
    let (start, end) = (dhcp.start.get()?, dhcp.end.get()?);
    let Some(range) = v4 else {
        if file.range.is_absent() {
            problems.push(Problem::new(start.span, "DHCP needs a `range`"));
        }
        return None;
    };
    let mut good = true;
    for at in [start, end] {
        if let Some(why) = unusable4(at.value, range) {
            problems.push(Problem::new(at.span, format!("`{}` {why}", at.value)));
            good = false;
        }
    }
    if good && start.value > end.value {
        problems.push(Problem::new(end.span, format!("the DHCP range ends before it starts, at `{}`", start.value)));
        good = false;
    }
    if good
        && let Some(gateway) = file.gateway.value()
        && (start.value..=end.value).contains(gateway)
    {
        problems.push(Problem::new(start.span, format!("the DHCP range contains the gateway `{gateway}`")));
    }
    good.then_some(DhcpRange { start: start.value, end: end.value })
}

fn check_kind(name: &NetworkName, file: &NetworkFile, libvirt: bool, problems: &Problems) {
    if file.kind.get().is_none() {
        return;
    }
    if libvirt {
        if name.as_str() == "default" {
            // libvirt's packages define this one.
            let place = file.kind.get().map_or(Place::Path(format!("networks/{name}.toml").into()), |at| at.span.into());
            let problem = Problem::new(place, format!("{} is libvirt's own network", quote("default")));
            problems.push(problem.help("give the file another name"));
        }
        if file.range.is_absent()
            && file.range6.is_absent()
            && let Some(at) = file.kind.get()
        {
            problems.push(Problem::new(at.span, "a libvirt network needs a `range` or a `range6`"));
        }
        return;
    }
    let only = "is for networks of kind `libvirt`";
    if let Some(at) = file.forward.get() {
        problems.push(Problem::new(at.span, format!("`forward` {only}")));
    }
    if let Some(DhcpFile { start, .. }) = &file.dhcp
        && let Some(at) = start.get()
    {
        let problem = Problem::new(at.span, format!("`dhcp` {only}"));
        problems.push(problem.help("a bridged network's DHCP server is not ours to run"));
    }
}
