//! Networks that we define.

use rekindle::spec::{
    Address4, Address6, DhcpRange, DomainNic, Forward, MacAddr, NetworkKind, NetworkSpec, NicSource, NicSpec, Stop, VmName,
};
use rekindle::world::{Change, Hypervisor};
use rekindle_tests::sandbox::within;

use super::{assert_conflict, domain, libvirt, make, observe, run, vm};

fn network(forward: Forward) -> NetworkSpec {
    NetworkSpec {
        name: "lan".parse().expect("network name"),
        kind: NetworkKind::Libvirt {
            bridge: "rklan0".parse().expect("bridge name"),
            forward,
            dhcp: Some(DhcpRange {
                start: "192.0.2.100".parse().expect("address"),
                end: "192.0.2.199".parse().expect("address"),
            }),
        },
        v4: Some("192.0.2.0/24".parse().expect("range")),
        v6: None,
        gateway4: Some("192.0.2.1".parse().expect("address")),
        gateway6: None,
        dns: Vec::new(),
        domain: Some("lab.example".parse().expect("domain")),
        install_address: None,
    }
}

fn host(name: &str, last: u8) -> (VmName, NicSpec) {
    let nic = NicSpec {
        network: "lan".parse().expect("network name"),
        mac: MacAddr::qemu([0, 0, last]),
        v4: Address4::Static([192, 0, 2, last].into()),
        v6: Address6::None,
    };
    (vm(name), nic)
}

/// What the running DHCP server hands out: lines of `MAC,ADDRESS,NAME`.
fn leases() -> Vec<String> {
    let mut lines: Vec<String> = run("cat", &["/var/lib/libvirt/dnsmasq/lan.hostsfile"]).lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn a_network_runs_with_dhcp_and_its_hosts_change_without_a_restart() {
    within(|| {
        let libvirt = libvirt();
        let lan = network(Forward::Nat);
        assert_eq!(libvirt.ensure_network(&lan, &[host("a", 10)], "d1").expect("made"), Change::Changed);
        assert_eq!(libvirt.ensure_network(&lan, &[host("a", 10)], "d1").expect("there"), Change::Unchanged);
        let seen = &observe(&libvirt).networks["lan"];
        assert_eq!((seen.active, seen.digest.as_deref(), seen.bridge.as_deref()), (true, Some("d1"), Some("rklan0")));
        assert!(run("ip", &["-br", "addr", "show", "rklan0"]).contains("192.0.2.1/24"));
        assert_eq!(leases(), ["52:54:00:00:00:0a,192.0.2.10,a"]);
        let index = run("cat", &["/sys/class/net/rklan0/ifindex"]);

        let hosts = [host("b", 10), host("c", 12)];
        assert_eq!(libvirt.ensure_network(&lan, &hosts, "d2").expect("updated"), Change::Changed);
        assert_eq!(leases(), ["52:54:00:00:00:0a,192.0.2.10,b", "52:54:00:00:00:0c,192.0.2.12,c"]);
        assert_eq!(observe(&libvirt).networks["lan"].digest.as_deref(), Some("d2"));
        assert_eq!(run("cat", &["/sys/class/net/rklan0/ifindex"]), index, "the bridge is still the same");

        // Stopped by somebody: started again, nothing else.
        run("virsh", &["-q", "net-destroy", "lan"]);
        assert!(!observe(&libvirt).networks["lan"].active);
        assert_eq!(libvirt.ensure_network(&lan, &hosts, "d2").expect("started"), Change::Changed);
        assert!(observe(&libvirt).networks["lan"].active);
    });
}

#[test]
fn a_change_of_hosts_alone_restarts_no_kind_of_network() {
    within(|| {
        let libvirt = libvirt();
        for forward in [Forward::Nat, Forward::Route, Forward::Isolated] {
            let mut lan = network(forward);
            lan.v6 = Some("2001:db8:0:7::/64".parse().expect("range"));
            lan.gateway6 = Some("2001:db8:0:7::1".parse().expect("address"));
            lan.dns = vec!["192.0.2.53".parse().expect("address"), "2001:db8::53".parse().expect("address")];
            let digest = |n| format!("{forward:?}-{n}");
            libvirt.ensure_network(&lan, &[host("a", 10)], &digest(1)).expect("made");
            let index = run("cat", &["/sys/class/net/rklan0/ifindex"]);
            let mac = run("cat", &["/sys/class/net/rklan0/address"]);
            std::fs::write("/run/rekindle/lan.xml", run("virsh", &["net-dumpxml", "--inactive", "lan"])).expect("written");
            run("virsh", &["-q", "net-define", "--validate", "/run/rekindle/lan.xml"]);
            libvirt.ensure_network(&lan, &[host("b", 11)], &digest(2)).expect("updated");
            assert_eq!(run("cat", &["/sys/class/net/rklan0/ifindex"]), index, "{forward:?}: the bridge is still the same");
            assert_eq!(leases(), ["52:54:00:00:00:0b,192.0.2.11,b"], "{forward:?}");
            let defined = run("virsh", &["net-dumpxml", "--inactive", "lan"]);
            assert!(defined.contains(mac.trim()), "{forward:?}: the bridge keeps its address:\n{defined}");
        }
    });
}

#[test]
fn a_change_that_needs_a_restart_waits_for_guests() {
    within(|| {
        let libvirt = libvirt();
        libvirt.ensure_network(&network(Forward::Isolated), &[], "d1").expect("made");
        let mut web = domain("web1");
        web.nics = vec![DomainNic { mac: MacAddr::qemu([0, 0, 9]), source: NicSource::Network("lan".parse().expect("name")) }];
        make(&libvirt, &web);
        libvirt.start_domain(&web.name, web.uuid).expect("started");

        assert_conflict(&libvirt.ensure_network(&network(Forward::Route), &[], "d2"));
        assert_eq!(observe(&libvirt).networks["lan"].digest.as_deref(), Some("d1"), "nothing has changed");
        assert_eq!(libvirt.ensure_network(&network(Forward::Isolated), &[host("a", 10)], "d3").expect("hosts"), Change::Changed);

        libvirt.stop_domain(&web.name, web.uuid, Stop::Now).expect("stopped");
        assert_eq!(libvirt.ensure_network(&network(Forward::Route), &[], "d2").expect("changed"), Change::Changed);
        assert!(run("virsh", &["net-dumpxml", "lan"]).contains("<forward mode='route'/>"));
        assert!(observe(&libvirt).networks["lan"].active);
    });
}

/// A minimal definition that virsh makes, so not ours.
pub(super) fn define_foreign(name: &str) {
    let path = format!("/run/rekindle/{name}.xml");
    std::fs::write(&path, format!("<network><name>{name}</name><bridge name='foreign0'/></network>")).expect("written");
    run("virsh", &["-q", "net-define", &path]);
}

#[test]
fn a_foreign_network_is_never_touched() {
    within(|| {
        define_foreign("lan");
        let before = run("virsh", &["net-dumpxml", "lan"]);
        let libvirt = libvirt();
        assert_conflict(&libvirt.ensure_network(&network(Forward::Nat), &[], "d1"));
        assert_eq!(run("virsh", &["net-dumpxml", "lan"]), before);
        let seen = &observe(&libvirt).networks["lan"];
        assert_eq!((seen.active, seen.digest.as_deref()), (false, None));
    });
}

#[test]
fn a_guest_can_be_plugged_into_a_bridge_that_exists() {
    within(|| {
        run("ip", &["link", "add", "br0", "type", "bridge"]);
        run("ip", &["link", "set", "br0", "up"]);
        let libvirt = libvirt();
        let mut web = domain("web1");
        web.nics = vec![DomainNic { mac: MacAddr::qemu([0, 0, 9]), source: NicSource::Bridge("br0".parse().expect("name")) }];
        make(&libvirt, &web);
        libvirt.start_domain(&web.name, web.uuid).expect("started");
        assert!(run("ip", &["-o", "link", "show", "master", "br0"]).contains("vnet"));
    });
}
