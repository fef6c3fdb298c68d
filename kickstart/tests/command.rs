//! What commands demand beyond their option table, one line of kickstart each.

use kickstart::{Release, check};

use Release::{F40, F42, F44, Rhel7, Rhel8, Rhel9, Rhel10};

/// Checks `text` for each release; `codes` are the codes found, `ok` for none.
#[track_caller]
fn check_codes(releases: &[Release], text: &str, codes: &str) {
    for release in releases {
        let report = check(text, *release);
        let found: Vec<&str> = report.diagnostics().iter().map(|d| d.code).collect();
        let found = if found.is_empty() { "ok".to_owned() } else { found.join(" ") };
        assert_eq!(found, codes, "{release}: {text:?}: {:?}", report.diagnostics());
    }
}

const ALL: &[Release] = &Release::ALL;
const NO_BTRFS: &[Release] = &[Rhel8, Rhel9, Rhel10];

#[test]
fn partitions_and_volumes() {
    check_codes(ALL, "part /home --size=1 --resize\n", "missing-option");
    check_codes(ALL, "part /home --onpart=/dev/sda1 --size=9 --resize\n", "ok");
    check_codes(ALL, "part /tmp --fstype=tmpfs --size=9 --grow\n", "conflicting-options");
    check_codes(ALL, "part / --size=9 --noformat --mkfsoptions=-q\n", "conflicting-options");
    check_codes(ALL, "part swap --size=9\npart swap --size=9\n", "ok");
    check_codes(ALL, "part /a --size=9\npart /b/../a/ --size=9\n", "duplicate-definition");
    check_codes(NO_BTRFS, "part btrfs.01 --size=9\n", "unsupported-filesystem");
    check_codes(&[Rhel7, F42], "part btrfs.01 --size=9\n", "ok");
    check_codes(&[F42], "part / --size=9 --encrypted --hw-passphrase=x --luks-version=luks2-hw-opal\n", "ok");
    check_codes(&[F42], "part / --size=9 --encrypted --hw-passphrase=x\n", "conflicting-options");
    check_codes(ALL, "logvol / --vgname=a --name=b\n", "missing-option");
    check_codes(ALL, "logvol / --vgname=a --name=b --percent=101\n", "invalid-value");
    check_codes(ALL, "logvol / --vgname=a --name=b --percent=50 --size=9\n", "conflicting-options");
    check_codes(ALL, "logvol / --vgname=a --name=b --size=9 --thin\n", "missing-option");
    check_codes(ALL, "logvol none --vgname=a --name=p --thinpool --size=9 --chunksize=64\n", "ok");
    check_codes(ALL, "logvol / --vgname=a --name=b --size=1\nlogvol /x --vgname=a --name=b --size=1\n", "duplicate-definition");
    check_codes(&[Rhel9], "logvol / --vgname=a --name=b --size=9 --cachesize=5\n", "missing-option");
    check_codes(&[Rhel9], "logvol / --vgname=a --name=b --size=9 --cachesize=5 --cachepvs=pv.2\n", "ok");
    check_codes(ALL, "volgroup vg0\n", "missing-argument");
    check_codes(ALL, "volgroup vg0 --pesize=4096 pv.01\n", "ok");
    check_codes(ALL, "volgroup --useexisting vg0 pv.01\n", "unexpected-argument");
    check_codes(ALL, "volgroup vg0 pv.01 --reserved-percent=100\n", "invalid-value");
    check_codes(ALL, "raid / --level=1 --device=md0 raid.01 raid.02\n", "ok");
    check_codes(ALL, "raid / raid.01 raid.02 --device=md0\n", "missing-option");
    check_codes(ALL, "raid / --level=1 --device=md0\n", "missing-argument");
    check_codes(&[Rhel9, F42], "raid / --level=1 --device=md0 r.1\nraid /b --level=1 --device=0 r.2\n", "duplicate-definition");
    check_codes(&[Rhel10, F44], "raid / --level=1 --device=md0 r.1\nraid /b --level=1 --device=0 r.2\n", "ok");
    check_codes(&[F42], "btrfs / --label=x --data=raid1 btrfs.1 btrfs.2\n", "ok");
    check_codes(&[F42], "btrfs / --subvol --name=root\n", "missing-argument");
    check_codes(NO_BTRFS, "autopart --type=btrfs\n", "unsupported-filesystem");
    check_codes(ALL, "autopart --fstype=btrfs\n", "invalid-value");
    check_codes(&[Rhel10, F40], "autopart --hibernation --noswap\n", "conflicting-options");
    check_codes(&[Rhel9], "mount /dev/vda1 home\n", "invalid-value");
    check_codes(&[Rhel9], "mount /dev/vda1 /home --mkfsoptions=-q\n", "missing-option");
    check_codes(ALL, "snapshot vg/lv/x --name=a --when=post-install\n", "invalid-value");
    check_codes(ALL, "ignoredisk\n", "missing-option");
    check_codes(ALL, "ignoredisk --drives=vdb --only-use=vda\n", "conflicting-options");
    check_codes(&[Rhel7], "ignoredisk --interactive\n", "ok");
    check_codes(&[Rhel8], "ignoredisk --drives=vda --interactive\n", "deprecated-option");
    check_codes(&[Rhel9, F44], "zfcp --devnum=0.0.1 --wwpn=0x1\n", "missing-option");
    check_codes(&[Rhel7, Rhel8, Rhel9], "nvdimm reconfigure --namespace=n\n", "missing-option");
}

#[test]
fn networks_and_sources() {
    check_codes(ALL, "network --device=a\nnetwork --device=a\n", "duplicate-definition");
    check_codes(ALL, "network --device=a --bridgeslaves=b --bridgeopts=stp=yes,priority=1\n", "ok");
    check_codes(ALL, "network --device=a --bridgeopts=stp=yes\n", "missing-option");
    check_codes(ALL, "network --device=a --bridgeslaves=b --bridgeopts=stp\n", "invalid-value");
    check_codes(ALL, "network --device=a --vlanid=5 --bindto=mac\n", "conflicting-options");
    check_codes(&[Rhel7], "network --device=a --interfacename=vlan9999\n", "invalid-value");
    check_codes(&[Rhel9], "network --ipv4-dns-search=example.com\n", "missing-option");
    check_codes(ALL, "url --proxy=http://p/\n", "missing-option");
    check_codes(ALL, "url --url=http://x/ --mirrorlist=http://y/\n", "conflicting-options");
    check_codes(ALL, "repo --name=a --baseurl=http://x/ --mirrorlist=http://y/\n", "conflicting-options");
    check_codes(ALL, "repo --name=a\nrepo --name=a --baseurl=http://x/\n", "duplicate-definition");
    check_codes(&[Rhel7, Rhel8], "harddrive --dir=/x\n", "missing-option");
    check_codes(ALL, "cdrom x\n", "unexpected-argument");
    check_codes(ALL, "realm join --client-software=sssd example.com\n", "ok");
    check_codes(ALL, "realm leave\n", "invalid-value");
    check_codes(&[Rhel7], "method\n", "unknown-command");
}

#[test]
fn system_settings() {
    check_codes(ALL, "timezone\n", "missing-argument");
    check_codes(ALL, "timezone UTC Europe/Berlin\n", "unexpected-argument");
    check_codes(&[Rhel9], "timezone UTC --isUtc --nontp\n", "deprecated-option deprecated-option");
    check_codes(&[Rhel10], "timezone UTC --nontp\n", "removed-option");
    check_codes(&[Rhel9, Rhel10, F42], "timesource --ntp-server=a --ntp-disable\n", "conflicting-options");
    check_codes(ALL, "keyboard\n", "missing-option");
    check_codes(ALL, "keyboard us de\n", "unexpected-argument");
    check_codes(ALL, "rootpw\n", "missing-argument");
    check_codes(ALL, "rootpw --lock\n", "ok");
    check_codes(ALL, "services --enabled=,\n", "missing-option");
    check_codes(ALL, "logging --port=5\n", "missing-option");
    check_codes(ALL, "user --name=a\nuser --name=a\n", "duplicate-definition");
    check_codes(ALL, "bootloader --boot-drive=sda,sdb\n", "invalid-value");
    check_codes(&[Rhel10, F42], "bootloader --sdboot --extlinux\n", "conflicting-options");
    check_codes(&[Rhel8, Rhel9, F42], "cmdline --non-interactive\n", "unexpected-argument");
    check_codes(ALL, "eula\n", "missing-option");
    check_codes(ALL, "rescue --nomount --romount\n", "conflicting-options");
    check_codes(&[Rhel8, Rhel9], "authconfig --enableshadow\n", "deprecated-command");
    check_codes(&[Rhel10, F42], "authconfig --enableshadow\n", "removed-command");
}

#[test]
fn sections() {
    check_codes(ALL, "%packages --default --nocore\n%end\n", "conflicting-options");
    check_codes(ALL, "%packages\n@a --nodefaults --optional\n%end\n", "conflicting-options");
    check_codes(ALL, "%packages\n@a --nodef\n@b --foo # --optional=1\n%end\n", "ok");
    check_codes(ALL, "%packages\n@a --optional=1\n%end\n", "unexpected-argument");
    check_codes(ALL, "%packages\n -\n%end\n", "invalid-package");
    check_codes(&[Rhel9], "%packages --instLangs=en\n%end\n", "deprecated-option");
    check_codes(&[Rhel9, Rhel10, F42], "%traceback\n%end\n", "deprecated-section");
    check_codes(&[Rhel7, Rhel8], "%traceback\n%end\n", "ok");
    check_codes(ALL, "%certificate --filename=x\ny\n%end\n", "missing-option");
    check_codes(ALL, "%certificate --filename=x --dir=/x\n \n%end\n", "empty-certificate");
    check_codes(ALL, "%addon com_example --any thing\nx\n%end\n", "ok");
}
