//! `upgrade`: what changed between releases is rewritten, and what a person must decide is said.

use kickstart::{Release, upgrade};

/// Upgrades `text`; `decisions` are the lines on which a person must decide.
#[track_caller]
fn check_upgrade(from: Release, to: Release, text: &str, expected: &str, decisions: &[usize]) {
    let upgraded = upgrade(text, from, to);
    assert_eq!(upgraded.text, expected, "{:#?}", upgraded.changes);
    let found: Vec<usize> = upgraded.changes.iter().filter(|change| change.needs_decision).map(|change| change.line).collect();
    assert_eq!(found, decisions, "{:#?}", upgraded.changes);
    assert!(upgraded.report.is_ok(), "{:?}", upgraded.report);
    assert!(!upgraded.report.is_deprecated(), "{:?}", upgraded.report);
}

#[test]
fn an_old_kickstart_becomes_a_new_one() {
    let text = "\
#version=RHEL7
install
auth --enableshadow --passalgo=sha512 --enablemkhomedir
timezone Europe/Berlin --isUtc --ntpservers a.example.com,b.example.com # here
unsupported_hardware
url --url=http://192.0.2.1/os/
rootpw --iscrypted $6$x$y
%packages --nobase --instLangs=en
@^minimal
vim
%end
%post
authconfig stays in a script
%end
";
    let expected = "\
#version=RHEL9
authselect select minimal with-mkhomedir
timezone Europe/Berlin --utc # here
timesource --ntp-server=a.example.com
timesource --ntp-server=b.example.com
url --url=http://192.0.2.1/os/
rootpw --iscrypted $6$x$y
%packages --inst-langs=en
@^minimal-environment
vim
%end
%post
authconfig stays in a script
%end
";
    check_upgrade(Release::Rhel7, Release::Rhel9, text, expected, &[]);
}

#[test]
fn what_has_no_successor_is_for_a_person() {
    check_upgrade(Release::Rhel9, Release::Rhel10, "text\nvnc --password=x\n", "text\n# vnc --password=x\n", &[2]);
    check_upgrade(Release::Rhel7, Release::Rhel8, "auth --enableldap\n", "authselect select sssd\n", &[1]);
    check_upgrade(Release::Rhel9, Release::Rhel10, "text\n%anaconda\npwpolicy root\n%end\n", "text\n", &[2]);
    check_upgrade(Release::Rhel8, Release::Rhel9, "timezone UTC --nontp", "timezone UTC\ntimesource --ntp-disable", &[]);
}

#[test]
fn a_new_kickstart_for_the_same_release_does_not_change() {
    let text = include_str!("../benches/sample.ks");
    check_upgrade(Release::Rhel9, Release::Rhel9, text, text, &[]);
    let upgraded = upgrade(text, Release::Rhel9, Release::Rhel10);
    assert_eq!(upgraded.text, text.replace("#version=RHEL9", "#version=RHEL10"));
}

#[test]
fn what_cannot_be_upgraded_is_said_by_the_check() {
    let upgraded = upgrade("part / --fstype=btrfs --size=9\nfrob\n", Release::Rhel7, Release::Rhel8);
    let codes: Vec<&str> = upgraded.report.errors().map(|d| d.code).collect();
    assert_eq!(codes, ["unsupported-filesystem", "unknown-command"]);
    assert_eq!(upgraded.changes.iter().filter(|change| change.needs_decision).count(), 1);
}
