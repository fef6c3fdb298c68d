//! Things that exclude each other: overlapping networks, and addresses, MACs and volumes that two VMs would share.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use super::network::{known_range4, known_range6};
use super::nic::another_mac;
use super::{Known, ResolvedVm};
use crate::site::excerpt::quote;
use crate::site::file::{Address4Word, Address6Word, KindWord, NetworkFile};
use crate::site::problems::{Problem, Span};
use crate::spec::{HypervisorName, MacAddr, NetworkKind, NetworkName, NetworkSpec, PoolName, VmName, VolumeSpec};

/// Reports ranges that overlap, and bridges that two networks of libvirt's would both make. Looks at the files, so that a
/// network with another mistake is not left out.
pub(super) fn networks(known: &Known<'_>) {
    let all: Vec<(&NetworkName, &NetworkFile)> =
        known.files.networks.iter().filter_map(|(name, named)| Some((name, named.file.as_ref()?))).collect();
    let v4 = all.iter().filter_map(|(name, file)| {
        let (at, range) = (file.range.get()?, known_range4(file)?);
        let (start, end) = (u32::from(range.network()).into(), u32::from(range.broadcast()).into());
        Some(Range { start, end, name, shown: range.to_string(), span: at.span })
    });
    report_overlaps(v4.collect(), known);
    let v6 = all.iter().filter_map(|(name, file)| {
        let (at, range) = (file.range6.get()?, known_range6(file)?);
        let (start, end) = (u128::from(range.network()), u128::from(range.broadcast()));
        Some(Range { start, end, name, shown: range.to_string(), span: at.span })
    });
    report_overlaps(v6.collect(), known);

    let mut bridges: BTreeMap<&str, (&NetworkName, &NetworkFile)> = BTreeMap::new();
    for (name, file) in all {
        let Some(bridge) = file.bridge.get() else { continue };
        if let Some((other_name, other)) = bridges.insert(bridge.value.as_str(), (name, file))
            && [other, file].iter().any(|file| file.kind.value() == Some(&KindWord::Libvirt))
        {
            let message = format!("networks `{other_name}` and `{name}` have the same bridge {}", quote(bridge.value.as_str()));
            known.problems.push(Problem::new(bridge.span, message).help("libvirt makes a bridge for each network of its own"));
        }
    }
}

struct Range<'a> {
    start: u128,
    end: u128,
    name: &'a NetworkName,
    shown: String,
    span: Span,
}

fn report_overlaps(mut ranges: Vec<Range<'_>>, known: &Known<'_>) {
    ranges.sort_by_key(|range| (range.start, range.end));
    // The one that reaches furthest so far decides: ranges are nested or apart.
    let mut furthest: Option<&Range<'_>> = None;
    for range in &ranges {
        if let Some(other) = furthest
            && range.start <= other.end
        {
            let message = format!("networks `{}` ({}) and `{}` ({}) overlap", other.name, other.shown, range.name, range.shown);
            known.problems.push(Problem::new(range.span, message));
        }
        if furthest.is_none_or(|other| range.end > other.end) {
            furthest = Some(range);
        }
    }
}

/// Reports what two VMs would share.
pub(super) fn vms(vms: &BTreeMap<VmName, ResolvedVm<'_>>, known: &Known<'_>) {
    // VMs come in order of name, so the reports do not depend on the order of these.
    let mut addresses: HashMap<IpAddr, &VmName> = HashMap::with_capacity(vms.len());
    let mut macs: HashMap<(&str, MacAddr), &VmName> = HashMap::with_capacity(vms.len());
    let mut volumes: HashMap<(&HypervisorName, &PoolName, String), &VmName> = HashMap::with_capacity(vms.len());
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
                // 24 bits: among 250 VMs on a bridge it happens once in 500 sites.
                let by_chance = nic.mac.is_absent().then(|| {
                    let another = another_mac(name, spec.mac);
                    format!("chance made them equal: add `mac = \"{another}\"` to vms/{name}.toml")
                });
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
