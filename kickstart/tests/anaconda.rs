//! One good kickstart, and what Anaconda 34 (RHEL 9) makes of it with one change each: it refuses or
//! stops at each of these, or installs something broken, and `ksvalidator` passes them all.

use kickstart::{Firmware, LintOptions, Release, Severity, check, lint};

const GOOD: &str = "\
cmdline
lang en_US.UTF-8
keyboard --vckeymap=us
timezone Europe/Berlin --utc
timesource --ntp-server=192.0.2.1
network --device=eth0 --bootproto=static --ip=10.0.2.15 --netmask=255.255.255.0 --gateway=10.0.2.2 --nameserver=10.0.2.3 --hostname=web1.example.com --activate
url --url=http://10.0.2.2/os/
rootpw --iscrypted $6$salt$hash
user --name=ops --groups=wheel --iscrypted --password=$6$salt$hash
sshkey --username=ops \"ssh-ed25519 AAAA ops\"
bootloader --append=console=ttyS0
zerombr
clearpart --all --initlabel --drives=vda
part /boot --fstype=xfs --size=1024 --ondisk=vda
part pv.01 --size=8192 --ondisk=vda
volgroup vg0 pv.01
logvol / --vgname=vg0 --name=root --fstype=xfs --size=6000
%packages
@core
%end
reboot
";

/// The good kickstart with `old` replaced; the machine has one disk `vda` of 20 GiB.
#[track_caller]
fn check_change(old: &str, new: &str, code: &str) {
    let text = GOOD.replacen(old, new, 1);
    assert_ne!(text, GOOD, "{old} is not in the kickstart");
    assert!(check(&text, Release::Rhel9).is_ok(), "{new}: ksvalidator passes this, the grammar does not");
    let codes = codes(&text, Firmware::Bios);
    assert!(codes.contains(&code), "{old} -> {new}: {codes:?}");
}

fn codes(text: &str, firmware: Firmware) -> Vec<&'static str> {
    let options = LintOptions {
        firmware: Some(firmware),
        disk_mib: Some(20 * 1024),
        disks: vec!["vda".to_owned()],
        ..LintOptions::default()
    };
    let report = lint(text, Release::Rhel9, &options);
    report.diagnostics().iter().filter(|d| d.severity > Severity::Info).map(|d| d.code).collect()
}

#[test]
fn the_good_kickstart_is_good() {
    assert_eq!(codes(GOOD, Firmware::Bios), Vec::<&str>::new());
}

#[test]
fn what_anaconda_refuses_is_found() {
    check_change("pv.01 --size=8192 --ondisk=vda", "pv.01 --size=8192 --ondisk=sdz", "unknown-disk");
    check_change("volgroup vg0 pv.01", "volgroup vg0 pv.01 pv.99", "undefined-physical-volume");
    check_change("--vgname=vg0", "--vgname=vgX", "undefined-volume-group");
    check_change("/boot --fstype=xfs", "/boot --fstype=foofs", "unknown-filesystem");
    check_change("--name=root --fstype=xfs", "--name=root --fstype=foofs", "unknown-filesystem");
    check_change("--size=8192", "--size=102400", "layout-exceeds-disk");
    check_change("--size=6000", "--size=80000", "volumes-exceed-group");
    check_change(
        "part /boot --fstype=xfs --size=1024 --ondisk=vda",
        "logvol /boot --vgname=vg0 --name=boot --size=1024",
        "boot-on-lvm",
    );
    check_change("logvol / ", "logvol /srv ", "no-root-filesystem");
    check_change("zerombr\nclearpart --all --initlabel --drives=vda\n", "", "blank-disk-not-initialised");
    check_change("--drives=vda", "--drives=sdq", "unknown-disk");
    check_change("zerombr", "zerombr\nignoredisk --only-use=nvme0n1", "unknown-disk");
    check_change("--append=", "--boot-drive=vdx --append=", "unknown-disk");
    check_change("--initlabel", "--initlabel --disklabel=foo", "unknown-disklabel");
    check_change("--size=8192", "--size=8192 --encrypted", "encrypted-without-passphrase");
    check_change("web1.example.com", "-bad_host!", "invalid-hostname");
    let at = GOOD.find("part /boot").expect("partitions");
    let end = GOOD.find("%packages").expect("packages");
    check_change(&GOOD[at..end], "", "no-disk-layout");
    check_change("%packages\n@core\n%end\n", "", "no-packages-section");
    check_change("url --url=http://10.0.2.2/os/\n", "", "no-install-source");
    check_change("reboot\n", "", "no-final-reboot");
    check_change("reboot\n", "halt\n", "halt-waits");
}

#[test]
fn a_bios_layout_on_a_uefi_machine_is_found() {
    assert_eq!(codes(GOOD, Firmware::Uefi), ["no-efi-partition"]);
}

#[test]
fn an_installation_that_stops_for_a_root_password_is_found() {
    let text = GOOD.replace("rootpw --iscrypted $6$salt$hash\n", "").replace("--groups=wheel ", "");
    assert!(codes(&text, Firmware::Bios).contains(&"no-root-access"));
}

#[test]
fn what_neither_finds_and_breaks_the_machine_is_found() {
    check_change("Europe/Berlin", "Europe/Atlantis", "unknown-timezone");
    check_change("en_US.UTF-8", "klingon", "malformed-language");
    check_change(" --gateway=10.0.2.2", "", "static-network-incomplete");
    check_change(" --netmask=255.255.255.0", "", "static-network-incomplete");
    check_change(" --ip=10.0.2.15", "", "static-network-incomplete");
    check_change("10.0.2.15", "10.0.2.999", "invalid-ip-address");
    check_change("--iscrypted $6$salt$hash", "--plaintext x", "weak-password");
    check_change("--username=ops", "--username=nobody-made-me", "sshkey-for-unknown-user");
    check_change("--name=ops", "--name=\"Ops Team\"", "invalid-user-name");
    check_change("http://10.0.2.2", "ftpx://10.0.2.2", "unknown-url-scheme");
    check_change("url --url", "cdrom\nurl --url", "two-install-sources");
}
