//! One signed binary from dev to release candidate, end to end: CI uploads it, real VMs install it from the stage repositories that the
//! agent serves, their checks promote it, and stable keeps what it has.

use std::time::{Duration, Instant};

use camino::Utf8PathBuf;
use rekindle::execute::repo::{Asked, add, promote};
use rekindle::plan::repo::{PromotionRequest, Selection};
use rekindle::spec::{PromotionPolicy, Timestamp};
use rekindle::world::repo::{Repository, directory, gnupg_home};
use rekindle_tests::lab::{Lab, guest};
use rekindle_tests::rpms::{Key, RpmLab};
use rekindle_tests::sandbox;
use rekindle_tests::served::Served;

const INSTALL: Duration = Duration::from_secs(600);
const SOON: Duration = Duration::from_secs(60);
const TOKEN: &str = "5d1f0c3a9e7b48d2a6c4f1e0b3d5a7c9";

/// The guest's `shop-web` of this version, signed.
fn signed(rpms: &RpmLab, key: &Key, version: &str) -> Utf8PathBuf {
    let packages = guest().join("stages/dev/Packages");
    let mut files = packages.read_dir_utf8().expect("the guest's packages").map(|entry| entry.expect("one").into_path());
    let wanted = format!("shop-web-{version}-");
    let found = files.find(|path| path.file_name().is_some_and(|name| name.starts_with(&wanted))).expect("shop-web");
    let to = rpms.dir.join(found.file_name().expect("a name"));
    std::fs::copy(found, &to).expect("a copy");
    rpms.sign(std::slice::from_ref(&to), key);
    to
}

fn write_vm(lab: &Lab, stage: &str, last: u8) {
    let text = format!("role = \"shop-web\"\nteam = \"shop\"\nstage = \"{stage}\"\naddress = \"10.44.0.{last}\"\n");
    lab.write(&format!("vms/{stage}1.toml"), &text);
}

/// The version of `shop-web` that a VM's rpmdb has.
fn runs(lab: &Lab, vm: &str) -> String {
    let status = lab.status(vm);
    let packages = status["packages"].as_array().cloned().unwrap_or_default();
    let shop = packages.iter().find(|package| package["name"] == "shop-web").unwrap_or_else(|| panic!("{status:#}"));
    shop["evr"].as_str().expect("a version").to_owned()
}

fn reached(lab: &Lab) -> String {
    let timeline: serde_json::Value =
        serde_json::from_str(&lab.ok(&["repo", "timeline", "shop-web-1.1", "--json"])).expect("JSON");
    timeline["reached"].as_str().unwrap_or_default().to_owned()
}

fn wait_until_reached(lab: &Lab, stage: &str) {
    let begin = Instant::now();
    while reached(lab) != stage {
        assert!(
            begin.elapsed() < SOON,
            "it does not reach {stage}: {}\n{}",
            lab.ok(&["repo", "timeline", "shop-web-1.1"]),
            lab.log()
        );
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn checks_on_real_vms_carry_a_package_from_upload_to_release_candidate_while_stable_keeps_its_own() {
    sandbox::within(|| {
        let rpms = RpmLab::new();
        let (key, other) = (rpms.key("site"), rpms.key("other"));
        let lab = Lab::new(&[]);
        // The site: four stages of its own, of which two push by themselves, and one that somebody approves for.
        let text = std::fs::read_to_string(lab.path.join("site/site.toml")).expect("site.toml");
        let repository = format!(
            "\n[repository]\nstages = [\"dev\", \"testing\", \"rc\", \"stable\"]\nkeyring = [\"{}\"]\nsigning_key = \"{}\"\n",
            key.public, "site@example.com"
        );
        lab.write("site.toml", &(text + &repository));
        for (stage, rest) in [
            ("dev", "[policy]\nauto_promote = true\n"),
            ("testing", "[policy]\nauto_promote = true\n"),
            ("rc", ""),
            ("stable", "[promotion]\napprovers = [\"alice\"]\n"),
        ] {
            lab.write(
                &format!("stages/{stage}.toml"),
                &format!("network = \"demo\"\npuppet_environment = \"production\"\n{rest}"),
            );
        }
        let state = lab.path.join("state");
        std::fs::create_dir_all(&state).expect("a directory");
        rpms.must("cp", &["-a", rpms.gnupg().as_str(), gnupg_home(&state).as_str()]);
        let tokens = lab.path.join("tokens");
        let digest = rpms.must("sh", &["-c", &format!("printf %s {TOKEN} | sha256sum | cut -d' ' -f1")]);
        std::fs::write(&tokens, format!("ci-shop {} dev\n", digest.trim())).expect("tokens");
        let settings = std::fs::read_to_string(lab.path.join("agent.toml")).expect("agent.toml");
        let api = format!("\n[api]\nlisten = \"127.0.0.1:8471\"\n[upload]\ntokens = \"{tokens}\"\n");
        std::fs::write(lab.path.join("agent.toml"), settings + &api).expect("agent.toml");

        // Version 1 has gone all the way, long ago.
        let one = signed(&rpms, &key, "1.0");
        let spec = rekindle::site::load(&lab.path.join("site")).unwrap_or_else(|errors| panic!("{errors}"));
        let policy = spec.site.repository.clone().expect("a repository");
        let own = Repository::open(&directory(&state), &policy, &gnupg_home(&state)).expect("the repository");
        let asked =
            Asked { by: "test".to_owned(), login: "test".to_owned(), note: String::new(), now: Timestamp(1_795_000_000_000) };
        let open = PromotionPolicy::default();
        add(&own, &open, &policy.stages[0], std::slice::from_ref(&one), &asked).expect("it enters");
        for pair in policy.stages.windows(2) {
            let selection = Selection::Named(vec!["shop-web".to_owned()]);
            let request = PromotionRequest { selection, from: pair[0].clone(), to: pair[1].clone(), approved_by: None };
            promote(&own, &open, &request, &asked).expect("it moves");
        }
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
        let two = signed(&rpms, &key, "1.1");
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
        assert_eq!(reached(&lab), "dev", "no VM has it yet, so it stays");

        // A VM of each stage installs it, and its checks send it on.
        println!("{}", lab.ok(&["rebuild", "dev1", "--yes"]));
        assert_eq!(runs(&lab, "dev1"), "1.1-1");
        wait_until_reached(&lab, "testing");
        for (stage, last, next) in [("testing", 12, Some("rc")), ("rc", 13, None)] {
            write_vm(&lab, stage, last);
            let vm = format!("{stage}1");
            lab.wait(&vm, INSTALL, |phase, _| phase == "ready" || phase == "failed");
            assert_eq!((lab.phase(&vm).0.as_str(), runs(&lab, &vm).as_str()), ("ready", "1.1-1"), "{}", lab.ok(&["status", &vm]));
            match next {
                Some(next) => wait_until_reached(&lab, next),
                None => assert_eq!(reached(&lab), "rc", "to stable it goes when somebody approves"),
            }
        }
        assert_eq!((lab.phase("stable1"), runs(&lab, "stable1").as_str()), (("ready".to_owned(), 1), "1.0-1"));
        // What a person would look at: the board, the way of the package, the proof, and who did what.
        for question in [
            &["repo", "status"][..],
            &["repo", "timeline", "shop-web-1.1"],
            &["repo", "verify", "shop-web"],
            &["repo", "history", "rc"],
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

#[test]
fn a_vm_installs_from_the_snapshot_of_its_stage_though_the_outside_has_moved_on_and_is_gone() {
    sandbox::within(|| {
        let rpms = RpmLab::new();
        let key = rpms.key("vendor");
        let lab = Lab::new(&[]);
        let outside = rpms.dir.join("outside");
        rpms.repository(&outside, &[signed(&rpms, &key, "1.0")], Some(&key));
        let served = Served::start(&[("shop", &outside)]);
        let os = format!(
            "release = \"rhel9\"\ntree = {{ directory = \"../mirror/tree/tiny\" }}\nfilesystem = \"ext4\"\nmin_memory = \"512 MiB\"\n\
             [[repos]]\nname = \"shop\"\nurl = \"{}/\"\n[snapshots]\ndirectory = \"{}/frozen\"\nkeys = [\"{}\"]\n",
            served.url("shop"),
            lab.path,
            key.public
        );
        lab.write("os/tiny.toml", &os);
        for stage in ["dev", "testing"] {
            lab.write(&format!("stages/{stage}.toml"), "network = \"demo\"\npuppet_environment = \"production\"\n");
        }
        println!("{}", lab.ok(&["repo", "os", "refresh", "tiny", "--to", "dev"]));
        // The outside has a newer version, is copied for another stage, and then is gone.
        rpms.repository(&outside, &[signed(&rpms, &key, "1.1")], Some(&key));
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
