//! Domains: their life, and the guard against what is not ours.

use std::time::{Duration, Instant};

use rekindle::observed::DomainState;
use rekindle::render::domain_xml;
use rekindle::spec::{Boot, DomainSpec, DomainType, Firmware, Stop};
use rekindle::world::{Change, Hypervisor, HypervisorError};
use rekindle_tests::sandbox::within;

use super::{assert_conflict, define, domain, libvirt, make, observe, observed, run, until, uuid_of, vm};

#[test]
fn a_domain_is_defined_started_stopped_and_undefined() {
    within(|| {
        let libvirt = libvirt();
        let web = domain("web1");
        make(&libvirt, &web);
        assert_eq!(define(&libvirt, &web), Change::Unchanged);
        let seen = observed(&libvirt, "web1");
        assert_eq!(seen.owner.as_ref(), Some(&web.owner));
        assert_eq!((seen.uuid, seen.state, seen.memory_mib, seen.vcpus), (web.uuid, DomainState::ShutOff, 64, 1));

        assert_eq!(libvirt.start_domain(&web.name, web.uuid).expect("started"), Change::Changed);
        assert_eq!(libvirt.start_domain(&web.name, web.uuid).expect("runs"), Change::Unchanged);
        assert_eq!(observed(&libvirt, "web1").state, DomainState::Running);
        assert!(web.console_log.exists(), "the console is logged");
        let refused = libvirt.undefine_domain(&web.name, web.uuid);
        assert!(matches!(&refused, Err(HypervisorError::Refused { reason, .. }) if reason.contains("not off")), "{refused:?}");
        run("virsh", &["-q", "suspend", "web1"]);
        assert_eq!(observed(&libvirt, "web1").state, DomainState::Paused);
        assert_eq!(libvirt.start_domain(&web.name, web.uuid).expect("resumed"), Change::Changed);

        // Nobody in there to hear it; it is only asked.
        assert_eq!(libvirt.stop_domain(&web.name, web.uuid, Stop::Ask).expect("asked"), Change::Changed);
        assert_eq!(libvirt.stop_domain(&web.name, web.uuid, Stop::Now).expect("stopped"), Change::Changed);
        assert_eq!(libvirt.stop_domain(&web.name, web.uuid, Stop::Now).expect("off"), Change::Unchanged);
        let seen = observed(&libvirt, "web1");
        assert_eq!((seen.state, seen.reason.as_str()), (DomainState::ShutOff, "destroyed"));
        assert_eq!(libvirt.undefine_domain(&web.name, web.uuid).expect("undefined"), Change::Changed);
        assert_eq!(libvirt.undefine_domain(&web.name, web.uuid).expect("gone"), Change::Unchanged);
        assert_eq!(libvirt.stop_domain(&web.name, web.uuid, Stop::Now).expect("gone"), Change::Unchanged);
        assert!(libvirt.start_domain(&web.name, web.uuid).is_err());
        assert!(observe(&libvirt).pools["vms"].volumes.contains_key("web1-root.qcow2"), "volumes stay");
    });
}

#[test]
fn a_uefi_domain_has_its_own_nvram_without_secure_boot_and_takes_it_along() {
    within(|| {
        let libvirt = libvirt();
        let mut web = domain("web1");
        web.firmware = Firmware::Uefi;
        make(&libvirt, &web);
        libvirt.start_domain(&web.name, web.uuid).expect("started");
        let xml = run("virsh", &["dumpxml", "web1"]);
        assert!(xml.contains("<feature enabled='no' name='secure-boot'/>"), "{xml}");
        let nvram = std::path::Path::new("/var/lib/libvirt/qemu/nvram/web1_VARS.fd");
        assert!(nvram.exists());
        libvirt.stop_domain(&web.name, web.uuid, Stop::Now).expect("stopped");
        assert_eq!(define(&libvirt, &web), Change::Unchanged);
        web.owner.attempt = 2;
        assert_eq!(define(&libvirt, &web), Change::Changed);
        libvirt.start_domain(&web.name, web.uuid).expect("started");
        libvirt.stop_domain(&web.name, web.uuid, Stop::Now).expect("stopped");
        libvirt.undefine_domain(&web.name, web.uuid).expect("undefined");
        assert!(!nvram.exists());
    });
}

#[test]
fn a_definition_changes_with_its_attempt_digest_or_boot_and_not_otherwise() {
    within(|| {
        let libvirt = libvirt();
        let mut web = domain("web1");
        make(&libvirt, &web);
        web.owner.attempt = 2;
        assert_eq!(define(&libvirt, &web), Change::Changed);
        web.owner.digest = "d2 & <more>".to_owned();
        web.memory_mib = 96;
        assert_eq!(define(&libvirt, &web), Change::Changed);
        let install = |cmdline: &str| Boot::Install {
            kernel: "/boot/vmlinuz".into(),
            initrd: "/boot/initrd.img".into(),
            cmdline: cmdline.to_owned(),
        };
        web.boot = install("console=ttyS0 inst.ks=http://192.0.2.1/ks/1?a=1&b=2");
        web.owner.installing = true;
        web.installer_log = Some("/var/lib/rekindle/installer.log".into());
        assert_eq!(define(&libvirt, &web), Change::Changed);
        assert_eq!(define(&libvirt, &web), Change::Unchanged);
        web.boot = install("console=ttyS0 inst.ks=http://192.0.2.1/ks/2");
        assert_eq!(define(&libvirt, &web), Change::Changed);
        let seen = observed(&libvirt, "web1");
        assert_eq!((seen.owner, seen.memory_mib), (Some(web.owner), 96));
    });
}

#[test]
fn every_golden_definition_passes_libvirts_schema() {
    within(|| {
        let goldens = concat!(env!("CARGO_MANIFEST_DIR"), "/../agent/src/render/golden");
        let mut seen = 0;
        for entry in std::fs::read_dir(goldens).expect("the goldens") {
            let path = entry.expect("an entry").path();
            let path = path.to_str().expect("a UTF-8 path");
            seen += 1;
            // libvirt defines nothing for hardware that is not there.
            let kvm = std::fs::read_to_string(path).expect("readable").contains("type=\"kvm\"");
            if kvm && !std::path::Path::new("/dev/kvm").exists() {
                continue;
            }
            run("virsh", &["-q", "define", "--validate", path]);
            run("virsh", &["-q", "undefine", "--nvram", "web1"]);
        }
        assert!(seen >= 3, "{seen} goldens");
    });
}

/// A minimal definition that virsh makes, so not ours.
pub(super) fn define_foreign(name: &str, uuid: &str) {
    let path = format!("/run/rekindle/{name}.xml");
    let xml = format!(
        "<domain type='qemu'><name>{name}</name><uuid>{uuid}</uuid><memory unit='MiB'>32</memory>\
         <os><type arch='x86_64' machine='q35'>hvm</type></os></domain>"
    );
    std::fs::write(&path, xml).expect("written");
    run("virsh", &["-q", "define", &path]);
}

fn assert_untouchable(wanted: &DomainSpec) {
    let libvirt = libvirt();
    assert_conflict(&libvirt.define_domain(wanted, &domain_xml(wanted)));
    assert_conflict(&libvirt.start_domain(&wanted.name, wanted.uuid));
    assert_conflict(&libvirt.stop_domain(&wanted.name, wanted.uuid, Stop::Now));
    assert_conflict(&libvirt.stop_domain(&wanted.name, wanted.uuid, Stop::Ask));
    assert_conflict(&libvirt.undefine_domain(&wanted.name, wanted.uuid));
    assert_conflict(&libvirt.addresses(&wanted.name, wanted.uuid));
    assert_conflict(&libvirt.guest_exec(&wanted.name, wanted.uuid, &["/bin/true".to_owned()], Duration::from_secs(1)));
}

#[test]
fn a_foreign_domain_is_never_touched() {
    within(|| {
        let foreign = "11111111-2222-3333-4444-555555555555";
        define_foreign("web1", foreign);
        run("virsh", &["-q", "start", "web1"]);
        let before = run("virsh", &["dumpxml", "web1"]);
        assert_untouchable(&domain("web1"));
        assert_eq!(run("virsh", &["dumpxml", "web1"]), before);
        let seen = observed(&libvirt(), "web1");
        assert_eq!((seen.owner, seen.uuid.to_string().as_str(), seen.state), (None, foreign, DomainState::Running));
        run("virsh", &["-q", "destroy", "web1"]);
        assert_untouchable(&domain("web1"));
    });
}

#[test]
fn our_uuid_without_our_mark_or_under_another_name_is_a_conflict() {
    within(|| {
        define_foreign("web1", &uuid_of("web1").to_string());
        assert_untouchable(&domain("web1"));
        run("virsh", &["-q", "domrename", "web1", "renamed"]);
        assert_untouchable(&domain("web1"));
        assert!(observe(&libvirt()).domains.contains_key("renamed"));
    });
}

#[test]
fn a_domain_of_another_site_or_vm_is_a_conflict() {
    within(|| {
        let libvirt = libvirt();
        let mut other = domain("web1");
        other.owner.site = "elsewhere".to_owned();
        make(&libvirt, &other);
        let ours = domain("web1");
        assert_conflict(&libvirt.define_domain(&ours, &domain_xml(&ours)));
        let mut mislabelled = domain("db1");
        mislabelled.owner.vm = vm("other");
        make(&libvirt, &mislabelled);
        assert_untouchable(&domain("db1"));
    });
}

#[test]
fn a_crash_of_qemu_is_told_from_a_stop_and_an_agent_that_is_not_there_is_silent() {
    within(|| {
        let libvirt = libvirt();
        let mut web = domain("web1");
        web.owner.installing = true;
        make(&libvirt, &web);
        libvirt.start_domain(&web.name, web.uuid).expect("started");
        let silent = libvirt.guest_exec(&web.name, web.uuid, &["/bin/true".to_owned()], Duration::from_secs(1));
        assert!(matches!(silent, Err(HypervisorError::GuestAgent { .. })), "{silent:?}");
        assert_eq!(libvirt.addresses(&web.name, web.uuid).expect("none"), Vec::<std::net::IpAddr>::new());
        // A crash of QEMU itself.
        let pid = run("sh", &["-c", "cat /run/libvirt/qemu/web1.pid"]);
        run("kill", &["-SEGV", pid.trim()]);
        let seen =
            until("the crash is seen", || Some(observed(&libvirt, "web1")).filter(|seen| seen.state != DomainState::Running));
        assert_eq!((seen.state, seen.reason.as_str()), (DomainState::Crashed, "crashed"));
        assert_eq!(libvirt.start_domain(&web.name, web.uuid).expect("started again"), Change::Changed);
    });
}

#[test]
fn the_probe_tells_in_seconds_whether_guests_execute() {
    within(|| {
        let libvirt = libvirt();
        assert_eq!(observe(&libvirt).domain_type, None);
        let deadline = Duration::from_secs(60);
        assert!(libvirt.probe(DomainType::Qemu, deadline).expect("probed"), "software emulation works everywhere");
        assert_eq!(observe(&libvirt).domain_type, Some(DomainType::Qemu));
        let began = Instant::now();
        let kvm = libvirt.probe(DomainType::Kvm, Duration::from_secs(5)).expect("probed");
        assert!(began.elapsed() < Duration::from_secs(45), "took {:?}", began.elapsed());
        let expected = if kvm { DomainType::Kvm } else { DomainType::Qemu };
        assert_eq!(observe(&libvirt).domain_type, Some(expected));
        assert!(observe(&libvirt).domains.is_empty(), "no guest is left behind");
    });
}
