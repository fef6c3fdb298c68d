//! The typed model: what it reads, and that what it writes reads as the same.

use kickstart::model::{Entry, Kickstart, Network, Packages, Script, User};
use kickstart::{Release, SectionKind, check};

#[test]
fn a_kickstart_reads_as_structs() {
    let text = include_str!("../benches/sample.ks");
    let sample = Kickstart::read(text, Release::Rhel9);
    assert_eq!(sample.unread, Vec::<String>::new());
    assert_eq!(sample.networks[0].ip.as_deref(), Some("192.0.2.10"));
    assert_eq!(sample.timezone[0].zone, ["Europe/Berlin"]);
    assert!(sample.timezone[0].utc && sample.disks.zero_mbr);
    assert_eq!(sample.disks.clear[0].which.as_deref(), Some("--all"));
    assert_eq!(sample.disks.groups[0].members, ["pv.01"]);
    assert_eq!(sample.disks.volumes[0].group.as_deref(), Some("vg0"));
    assert_eq!(sample.accounts.users[0].groups, ["wheel"]);
    assert_eq!(sample.packages[0].entries[0], Entry::Environment("minimal-environment".to_owned()));
    assert!(sample.others.iter().any(|other| other.name == "reboot"));
}

#[test]
fn what_is_written_reads_as_the_same() {
    for line in include_str!("../parity/verdicts.txt").lines().filter(|line| line.starts_with("A ")) {
        let mut parts = line.splitn(3, ' ').skip(1);
        let release: Release = parts.next().expect("a release").parse().expect("a release");
        let text = crate::frozen::unescape(parts.next().unwrap_or_default());
        let read = Kickstart::read(&text, release);
        let written = read.write(release);
        assert_eq!(Kickstart::read(&written, release), read, "{release} {text:?} -> {written:?}");
        assert!(check(&written, release).is_ok(), "{release} {text:?} -> {written:?}");
    }
}

#[test]
fn a_kickstart_is_made_of_structs() {
    let mut made = Kickstart::default();
    let dhcp = Network { device: Some("link".into()), boot_proto: Some("dhcp".into()), ..Network::default() };
    let ops = User { name: Some("ops".into()), gecos: Some("The \"ops\" team".into()), ..User::default() };
    made.networks.push(dhcp);
    made.accounts.users.push(ops);
    made.packages.push(Packages { entries: vec![Entry::Group("core".into())], ignore_missing: true, ..Packages::default() });
    made.scripts.push(Script { error_on_fail: true, ..Script::new(SectionKind::Post, "set -e\ntouch /etc/made") });
    let expected = "\
network --device=link --bootproto=dhcp

user --name=ops --gecos=\"The \\\"ops\\\" team\"

%packages --ignoremissing
@core
%end

%post --erroronfail
set -e
touch /etc/made
%end
";
    assert_eq!(made.write(Release::Rhel9), expected);
    assert!(check(expected, Release::Rhel9).is_ok());
}
