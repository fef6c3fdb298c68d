//! A guest that runs a real QEMU guest agent: booted directly like an installer, from the tiny tree's own files.

use std::fs;
use std::net::IpAddr;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use rekindle::observed::DomainState;
use rekindle::spec::{
    Address4, Address6, Boot, DhcpRange, DomainNic, Forward, MacAddr, NetworkKind, NetworkSpec, NicSource, NicSpec,
};
use rekindle::world::{GuestExit, Hypervisor, HypervisorError};
use rekindle_tests::sandbox::within;

use super::{domain, libvirt, make, observed, run, until, vm};

/// `/init`: the network by DHCP, then the agent on its virtio port; says so on the console.
const INIT: &str = r#"#!/bin/sh
export PATH=/bin:/usr/bin:/usr/sbin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev; mount -t tmpfs run /run
while read -r module; do insmod "/lib/modules/$module"; done </lib/modules/order
ip link set eth0 up && udhcpc -i eth0 -q -s /lib/lease.sh
for port in /sys/class/virtio-ports/*; do
    case $(cat "$port/name") in
    org.qemu.guest_agent.0) agent=/dev/${port##*/} ;;
    org.fedoraproject.anaconda.log.0) echo "a line of the installer" >"/dev/${port##*/}" ;;
    esac
done
echo "guest agent on $agent"
exec qemu-ga --method=virtio-serial --path="$agent"
"#;

const LEASE: &str = "#!/bin/sh\n[ \"$1\" = bound ] && ip addr add \"$ip/$mask\" dev \"$interface\"\n";

/// The tree that `make guest` builds.
fn tree() -> Utf8PathBuf {
    let variable = |name| std::env::var(name).ok();
    let cache = variable("REKINDLE_CACHE")
        .unwrap_or_else(|| format!("{}/.cache/rekindle", variable("HOME").unwrap_or_else(|| "/root".to_owned())));
    let tree = Utf8PathBuf::from(cache).join("guest/current/tree/tiny");
    assert!(tree.exists(), "{tree}: no such tree; `make guest` builds it");
    tree
}

/// The installer's initrd with our `/init` and, out of the tree's packages, the agent with its libraries.
fn make_initrd(tree: &Utf8Path, initrd: &Utf8Path) {
    let root = "/run/rekindle/initrd";
    fs::create_dir_all(format!("{root}/lib")).expect("directory");
    for (name, text) in [("init", INIT), ("lib/lease.sh", LEASE)] {
        fs::write(format!("{root}/{name}"), text).expect("written");
    }
    // Later archives win over earlier ones.
    let script = format!(
        "set -e; cd {root}; chmod 755 init lib/lease.sh\n\
         for package in glibc tiny-libs qemu-guest-agent; do rpm2cpio {tree}/Packages/$package-*.rpm | cpio -idm --quiet; done\n\
         ln -s usr/lib64 lib64; mkdir -p lib/x86_64-linux-gnu var/run\n\
         mv usr/lib/x86_64-linux-gnu/* lib/x86_64-linux-gnu/\n\
         find . | cpio -o -H newc --quiet | gzip -1 | cat {tree}/images/pxeboot/initrd.img - > {initrd}"
    );
    run("sh", &["-c", &script]);
}

fn lan() -> NetworkSpec {
    NetworkSpec {
        name: "lan".parse().expect("network name"),
        kind: NetworkKind::Libvirt {
            bridge: "rklan0".parse().expect("bridge name"),
            forward: Forward::Isolated,
            dhcp: Some(DhcpRange { start: [192, 0, 2, 100].into(), end: [192, 0, 2, 199].into() }),
        },
        v4: Some("192.0.2.0/24".parse().expect("range")),
        v6: None,
        gateway4: Some([192, 0, 2, 1].into()),
        gateway6: None,
        dns: Vec::new(),
        domain: None,
        install_address: None,
    }
}

#[test]
fn a_guest_logs_answers_through_its_agent_and_ends_with_its_reboot() {
    within(|| {
        let tree = tree();
        let initrd = Utf8PathBuf::from("/var/lib/rekindle/initrd.img");
        make_initrd(&tree, &initrd);
        let mac = MacAddr::qemu([0, 0, 9]);
        let nic = NicSpec {
            network: "lan".parse().expect("name"),
            mac,
            v4: Address4::Static([192, 0, 2, 9].into()),
            v6: Address6::None,
        };
        let libvirt = libvirt();
        libvirt.ensure_network(&lan(), &[(vm("web1"), nic)], "d1").expect("network");
        let mut web = domain("web1");
        web.memory_mib = 512;
        web.nics = vec![DomainNic { mac, source: NicSource::Network("lan".parse().expect("name")) }];
        web.boot = Boot::Install {
            kernel: tree.join("images/pxeboot/vmlinuz"),
            initrd,
            cmdline: "console=ttyS0,115200 quiet panic=-1".to_owned(),
        };
        web.installer_log = Some("/var/lib/rekindle/installer.log".into());
        make(&libvirt, &web);
        libvirt.start_domain(&web.name, web.uuid).expect("started");

        let exec = |argv: &[&str], seconds| {
            let argv: Vec<String> = argv.iter().map(|&word| word.to_owned()).collect();
            libvirt.guest_exec(&web.name, web.uuid, &argv, Duration::from_secs(seconds))
        };
        let exit = until("the agent answers", || match exec(&["/bin/sh", "-c", "echo out; echo err >&2; exit 3"], 20) {
            Ok(exit) => Some(exit),
            Err(HypervisorError::GuestAgent { .. }) => None,
            Err(error) => panic!("{error}\n{}", fs::read_to_string(&web.console_log).unwrap_or_default()),
        });
        assert_eq!(exit, GuestExit { status: 3, output: "out\nerr\n".to_owned() });
        assert_eq!(exec(&["/bin/sh", "-c", "kill -9 $$"], 20).expect("ran").status, 137);
        assert_eq!(exec(&["/bin/sh", "-c", "seq 100000"], 20).expect("ran").output.len(), 4096, "output is limited");
        let missing = exec(&["/bin/missing"], 20);
        assert!(matches!(missing, Err(HypervisorError::GuestAgent { .. })), "{missing:?}");
        let slow = exec(&["/bin/sleep", "100"], 1);
        assert!(matches!(&slow, Err(HypervisorError::GuestAgent { reason, .. }) if reason.contains("still running")), "{slow:?}");

        let addresses = libvirt.addresses(&web.name, web.uuid).expect("known");
        assert_eq!(addresses, [IpAddr::from([192, 0, 2, 9])], "the address of its DHCP entry");
        let console = fs::read_to_string(&web.console_log).expect("the console's log");
        assert!(console.contains("guest agent on /dev/vport"), "{console}");
        until("the installer's log has its line", || {
            let log = fs::read_to_string("/var/lib/rekindle/installer.log").unwrap_or_default();
            log.contains("a line of the installer").then_some(())
        });

        // As an installer ends. What the agent says to it does not matter.
        drop(exec(&["/bin/sh", "-c", "reboot -f"], 5));
        until("the reboot ends the domain", || (observed(&libvirt, "web1").state == DomainState::ShutOff).then_some(()));
        assert_eq!(observed(&libvirt, "web1").reason, "shutdown", "told apart from a crash and from being stopped");
        assert_eq!(libvirt.addresses(&web.name, web.uuid).expect("known"), Vec::<IpAddr>::new(), "it is off");
    });
}
