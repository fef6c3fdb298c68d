//! Pools and volumes.

use rekindle::spec::PoolSpec;
use rekindle::world::{Change, Hypervisor, HypervisorError};
use rekindle_tests::sandbox::within;

use super::{assert_conflict, libvirt, observe, pool, run, volume};

#[test]
fn a_pool_is_made_once_and_never_moved() {
    within(|| {
        let libvirt = libvirt();
        assert_eq!(libvirt.ensure_pool(&pool()).expect("pool"), Change::Changed);
        assert_eq!(libvirt.ensure_pool(&pool()).expect("pool"), Change::Unchanged);
        let slash = PoolSpec { path: format!("{}/", pool().path).into(), ..pool() };
        assert_eq!(libvirt.ensure_pool(&slash).expect("pool"), Change::Unchanged);
        let seen = observe(&libvirt).pools.remove("vms").expect("the pool");
        assert!(seen.active && seen.available_bytes > 0, "{seen:?}");
        assert_eq!(seen.path, Some(pool().path));

        assert_conflict(&libvirt.ensure_pool(&PoolSpec { path: "/var/lib/libvirt/images/other".into(), ..pool() }));

        run("virsh", &["-q", "pool-destroy", "vms"]);
        run("virsh", &["-q", "pool-autostart", "--disable", "vms"]);
        assert!(!observe(&libvirt).pools["vms"].active);
        assert_eq!(libvirt.ensure_pool(&pool()).expect("pool"), Change::Changed);
        assert!(run("virsh", &["pool-info", "vms"]).contains("Autostart:      yes"));
    });
}

#[test]
fn a_volume_is_made_once_kept_at_its_size_and_deleted_once() {
    within(|| {
        let libvirt = libvirt();
        let refused = libvirt.create_volume(&volume("a.qcow2", 8));
        assert!(
            matches!(&refused, Err(HypervisorError::Refused { reason, .. }) if reason.contains("no pool `vms`")),
            "{refused:?}"
        );
        libvirt.ensure_pool(&pool()).expect("pool");
        assert_eq!(libvirt.create_volume(&volume("a.qcow2", 8)).expect("created"), Change::Changed);
        assert_eq!(libvirt.create_volume(&volume("a.qcow2", 8)).expect("there"), Change::Unchanged);
        assert_conflict(&libvirt.create_volume(&volume("a.qcow2", 9)));
        let seen = &observe(&libvirt).pools["vms"].volumes["a.qcow2"];
        assert_eq!((seen.capacity_bytes, seen.path.clone()), (8 << 20, pool().path.join("a.qcow2")));
        assert!(seen.allocation_bytes < 1 << 20, "{seen:?}");

        assert_eq!(libvirt.delete_volume(&pool().name, "a.qcow2").expect("deleted"), Change::Changed);
        assert_eq!(libvirt.delete_volume(&pool().name, "a.qcow2").expect("gone"), Change::Unchanged);
        assert!(!pool().path.join("a.qcow2").exists());
        assert_eq!(libvirt.delete_volume(&"none".parse().expect("name"), "a.qcow2").expect("no pool"), Change::Unchanged);
    });
}

#[test]
fn files_that_come_and_go_without_libvirt_are_noticed() {
    within(|| {
        let libvirt = libvirt();
        libvirt.ensure_pool(&pool()).expect("pool");
        observe(&libvirt);
        let path = |name: &str| pool().path.join(name).to_string();
        // Made behind its back: found by a sweep, by create and by delete.
        for name in ["seen.qcow2", "created.qcow2", "deleted.qcow2"] {
            run("qemu-img", &["create", "-q", "-f", "qcow2", &path(name), "16M"]);
        }
        assert_eq!(libvirt.create_volume(&volume("created.qcow2", 16)).expect("there"), Change::Unchanged);
        run("qemu-img", &["create", "-q", "-f", "qcow2", &path("late.qcow2"), "16M"]);
        assert_eq!(libvirt.delete_volume(&pool().name, "late.qcow2").expect("deleted"), Change::Changed);
        assert_conflict(&libvirt.create_volume(&volume("deleted.qcow2", 17)));
        assert_eq!(libvirt.delete_volume(&pool().name, "deleted.qcow2").expect("deleted"), Change::Changed);
        super::until("the sweep sees it", || observe(&libvirt).pools["vms"].volumes.contains_key("seen.qcow2").then_some(()));

        // Removed behind its back: not seen, and made anew.
        std::fs::remove_file(path("seen.qcow2")).expect("removed");
        assert!(!observe(&libvirt).pools["vms"].volumes.contains_key("seen.qcow2"));
        assert_eq!(libvirt.create_volume(&volume("seen.qcow2", 32)).expect("made"), Change::Changed);
        assert!(pool().path.join("seen.qcow2").exists());
    });
}

#[test]
fn a_full_pool_is_told_from_a_refusal() {
    within(|| {
        let libvirt = libvirt();
        let path = pool().path;
        std::fs::create_dir_all(&path).expect("directory");
        run("mount", &["-t", "tmpfs", "-o", "size=64k", "tmpfs", path.as_str()]);
        libvirt.ensure_pool(&pool()).expect("pool");
        assert_eq!(observe(&libvirt).pools["vms"].capacity_bytes, 64 << 10);
        let answer = libvirt.create_volume(&volume("big.qcow2", 1024));
        assert!(matches!(&answer, Err(HypervisorError::NoSpace { what: "volume", .. })), "{answer:?}");
        assert_eq!(libvirt.delete_volume(&pool().name, "big.qcow2").expect("nothing left"), Change::Unchanged);
    });
}
