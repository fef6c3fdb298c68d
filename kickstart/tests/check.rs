//! `check` against the grammar of each release.

use kickstart::{Release, check, report};

/// Checks one text; `expected` is what is found, as `code line:column`.
#[track_caller]
fn check_text(release: Release, text: &str, expected: &[&str]) {
    let report = check(text, release);
    let found: Vec<String> = report.diagnostics().iter().map(|d| format!("{} {}:{}", d.code, d.line, d.column)).collect();
    assert_eq!(found, expected, "{release}: {text:?}");
}

const GOOD: &str = "\
#version=RHEL9
cmdline
lang en_US.UTF-8
keyboard --vckeymap=us
timezone Europe/Berlin --utc
timesource --ntp-server=ntp.example.com
network --device=link --bootproto=static --ip=192.0.2.10 --netmask=255.255.255.0 --gateway=192.0.2.1 --nameserver=192.0.2.1 --hostname=web1.example.com --activate
url --url=http://192.0.2.1/tree/
repo --name=stage --baseurl=http://192.0.2.1/repo/dev/
rootpw --lock
user --name=ops --groups=wheel --iscrypted --password=$6$x$y
sshkey --username=ops \"ssh-ed25519 AAAA ops@example.com\"
firewall --enabled --service=ssh
selinux --enforcing
services --enabled=sshd,chronyd
skipx
firstboot --disable
zerombr
clearpart --all --initlabel --drives=vda
ignoredisk --only-use=vda
bootloader --location=mbr --append=\"console=ttyS0\"
part /boot --fstype=xfs --size=1024 --ondisk=vda
part pv.01 --size=1 --grow --ondisk=vda
volgroup vg0 pv.01
logvol / --vgname=vg0 --name=root --fstype=xfs --size=4096 --grow
logvol swap --vgname=vg0 --name=swap --size=512
%packages --ignoremissing --exclude-weakdeps
@^minimal-environment
@core
-iwl*-firmware
vim-enhanced # editor
%end
%pre --erroronfail --log=/tmp/pre.log
echo hello
%end
%post --nochroot --interpreter=/bin/bash
echo '%end'
%end
reboot --eject
";

#[test]
fn a_whole_kickstart_is_accepted() {
    for release in [Release::Rhel9, Release::F40] {
        check_text(release, GOOD, &[]);
    }
}

#[test]
fn unknown_removed_and_deprecated_commands_are_told_apart() {
    check_text(Release::Rhel9, "timezoen UTC\n", &["unknown-command 1:1"]);
    check_text(Release::Rhel9, "install\n", &["removed-command 1:1"]);
    check_text(Release::Rhel8, "install --x\n", &["deprecated-command 1:1"]);
    check_text(Release::Rhel7, "timesource --ntp-disable\n", &["unknown-command 1:1"]);
}

#[test]
fn options_are_matched_as_argparse_matches_them() {
    check_text(Release::Rhel9, "clearpart --al --init\n", &[]);
    check_text(Release::Rhel9, "clearpart --all=x\n", &["unexpected-argument 1:11"]);
    check_text(Release::Rhel9, "part / --si 1 --gr\n", &[]);
    check_text(Release::Rhel9, "part / --s=1\n", &[]);
    check_text(Release::Rhel9, "part / --max=1 --m=2\n", &["ambiguous-option 1:16"]);
    check_text(Release::Rhel9, "part / --size\n", &["missing-argument 1:8"]);
    check_text(Release::Rhel9, "part / --size --grow\n", &["missing-argument 1:8"]);
    check_text(Release::Rhel9, "part / --size=+1_0\n", &[]);
    check_text(Release::Rhel9, "part / --size=1.5\n", &["invalid-integer 1:8"]);
    check_text(Release::Rhel9, "part --size=1\n", &["missing-option 1:1"]);
    check_text(Release::Rhel9, "part / /x --size=1 --foo=2\n", &["unexpected-argument 1:8", "unknown-option 1:20"]);
    check_text(Release::Rhel9, "repo --baseurl=http://x/\n", &["missing-option 1:1"]);
    check_text(Release::Rhel9, "bootloader --location=disk\n", &["invalid-choice 1:12"]);
    check_text(Release::Rhel9, "raid / --level=RAID9 --device=md0 raid.1\n", &["invalid-choice 1:8"]);
    check_text(Release::Rhel9, "bootloader --timeout -5\n", &[]);
}

#[test]
fn section_headers_have_options_too() {
    check_text(Release::Rhel9, "%packages --ignorebroken\n%end\n", &["unknown-option 1:11"]);
    check_text(Release::F42, "%packages --ignorebroken\n%end\n", &[]);
    check_text(Release::F42, "%packages --instLangs=en\n%end\n", &["deprecated-option 1:11"]);
    check_text(Release::Rhel9, "%pre --nochroot\n%end\n", &["unknown-option 1:6"]);
}

#[test]
fn commands_that_exclude_each_other_are_found_in_either_order() {
    check_text(Release::Rhel9, "autopart\npart / --size=1\n", &["conflicting-commands 2:1"]);
    check_text(Release::Rhel9, "partition / --size=1\nautopart\n", &["conflicting-commands 2:1"]);
}

#[test]
fn no_secret_is_in_a_message_or_in_the_rendered_source() {
    for line in ["rootpw hunter2 hunter2\n", "user --name=a --password=hunter2 --foo\n", "rootpw --plain hunter2 hunter2 --foo\n"]
    {
        let report = check(line, Release::Rhel9);
        assert!(!report.is_ok(), "{line}");
        let shown = report::text::render("x.ks", line, report.diagnostics());
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

#[test]
fn the_text_report_points_at_the_word() {
    let text = "text\npart / --size=1 --ondsk=vda\n";
    let report = check(text, Release::Rhel9);
    let expected = "\
error[unknown-option]: unknown option `--ondsk` of `part` for rhel9
 --> web1.ks:2:17
  |
2 | part / --size=1 --ondsk=vda
  |                 ^^^^^^^^^^^
  = help: did you mean `--ondisk`?

";
    assert_eq!(report::text::render("web1.ks", text, report.diagnostics()), expected);
}
