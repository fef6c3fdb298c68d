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

/// The machine and its repositories.
fn machine(firmware: Firmware) -> LintOptions {
    let names = ["@core", "@^minimal-environment", "bash", "kernel", "chrony"];
    LintOptions {
        firmware: Some(firmware),
        disk_mib: Some(20 * 1024),
        disks: vec!["vda".to_owned()],
        available: names.map(str::to_owned).into(),
        ..LintOptions::default()
    }
}

/// All findings with their severities.
fn found(text: &str, firmware: Firmware) -> Vec<(&'static str, Severity)> {
    let report = lint(text, Release::Rhel9, &machine(firmware));
    report.diagnostics().iter().map(|found| (found.code, found.severity)).collect()
}

/// One change to the good kickstart: what it is, what goes, what comes, the rule that finds it.
type Case = (&'static str, &'static str, &'static str, &'static str);

/// What Anaconda refuses or stops at, and `ksvalidator` passes.
const ONLY_ANACONDA: &[Case] = &[
    ("a partition on a disk that is not there", "8192 --ondisk=vda", "8192 --ondisk=sdz", "unknown-disk"),
    ("a group of a volume that no line makes", "volgroup vg0 pv.01", "volgroup vg0 pv.01 pv.99", "undefined-physical-volume"),
    ("a volume in a group that no line makes", "--vgname=vg0", "--vgname=vgX", "undefined-volume-group"),
    ("a file system that there is not, on a partition", "/boot --fstype=xfs", "/boot --fstype=foofs", "unknown-filesystem"),
    (
        "a file system that there is not, on a volume",
        "--name=root --fstype=xfs",
        "--name=root --fstype=foofs",
        "unknown-filesystem",
    ),
    ("a partition larger than the disk", "--size=8192", "--size=102400", "layout-exceeds-disk"),
    ("a volume larger than its group", "--size=6000", "--size=80000", "volumes-exceed-group"),
    (
        "/boot on LVM",
        "part /boot --fstype=xfs --size=1024 --ondisk=vda",
        "logvol /boot --vgname=vg0 --name=boot --size=1024",
        "boot-on-lvm",
    ),
    ("no /", "logvol / ", "logvol /srv ", "no-root-filesystem"),
    ("a disk that is blank", "zerombr\nclearpart --all --initlabel --drives=vda\n", "", "blank-disk-not-initialised"),
    ("clearpart on a disk that is not there", "--drives=vda", "--drives=sdq", "unknown-disk"),
    ("only a disk that is not there", "zerombr", "zerombr\nignoredisk --only-use=nvme0n1", "unknown-disk"),
    ("a boot drive that is not there", "--append=", "--boot-drive=vdx --append=", "unknown-disk"),
    ("a disk label that there is not", "--initlabel", "--initlabel --disklabel=foo", "unknown-disklabel"),
    ("LUKS without a passphrase", "--size=8192", "--size=8192 --encrypted", "encrypted-without-passphrase"),
    ("a host name that is none", "web1.example.com", "-bad_host!", "invalid-hostname"),
    ("an include of nothing that is there", "reboot\n", "reboot\n%include /tmp/none.ks\n", "include-not-written"),
    ("a group that no repository has", "@core\n", "@core\n@nogroup\n", "unavailable-package"),
    ("an environment that no repository has", "@core\n", "@^no-environment\n@core\n", "unavailable-package"),
    ("a package that no repository has", "@core\n", "@core\nno-such-package\n", "unavailable-package"),
    ("no packages section", "%packages\n@core\n%end\n", "", "no-packages-section"),
    ("no source", "url --url=http://10.0.2.2/os/\n", "", "no-install-source"),
    (
        "/etc on a volume of its own",
        "reboot\n",
        "logvol /etc --vgname=vg0 --name=etc --size=100\nreboot\n",
        "directory-not-on-root",
    ),
    ("/ on FAT", "--name=root --fstype=xfs", "--name=root --fstype=vfat", "foreign-filesystem"),
    ("extents that LVM does not have", "volgroup vg0 pv.01", "volgroup vg0 pv.01 --pesize=5000", "invalid-extent-size"),
    (
        "a group on a member of a RAID",
        "volgroup vg0 pv.01",
        "part raid.01 --size=100 --ondisk=vda\nvolgroup vg0 pv.01 raid.01",
        "member-of-wrong-kind",
    ),
    (
        "a mount point without its slash",
        "reboot\n",
        "logvol srv --vgname=vg0 --name=srv --size=100\nreboot\n",
        "malformed-mount-point",
    ),
    (
        "a volume as large as is recommended",
        "reboot\n",
        "logvol /srv --vgname=vg0 --name=srv --recommended\nreboot\n",
        "volume-without-size",
    ),
    ("an old partition that nobody names", "reboot\n", "part /data --noformat\nreboot\n", "noformat-without-partition"),
    ("/boot encrypted", "/boot --fstype=xfs", "/boot --fstype=xfs --encrypted --passphrase=long-enough", "boot-encrypted"),
    ("no /boot beside / on LVM", "part /boot --fstype=xfs --size=1024 --ondisk=vda\n", "", "boot-on-lvm"),
    ("GRUB on a partition", "bootloader ", "bootloader --location=partition ", "bootloader-on-partition"),
    ("a hash that GRUB does not take", "bootloader ", "bootloader --iscrypted --password=$6$a$b ", "bootloader-hash-unusable"),
    (
        "iSCSI bound to interfaces in part",
        "reboot\n",
        "iscsi --ipaddr=192.0.2.1 --iface=eth0\niscsi --ipaddr=192.0.2.2\nreboot\n",
        "iscsi-interface-mixed",
    ),
];

/// What Anaconda does not look at either, and the machine comes up wrong.
const NEITHER: &[Case] = &[
    ("a time zone that there is not", "Europe/Berlin", "Europe/Atlantis", "unknown-timezone"),
    ("a language that there is not", "en_US.UTF-8", "klingon", "malformed-language"),
    ("a layout that there is not", "--vckeymap=us", "--vckeymap=klingon", "unknown-keymap"),
    ("no gateway", " --gateway=10.0.2.2", "", "static-network-incomplete"),
    ("no netmask", " --netmask=255.255.255.0", "", "static-network-incomplete"),
    ("no address", " --ip=10.0.2.15", "", "static-network-incomplete"),
    ("an address that is none", "10.0.2.15", "10.0.2.999", "invalid-ip-address"),
    ("a netmask with holes", "255.255.255.0", "255.0.255.0", "invalid-netmask"),
    ("a gateway elsewhere", "--gateway=10.0.2.2", "--gateway=10.0.9.2", "gateway-outside-network"),
    ("a device that there is not", "--device=eth0", "--device=primary", "unlikely-device-name"),
    ("a password of one letter", "rootpw --iscrypted $6$salt$hash", "rootpw --plaintext x", "weak-password"),
    ("a hash that is none", "rootpw --iscrypted $6$salt$hash", "rootpw --iscrypted hunter2", "hash-not-a-hash"),
    ("a key of nobody", "--username=ops", "--username=nobody-made-me", "sshkey-for-unknown-user"),
    ("a service that there is not", "reboot\n", "services --enabled=nosuchservice\nreboot\n", "unknown-service"),
    ("a group that no line makes", "--groups=wheel", "--groups=wheel,nosuchgroup", "undefined-group"),
    ("a user name that is none", "--name=ops", "--name=\"Ops Team\"", "invalid-user-name"),
    ("an address of no known kind", "http://10.0.2.2", "ftpx://10.0.2.2", "unknown-url-scheme"),
    ("two sources", "url --url", "cdrom\nurl --url", "two-install-sources"),
    ("no word about the end", "reboot\n", "", "no-final-reboot"),
    ("an end that waits", "reboot\n", "halt\n", "halt-waits"),
    ("a script that fails unseen", "reboot\n", "reboot\n%post\nfalse\n%end\n", "script-failure-ignored"),
    ("SELinux off", "reboot\n", "selinux --disabled\nreboot\n", "selinux-disabled"),
    ("a kernel left out", "@core\n", "@core\n-kernel\n", "kernel-excluded"),
    ("a screen that asks", "cmdline\n", "graphical\n", "interactive-display"),
    ("two users with one number", "reboot\n", "user --name=a --uid=7\nuser --name=b --uid=7\nreboot\n", "id-taken-twice"),
    ("a secret in a script", "reboot\n", "reboot\n%post\nexport API_TOKEN=abcdef0123456789\n%end\n", "secret-in-script"),
];

#[track_caller]
fn check_cases(cases: &[Case]) {
    for (what, old, new, code) in cases {
        let text = GOOD.replacen(old, new, 1);
        assert_ne!(text, GOOD, "{what}: {old} is not in the kickstart");
        assert!(check(&text, Release::Rhel9).is_ok(), "{what}: ksvalidator passes this, the grammar does not");
        let found = found(&text, Firmware::Bios);
        assert!(found.iter().any(|(found, _)| found == code), "{what}: {code} is not among {found:?}");
    }
}

#[test]
fn the_good_kickstart_is_good() {
    let found = found(GOOD, Firmware::Bios);
    assert!(found.iter().all(|(_, severity)| *severity == Severity::Info), "{found:?}");
}

#[test]
fn what_only_anaconda_refuses_is_found() {
    check_cases(ONLY_ANACONDA);
}

#[test]
fn what_neither_finds_and_breaks_the_machine_is_found() {
    check_cases(NEITHER);
}

/// The three cases of those 24 that are no single change of a line.
#[test]
fn layouts_that_only_anaconda_refuses_are_found() {
    let codes = |text: &str, firmware| found(text, firmware).into_iter().map(|(code, _)| code).collect::<Vec<_>>();
    assert!(codes(GOOD, Firmware::Uefi).contains(&"no-efi-partition"), "a layout for BIOS on UEFI");
    let at = GOOD.find("part /boot").expect("partitions");
    let end = GOOD.find("%packages").expect("packages");
    let without = GOOD.replace(&GOOD[at..end], "");
    assert!(codes(&without, Firmware::Bios).contains(&"no-disk-layout"), "no partitions");
    let twice = GOOD.replace("part pv.01 --size=8192 --ondisk=vda\n", &"part pv.01 --size=4096 --ondisk=vda\n".repeat(2));
    assert!(codes(&twice, Firmware::Bios).contains(&"duplicate-definition"), "a physical volume twice");
    let nobody = GOOD.replace("rootpw --iscrypted $6$salt$hash\n", "").replace("--groups=wheel ", "");
    assert!(codes(&nobody, Firmware::Bios).contains(&"no-root-access"), "nobody may log in");
}

/// What looks wrong and is not: Anaconda takes these, and a rule that finds one of them is mistaken.
const NOTHING_WRONG: &[Case] = &[
    (
        "the type of a PReP partition",
        "reboot\n",
        "part prepboot --fstype=\"PPC PReP Boot\" --size=8\nreboot\n",
        "unknown-filesystem",
    ),
    ("a type by its long name", "/boot --fstype=xfs", "/boot/efi --fstype=\"EFI System Partition\"", "unknown-filesystem"),
    ("an EFI partition without a type", "/boot --fstype=xfs", "/boot/efi", "efi-partition-not-fat"),
    ("a partition that takes what is left", "part /boot --fstype=xfs --size=1024", "part /boot --grow", "partition-without-size"),
    ("a kernel with other pages", "@core\n", "@core\n-kernel\nkernel-64k\n", "kernel-excluded"),
    (
        "a swap volume as large as is recommended",
        "reboot\n",
        "logvol swap --vgname=vg0 --name=s --recommended\nreboot\n",
        "volume-without-size",
    ),
    ("a thin pool", "reboot\n", "logvol none --vgname=vg0 --name=pool --thinpool --size=100\nreboot\n", "malformed-mount-point"),
    ("a hash for GRUB", "bootloader ", "bootloader --iscrypted --password=grub.pbkdf2.sha512.1.A.B ", "bootloader-hash-unusable"),
    ("a file system of Windows below /boot", "/boot --fstype=xfs", "/boot/efi --fstype=vfat", "foreign-filesystem"),
];

#[test]
fn what_anaconda_takes_is_not_found() {
    for (what, old, new, code) in NOTHING_WRONG {
        let text = GOOD.replacen(old, new, 1);
        assert_ne!(text, GOOD, "{what}: {old} is not in the kickstart");
        let found = found(&text, Firmware::Bios);
        assert!(found.iter().all(|(found, _)| found != code), "{what}: {code} is among {found:?}");
    }
    let unbooted = GOOD.replace("bootloader --append=console=ttyS0", "bootloader --location=none").replace("/boot ", "/srv ");
    assert!(found(&unbooted, Firmware::Bios).iter().all(|(found, _)| *found != "boot-on-lvm"), "nothing boots this");
}
