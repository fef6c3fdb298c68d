//! The whole way: a guest is installed, gets its certificate by its token, fetches its catalog, reports and serves; then it is
//! rebuilt, and does it again with a new key under the same name.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rekindle_tests::lab::{Lab, ask};
use rekindle_tests::puppetlab::enrol;
use rekindle_tests::puppetserver::{Listed, PuppetServer};
use rekindle_tests::say::say;
use rekindle_tests::stages::{Stages, reached, runs, wait_until_reached};

/// An install with systemd and Puppet, first boot and handoff, on a busy machine.
const LIFE: Duration = Duration::from_secs(1500);
/// From the report until the first-boot unit is through, on a busy machine.
const HANDOFF: Duration = Duration::from_secs(300);
const CERTNAME: &str = "puppet1.demo.example";

pub(super) fn a_guest_enrols_and_does_it_again_when_it_is_rebuilt(lab: &Lab, server: &PuppetServer, stages: &Stages) {
    let file = "vms/puppet1.toml";
    let vm = std::fs::read_to_string(lab.path.join("site").join(file)).expect("the VM");
    lab.write(file, &format!("{vm}packages = [\"dnf\", \"qemu-guest-agent\"]\n"));
    enrol(&lab.path, server);
    say(lab.ok(&["check"]));
    lab.ok(&["puppet", "hiera", lab.path.join("hiera").as_str()]);
    let before = show_list(server, "before the first install");
    assert!(!before.contains_key(CERTNAME));
    let begin = Instant::now();
    let _agent = lab.agent();
    lab.wait("puppet1", LIFE, |phase, _| phase == "ready" || phase == "failed");
    show_life(lab, begin);
    check_ready(lab, server, 1);
    let first = show_list(server, "after the first install")[CERTNAME].clone();
    let begin = Instant::now();
    say(lab.ok(&["rebuild", "puppet1", "--yes"]));
    show_life(lab, begin);
    check_ready(lab, server, 2);
    let second = show_list(server, "after the rebuild")[CERTNAME].clone();
    assert_eq!((first.state.as_str(), second.state.as_str()), ("signed", "signed"));
    assert_ne!(first.fingerprint, second.fingerprint, "a new key under the same name");
    let revoked = server.revoked_serials();
    assert!(revoked.contains(&first.serial.expect("a serial")), "the first certificate is revoked: {revoked:?}");
    assert!(!revoked.contains(&second.serial.expect("a serial")), "the second is not: {revoked:?}");
    its_puppet_updates_it_in_place(lab, server, stages);
}

/// A new version enters the VM's stage; Puppet's next run installs it from there with dnf, the VM says so, and its checks send the
/// package on: nothing was rebuilt.
fn its_puppet_updates_it_in_place(lab: &Lab, server: &PuppetServer, stages: &Stages) {
    say("== Puppet updates it in place");
    lab.write("puppet/modules/shop/manifests/web.pp", LATEST);
    say(lab.ok(&["repo", "add", stages.first().as_str(), stages.signed("1.1").as_str()]));
    assert_eq!((reached(lab, "1.1"), runs(lab, "puppet1")), ("dev".to_owned(), "1.0-1".to_owned()));
    // What the unit of Puppet's agent does every half hour.
    let run = "puppet agent --onetime --no-daemonize --verbose --color=false --detailed-exitcodes";
    let (status, said) = lab.in_guest("puppet1", run, HANDOFF);
    say(&said);
    let dnf = || lab.in_guest("puppet1", "cat /etc/yum.repos.d/site.repo; dnf --color=never -v check-update shop-web", HANDOFF).1;
    let told = || format!("{said}\n{}\nagent:\n{}\npuppetserver:\n{}", dnf(), lab.log(), server.log());
    assert_eq!(status, 2, "{}", told());
    assert_eq!(runs(lab, "puppet1"), "1.1-1", "{}", told());
    wait_until_reached(lab, "1.1", "testing");
    let timeline = lab.ok(&["repo", "timeline", "shop-web-1.1"]);
    say(&timeline);
    assert!(timeline.contains("puppet1 was updated to it in place"), "{timeline}");
    let answer = ask("10.44.0.30");
    assert!(answer.contains("shop-web 1.1-1"), "{answer}");
    say(lab.ok(&["repo", "verify", "shop-web"]));
    say(lab.ok(&["status", "puppet1"]));
    assert_eq!(lab.phase("puppet1"), ("ready".to_owned(), 2), "it was not rebuilt");
}

/// What Puppet does to a web server whose package follows its stage.
const LATEST: &str = "class shop::web (
  String $greeting,
) {
  file { '/etc/shop-greeting':
    ensure  => file,
    mode    => '0644',
    content => \"${greeting}\\n\",
  }
  # The guest is Debian below, where this would not be the provider by itself.
  package { 'shop-web':
    ensure   => latest,
    provider => 'dnf',
  }
  ~> service { 'shop-web':
    ensure => running,
  }
}
";

#[track_caller]
fn check_ready(lab: &Lab, server: &PuppetServer, attempt: u64) {
    let status = lab.status("puppet1");
    let told = || format!("{status:#}\nagent:\n{}\npuppetserver:\n{}", lab.log(), server.log());
    assert_eq!(lab.phase("puppet1"), ("ready".to_owned(), attempt), "{}", told());
    assert_eq!(status["handoff"]["status"], "changed", "{}", told());
    // What made it ready was the report that the server forwarded: it comes before the VM's own, which is sent when the run is over.
    assert_eq!((&status["handoff"]["via"], &status["puppet"]["last"]["via"]), (&"server".into(), &"server".into()), "{}", told());
    assert_eq!(status["puppet"]["last"]["status"], "changed", "{}", told());
    let log = std::fs::read_to_string(server.path.join("log/puppetserver.log")).expect("its log");
    assert!(!log.contains("Report processor failed"), "{}", told());
    assert!(!lab.log().contains("report is turned away"), "{}", told());
    let answer = ask("10.44.0.30");
    assert!(answer.contains("shop-web"), "what was installed serves: {answer}");
    wait_for_the_end_of_the_handoff(lab, attempt);
    // The catalog was compiled there, and the text of this file is the role's Hiera data.
    let text = sha256("hello from Hiera\n");
    let reports = server.reports(CERTNAME);
    assert!(reports.last().is_some_and(|report| report.contains(&text)), "no report speaks of {text}:\n{}", told());
}

/// The VM is ready by the forwarded report before its own script is through: it ends all the same, and takes the tokens with it.
#[track_caller]
fn wait_for_the_end_of_the_handoff(lab: &Lab, attempt: u64) {
    let console = lab.path.join(format!("state/vms/puppet1/attempt-{attempt}/console.log"));
    let begin = Instant::now();
    loop {
        let text = String::from_utf8_lossy(&std::fs::read(&console).unwrap_or_default()).into_owned();
        let told = |word: &str| text.lines().any(|line| line.contains(word) && line.contains("rekindle-firstboo"));
        assert!(!told("Failed"), "the first-boot unit failed:\n{text}");
        if told("Finished") {
            return;
        }
        assert!(begin.elapsed() < HANDOFF, "the first-boot unit does not end:\n{text}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn sha256(text: &str) -> String {
    let mut child = Command::new("sha256sum").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("sha256sum");
    child.stdin.take().expect("its input").write_all(text.as_bytes()).expect("its input");
    let output = child.wait_with_output().expect("its end");
    String::from_utf8_lossy(&output.stdout).split_whitespace().next().expect("a digest").to_owned()
}

fn show_life(lab: &Lab, begin: Instant) {
    say(format_args!("{:.0} s in all", begin.elapsed().as_secs_f32()));
    say(String::from_utf8_lossy(&lab.rekindle(&["status", "puppet1"]).stdout));
}

fn show_list(server: &PuppetServer, when: &str) -> BTreeMap<String, Listed> {
    let list = server.list();
    let others = list.keys().filter(|name| name.ends_with(".example.com")).count();
    say(format_args!("the CA's list {when} (and {others} certificates of the parts before):"));
    for (name, listed) in list.iter().filter(|(name, _)| !name.ends_with(".example.com")) {
        let serial = listed.serial.map_or_else(|| "-".to_owned(), |serial| serial.to_string());
        say(format_args!("  {name:24} {:9} serial {serial:3} {}", listed.state, &listed.fingerprint[..23]));
    }
    list
}
