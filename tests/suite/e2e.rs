//! End to end: the real binary, real libvirt, real qemu, the stand-in installer, in a sandbox hypervisor.
//!
//! Each install takes about 40 s on an idle machine and several times that on a busy one; the limits are for the busy one.

use std::time::Duration;

use rekindle_tests::lab::{Lab, ask};
use rekindle_tests::sandbox;

const INSTALL: Duration = Duration::from_secs(600);

#[test]
fn an_empty_hypervisor_serves_after_one_apply_and_a_second_apply_has_nothing_to_do() {
    sandbox::within(|| {
        let lab = Lab::new(&["web1"]);
        println!("{}", lab.ok(&["apply"]));
        let answer = ask("10.44.0.10");
        assert!(answer.contains("shop-web") && answer.contains("web1"), "{answer}");
        let status = lab.status("web1");
        println!("{}", lab.ok(&["status", "web1"]));
        assert!(status["packages"].to_string().contains("shop-web"), "the VM has told its packages: {status:#}");
        let plan: serde_json::Value = serde_json::from_str(&lab.ok(&["plan", "--json"])).expect("JSON");
        println!("{plan:#}");
        lab.ok(&["apply"]);
        assert_eq!(lab.phase("web1"), ("ready".to_owned(), 1), "a second apply changes nothing");
    });
}

#[test]
fn a_rebuild_keeps_address_and_kept_volume_and_makes_the_rest_anew() {
    sandbox::within(|| {
        let lab = Lab::new(&["db1"]);
        let agent = lab.agent();
        lab.wait("db1", INSTALL, |phase, _| phase == "ready" || phase == "failed");
        assert_eq!(lab.phase("db1"), ("ready".to_owned(), 1), "{}", lab.ok(&["status", "db1"]));
        let volumes = lab.virsh(&["vol-list", "rekindle"]);
        let mac = lab.virsh(&["domiflist", "db1"]);
        let kept_before = inode("/var/lib/rekindle/images/db1-data.qcow2");
        let root_before = inode("/var/lib/rekindle/images/db1-root.qcow2");
        let refused = lab.rekindle(&["rebuild", "db1"]);
        assert_eq!(refused.status.code(), Some(2), "no terminal and no `--yes` is no consent");
        println!("{}", lab.ok(&["rebuild", "db1", "--yes"]));
        assert_eq!(lab.phase("db1"), ("ready".to_owned(), 2));
        assert_eq!(inode("/var/lib/rekindle/images/db1-data.qcow2"), kept_before, "the kept volume is the same file");
        assert_ne!(inode("/var/lib/rekindle/images/db1-root.qcow2"), root_before, "the root volume is another");
        assert_eq!(lab.virsh(&["domiflist", "db1"]).split_whitespace().last(), mac.split_whitespace().last(), "the same MAC");
        assert_eq!(lab.virsh(&["vol-list", "rekindle"]), volumes, "no stray volume");
        drop(agent);
    });
}

fn inode(path: &str) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata(path).expect("a volume").ino()
}

#[test]
fn an_agent_killed_in_every_phase_of_an_install_ends_with_one_ready_vm() {
    sandbox::within(|| {
        let lab = Lab::new(&["web1"]);
        for phase in ["preparing", "installing", "installed", "booting", "verifying"] {
            let agent = lab.agent();
            // Short phases can be over before they are seen: then the kill falls into the next one.
            let order = ["absent", "preparing", "installing", "installed", "booting", "verifying", "ready"];
            let rank = |name: &str| order.iter().position(|known| *known == name).unwrap_or(0);
            lab.wait("web1", INSTALL, |now, _| {
                assert_ne!(now, "failed", "{}", lab.log());
                rank(now) >= rank(phase)
            });
            agent.kill();
        }
        let _agent = lab.agent();
        lab.wait("web1", INSTALL, |phase, _| phase == "ready" || phase == "failed");
        // The agent may have been seen through its store, before it answered for itself.
        lab.wait("web1", INSTALL, |phase, attempt| phase == "ready" && attempt == 1);
        assert_eq!(lab.virsh(&["list", "--all", "--name"]), "web1");
        assert_eq!(lab.virsh(&["vol-list", "rekindle"]).matches("web1").count(), 2, "one volume (name and path)");
    });
}

#[test]
fn failures_are_named_with_their_evidence_and_a_change_of_the_site_mends_them() {
    sandbox::within(|| {
        let lab = Lab::new(&["web1"]);
        let role = std::fs::read_to_string(lab.path.join("site/roles/shop-web.toml")).expect("the role");
        lab.write(
            "roles/shop-web.toml",
            &role.replace("packages = [\"shop-web\"]", "packages = [\"shop-web\", \"no-such-package\"]"),
        );
        let output = lab.rekindle(&["apply"]);
        assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
        let status = lab.status("web1");
        assert_eq!(status["summary"]["cause"], "package-not-found", "{status:#}");
        let told = lab.rekindle(&["status", "web1"]);
        assert_eq!(told.status.code(), Some(1), "a failed VM is a no");
        let told = String::from_utf8_lossy(&told.stdout).into_owned();
        println!("{told}");
        assert!(told.contains("no-such-package"), "{told}");
        assert_eq!(lab.virsh(&["list", "--name"]), "", "a failed install is ended, not left to loop");
        lab.write("roles/shop-web.toml", &role);
        println!("{}", lab.ok(&["apply"]));
        assert_eq!(lab.phase("web1").0, "ready");
    });
}

#[test]
fn a_vm_with_systemd_is_handed_to_puppet_whose_report_makes_it_ready() {
    sandbox::within(|| {
        let lab = Lab::new(&["puppet1"]);
        println!("{}", lab.ok(&["apply"]));
        println!("{}", lab.ok(&["status", "puppet1"]));
        let status = lab.status("puppet1");
        assert_eq!(status["handoff"]["status"], "changed", "{status:#}");
        assert!(ask("10.44.0.30").contains("shop-web"), "what Puppet set up serves");
    });
}

#[test]
fn an_install_goes_on_through_a_broken_site_a_second_agent_and_a_libvirtd_that_restarts_and_hangs() {
    sandbox::within(|| {
        let lab = Lab::new(&["web1"]);
        let _agent = lab.agent();
        lab.wait("web1", INSTALL, |phase, _| phase == "installing");

        let second = lab.rekindle(&["agent"]);
        let told = String::from_utf8_lossy(&second.stderr).into_owned();
        assert!(!second.status.success() && told.contains("agent"), "one agent a host: {told}");

        lab.write("vms/typo.toml", "rol = \"shop-web\"\n");

        let libvirtd = || std::fs::read_to_string("/run/libvirt/libvirtd.pid").expect("a pid").trim().to_owned();
        let signal = |name: &str| command("kill", &[name, &libvirtd()]);
        // The agent answers its people while libvirtd hangs, and says so. All this while it installs: a settled agent asks
        // libvirt once a minute.
        signal("-STOP");
        until(&lab, "unreachable", serde_json::Value::is_string);
        signal("-CONT");
        until(&lab, "unreachable", serde_json::Value::is_null);

        signal("-KILL");
        until(&lab, "unreachable", serde_json::Value::is_string);
        command("libvirtd", &["--daemon", "--pid-file", "/run/libvirt/libvirtd.pid"]);
        until(&lab, "unreachable", serde_json::Value::is_null);

        until(&lab, "site_error", |error| error.as_str().is_some_and(|error| error.contains("typo.toml")));
        std::fs::remove_file(lab.path.join("site/vms/typo.toml")).expect("the mistake is taken back");
        until(&lab, "site_error", serde_json::Value::is_null);
        lab.wait("web1", INSTALL, |phase, _| phase == "ready" || phase == "failed");
        assert_eq!(lab.phase("web1"), ("ready".to_owned(), 1), "{}", lab.ok(&["status", "web1"]));
        assert_eq!(lab.virsh(&["list", "--all", "--name"]), "web1");
    });
}

/// Waits until `wanted` holds of a field of `rekindle status --json`.
#[track_caller]
fn until(lab: &Lab, field: &str, wanted: impl Fn(&serde_json::Value) -> bool) {
    let begin = std::time::Instant::now();
    loop {
        let output = lab.rekindle(&["status", "--json"]);
        let status: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        if status.get(field).is_some_and(&wanted) {
            return;
        }
        assert!(begin.elapsed() < INSTALL, "`{field}` is not as it should be:\n{status:#}\nagent: {}", lab.log());
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn command(program: &str, arguments: &[&str]) {
    let status = std::process::Command::new(program).args(arguments).status().expect("a program");
    assert!(status.success(), "{program} {arguments:?}: {status}");
}
