//! One signed binary from dev to release candidate, end to end: CI uploads it, real VMs install it from the stage repositories that the
//! agent serves, their checks promote it, and stable keeps what it has.

use std::time::{Duration, Instant};

use camino::Utf8PathBuf;
use rekindle_tests::lab::{Lab, ask};
use rekindle_tests::rpms::RpmLab;
use rekindle_tests::sandbox;
use rekindle_tests::say::say;
use rekindle_tests::served::Served;
use rekindle_tests::stages::{Stages, reached, runs, signed, wait_until_reached};

const INSTALL: Duration = Duration::from_secs(600);
const SOON: Duration = Duration::from_secs(60);
const TOKEN: &str = "5d1f0c3a9e7b48d2a6c4f1e0b3d5a7c9";

fn write_vm(lab: &Lab, stage: &str, last: u8) {
    let more = "packages = [\"qemu-guest-agent\"]\n";
    let text = format!("role = \"shop-web\"\nteam = \"shop\"\nstage = \"{stage}\"\naddress = \"10.44.0.{last}\"\n{more}");
    lab.write(&format!("vms/{stage}1.toml"), &text);
}

#[test]
fn checks_on_real_vms_carry_a_package_from_upload_to_release_candidate_while_stable_keeps_its_own() {
    sandbox::within(|| {
        let lab = Lab::new(&[]);
        // The site: four stages of its own, of which two push by themselves, and one that somebody approves for.
        let stages = Stages::new(
            &lab,
            &[
                ("dev", "[policy]\nauto_promote = true\n"),
                ("testing", "[policy]\nauto_promote = true\n"),
                ("rc", ""),
                ("stable", "[promotion]\napprovers = [\"alice\"]\n"),
            ],
        );
        let (rpms, other) = (&stages.rpms, stages.rpms.key("other"));
        let tokens = lab.path.join("tokens");
        let digest = rpms.must("sh", &["-c", &format!("printf %s {TOKEN} | sha256sum | cut -d' ' -f1")]);
        std::fs::write(&tokens, format!("ci-shop {} dev\n", digest.trim())).expect("tokens");
        let settings = std::fs::read_to_string(lab.path.join("agent.toml")).expect("agent.toml");
        let api = format!("\n[api]\nlisten = \"127.0.0.1:8471\"\n[upload]\ntokens = \"{tokens}\"\n");
        std::fs::write(lab.path.join("agent.toml"), settings + &api).expect("agent.toml");

        // Version 1 has gone all the way, long ago.
        stages.have_everywhere("1.0");
        write_vm(&lab, "stable", 14);
        write_vm(&lab, "dev", 11);
        let agent = lab.agent();
        for vm in ["stable1", "dev1"] {
            lab.wait(vm, INSTALL, |phase, _| phase == "ready" || phase == "failed");
            assert_eq!((lab.phase(vm).0.as_str(), runs(&lab, vm).as_str()), ("ready", "1.0-1"), "{}", lab.ok(&["status", vm]));
        }

        // CI uploads version 2; what is not signed by the site's key does not enter.
        let upload = |file: &Utf8PathBuf, token: &str| {
            let (login, url) = (format!("Authorization: Bearer {token}"), "http://127.0.0.1:8471/api/v1/repo/dev/");
            rpms.must("curl", &["-sS", "-o", "-", "-w", " %{http_code}", "-H", &login, "-T", file.as_str(), url])
        };
        let two = stages.signed("1.1");
        let foreign = rpms.build("foreign", "1", "x");
        rpms.sign(std::slice::from_ref(&foreign), &other);
        let refused = upload(&foreign, TOKEN);
        println!("{refused}");
        assert!(refused.ends_with(" 409") && refused.contains("error"), "{refused}");
        let refused = upload(&two, "wrong");
        assert!(refused.ends_with(" 401"), "{refused}");
        let entered = upload(&two, TOKEN);
        println!("{entered}");
        assert!(entered.ends_with(" 201") && entered.contains("shop-web-1.1-1"), "{entered}");
        assert!(upload(&two, TOKEN).ends_with(" 200"), "a second time changes nothing");
        assert_eq!(reached(&lab, "1.1"), "dev", "no VM has it yet, so it stays");

        // A VM of each stage installs it, and its checks send it on.
        println!("{}", lab.ok(&["rebuild", "dev1", "--yes"]));
        assert_eq!(runs(&lab, "dev1"), "1.1-1");
        wait_until_reached(&lab, "1.1", "testing");
        for (stage, last, next) in [("testing", 12, Some("rc")), ("rc", 13, None)] {
            write_vm(&lab, stage, last);
            let vm = format!("{stage}1");
            lab.wait(&vm, INSTALL, |phase, _| phase == "ready" || phase == "failed");
            assert_eq!((lab.phase(&vm).0.as_str(), runs(&lab, &vm).as_str()), ("ready", "1.1-1"), "{}", lab.ok(&["status", &vm]));
            match next {
                Some(next) => wait_until_reached(&lab, "1.1", next),
                None => assert_eq!(reached(&lab, "1.1"), "rc", "to stable it goes when somebody approves"),
            }
        }
        assert_eq!((lab.phase("stable1"), runs(&lab, "stable1").as_str()), (("ready".to_owned(), 1), "1.0-1"));
        update_by_hand(&lab, "stable1");
        // What a person would look at: the board, the way of the package, the proof, and who did what.
        for question in [
            &["repo", "status"][..],
            &["repo", "timeline", "shop-web-1.1"],
            &["repo", "verify", "shop-web"],
            &["repo", "history", "rc"],
            &["status", "stable1"],
        ] {
            println!("$ rekindle {}\n{}", question.join(" "), lab.ok(question));
        }
        let proof: serde_json::Value = serde_json::from_str(&lab.ok(&["repo", "verify", "shop-web", "--json"])).expect("JSON");
        let text = proof.to_string();
        for vm in ["dev1", "testing1", "rc1", "stable1"] {
            assert!(text.contains(&format!("VM {vm}")), "the rpmdb of {vm} is part of the proof: {proof:#}");
        }
        drop(agent);
    });
}

/// Somebody approves version 2 for stable and updates the VM there by hand, without a rebuild: its own report says so, and its checks
/// count for the new bytes.
fn update_by_hand(lab: &Lab, vm: &str) {
    say(lab.ok(&["repo", "promote", "shop-web", "--from", "rc", "--to", "stable", "--approved-by", "alice"]));
    let file = "shop-web-1.1-1.noarch.rpm";
    // What the service inherits must not be the pipe that the guest agent reads.
    let script = format!(
        "set -e\ncat /etc/yum.repos.d/site.repo\ncd /tmp\n\
         curl -f -s -S -o {file} http://10.44.0.1:8470/repo/stable/site/packages/s/{file}\nrpmkeys -K {file}\nrpm -U {file}\n\
         systemctl restart shop-web </dev/null >/dev/null 2>&1\n/usr/libexec/rekindle/report-packages"
    );
    let (status, said) = lab.in_guest(vm, &script, SOON);
    say(&said);
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("gpgcheck = 1\nrepo_gpgcheck = 1\n") && said.contains("signatures OK"), "{said}");
    assert_eq!(runs(lab, vm), "1.1-1");
    let begin = Instant::now();
    loop {
        let told = lab.ok(&["repo", "timeline", "shop-web-1.1"]);
        if told.contains("stable1 was updated to it in place") && told.contains("check health on stable1") {
            break;
        }
        assert!(begin.elapsed() < SOON, "{told}\n{}", lab.log());
        std::thread::sleep(Duration::from_millis(200));
    }
    assert!(ask("10.44.0.14").contains("shop-web 1.1-1"));
    assert_eq!(lab.phase(vm), ("ready".to_owned(), 1), "it was not rebuilt");
}

#[test]
fn a_vm_installs_from_the_snapshot_of_its_stage_though_the_outside_has_moved_on_and_is_gone() {
    sandbox::within(|| {
        let rpms = RpmLab::new();
        let lab = Lab::new(&[]);
        let outside = rpms.dir.join("outside");
        rpms.repository(&outside, &[signed(&rpms, "1.0")], Some(&rpms.signer));
        let served = Served::start(&[("shop", &outside)]);
        let os = format!(
            "release = \"rhel9\"\ntree = {{ directory = \"../mirror/tree/tiny\" }}\nfilesystem = \"ext4\"\nmin_memory = \"512 MiB\"\n\
             [[repos]]\nname = \"shop\"\nurl = \"{}/\"\n[snapshots]\ndirectory = \"{}/frozen\"\nkeys = [\"{}\"]\n",
            served.url("shop"),
            lab.path,
            rpms.signer.public
        );
        lab.write("os/tiny.toml", &os);
        for stage in ["dev", "testing"] {
            lab.write(&format!("stages/{stage}.toml"), "network = \"demo\"\npuppet_environment = \"production\"\n");
        }
        println!("{}", lab.ok(&["repo", "os", "refresh", "tiny", "--to", "dev"]));
        // The outside has a newer version, is copied for another stage, and then is gone.
        rpms.repository(&outside, &[signed(&rpms, "1.1")], Some(&rpms.signer));
        println!("{}", lab.ok(&["repo", "os", "refresh", "tiny", "--to", "testing"]));
        drop(served);
        write_vm(&lab, "dev", 11);
        write_vm(&lab, "testing", 12);
        println!("{}", lab.ok(&["repo", "os", "status"]));
        let agent = lab.agent();
        for (vm, version) in [("dev1", "1.0-1"), ("testing1", "1.1-1")] {
            lab.wait(vm, INSTALL, |phase, _| phase == "ready" || phase == "failed");
            assert_eq!((lab.phase(vm).0.as_str(), runs(&lab, vm).as_str()), ("ready", version), "{}", lab.ok(&["status", vm]));
        }
        drop(agent);
    });
}
