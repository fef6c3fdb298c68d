//! Things that exclude each other: overlapping networks, and addresses, MACs and volumes that two VMs would share.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::{Known, ResolvedVm};
use crate::site::excerpt::quote;
use crate::site::file::{Address4Word, Address6Word};
use crate::site::problems::{Place, Problem};
use crate::spec::{HypervisorName, MacAddr, NetworkKind, NetworkName, NetworkSpec, PoolName, VmName, VolumeSpec};

/// Reports ranges that overlap, and bridges that two networks of libvirt's would both make.
pub(super) fn networks(known: &Known<'_>) {
    let all: Vec<&NetworkSpec> = known.networks.values().flatten().collect();
    let mut v4: Vec<_> =
        all.iter().filter_map(|n| n.v4.map(|r| (u32::from(r.network()), u32::from(r.broadcast()), *n))).collect();
    v4.sort_by_key(|(start, end, _)| (*start, *end));
    report_overlaps(&v4, |n| n.v4.map(|r| r.to_string()), |f| f.range.get().map(|at| at.span.into()), known);
    let mut v6: Vec<_> =
        all.iter().filter_map(|n| n.v6.map(|r| (u128::from(r.network()), u128::from(r.broadcast()), *n))).collect();
    v6.sort_by_key(|(start, end, _)| (*start, *end));
    report_overlaps(&v6, |n| n.v6.map(|r| r.to_string()), |f| f.range6.get().map(|at| at.span.into()), known);

    let mut bridges: BTreeMap<&str, &NetworkSpec> = BTreeMap::new();
    for network in &all {
        if let NetworkKind::Libvirt { bridge, .. } | NetworkKind::Bridge { bridge } = &network.kind
            && let Some(other) = bridges.insert(bridge.as_str(), network)
            && [&other.kind, &network.kind].iter().any(|kind| matches!(kind, NetworkKind::Libvirt { .. }))
        {
            let place = place_in(known, &network.name, |file| file.bridge.get().map(|at| at.span.into()));
            let message =
                format!("networks `{}` and `{}` have the same bridge {}", other.name, network.name, quote(bridge.as_str()));
            known.problems.push(Problem::new(place, message));
        }
    }
}

fn place_in(known: &Known<'_>, name: &NetworkName, get: impl Fn(&crate::site::file::NetworkFile) -> Option<Place>) -> Place {
    let named = known.files.networks.get(name);
    let exact = named.and_then(|named| named.file.as_ref()).and_then(get);
    exact
        .or_else(|| named.map(|named| named.place.clone()))
        .unwrap_or_else(|| Place::Path(format!("networks/{name}.toml").into()))
}

fn report_overlaps<A: Ord + Copy>(
    sorted: &[(A, A, &NetworkSpec)],
    shown: impl Fn(&NetworkSpec) -> Option<String>,
    place: impl Fn(&crate::site::file::NetworkFile) -> Option<Place> + Copy,
    known: &Known<'_>,
) {
    // The widest range so far decides: ranges are nested or apart.
    let mut widest: Option<&(A, A, &NetworkSpec)> = None;
    for entry in sorted {
        if let Some((_, end, other)) = widest
            && entry.0 <= *end
        {
            let (a, b) = (shown(other).unwrap_or_default(), shown(entry.2).unwrap_or_default());
            let message = format!("networks `{}` ({a}) and `{}` ({b}) overlap", other.name, entry.2.name);
            known.problems.push(Problem::new(place_in(known, &entry.2.name, place), message));
        }
        if widest.is_none_or(|(_, end, _)| entry.1 > *end) {
            widest = Some(entry);
        }
    }
}

/// Reports what two VMs would share.
pub(super) fn vms(vms: &BTreeMap<VmName, ResolvedVm<'_>>, known: &Known<'_>) {
    let mut addresses: BTreeMap<IpAddr, &VmName> = BTreeMap::new();
    let mut macs: BTreeMap<(&str, MacAddr), &VmName> = BTreeMap::new();
    let mut volumes: BTreeMap<(&HypervisorName, &PoolName, String), &VmName> = BTreeMap::new();
    for (name, vm) in vms {
        let Some(file) = &vm.file.file else { continue };
        for (nic, spec) in file.nics.iter().zip(&vm.spec.nics) {
            let four = nic.address.get().and_then(|at| match at.value {
                Address4Word::Fixed(four) => Some((IpAddr::V4(four), at.span)),
                Address4Word::Dhcp => None,
            });
            let six = nic.address6.get().and_then(|at| match at.value {
                Address6Word::Fixed(six) => Some((IpAddr::V6(six), at.span)),
                Address6Word::Auto | Address6Word::Dhcp => None,
            });
            for (address, span) in [four, six].into_iter().flatten() {
                if let Some(other) = addresses.insert(address, name) {
                    known.problems.push(Problem::new(span, clash("address", &address.to_string(), other, name)));
                }
            }
            if let Some(other) = macs.insert((segment(&spec.network, known), spec.mac), name) {
                let place = nic.mac.get().map_or_else(|| nic.place.clone(), |at| at.span.into());
                let problem = Problem::new(place, clash("MAC address", &spec.mac.to_string(), other, name));
                let by_chance = nic.mac.is_absent().then(|| "set `mac = \"52:54:00:…\"` in one of them".to_owned());
                known.problems.push(problem.maybe_help(by_chance));
            }
        }
        for disk in &vm.spec.disks {
            let volume = VolumeSpec::of(name, disk);
            let key = (&vm.spec.hypervisor, &disk.pool, volume.name);
            if let Some(other) = volumes.get(&key) {
                let problem = Problem::new(vm.file.place.clone(), clash("volume", &key.2, other, name));
                known.problems.push(problem.help("volumes are called VM-DISK.qcow2: rename a disk or a VM"));
            }
            volumes.insert(key, name);
        }
    }
}

/// What a MAC has to be unique in: VMs on the same bridge see each other.
fn segment<'a>(network: &NetworkName, known: &'a Known<'_>) -> &'a str {
    match known.networks.get(network) {
        Some(Some(NetworkSpec { kind: NetworkKind::Bridge { bridge } | NetworkKind::Libvirt { bridge, .. }, .. })) => {
            bridge.as_str()
        }
        _ => "",
    }
}

fn clash(what: &str, value: &str, other: &VmName, name: &VmName) -> String {
    if other == name {
        format!("VM `{name}` has {what} `{value}` twice")
    } else {
        format!("VMs `{other}` and `{name}` have the same {what} `{value}`")
    }
}
