//! The scripts of kickstarts, executed: in a directory that stands for the machine, with programs of the machine replaced by
//! scripts that write down how they were called. `blkid` and `mkfs.ext4` are the real ones, on files.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rekindle::spec::Layout;
use rekindle_tests::specs::{DiskCase, SpecCase};

use super::{render, scripts_of};

const MIB: usize = 1 << 20;

/// Paths of the machine that the scripts name, moved below the directory. What is not in this list is not touched by them.
const MOVED: [&str; 25] = [
    "/var/log/rekindle",
    "/var/lib/rekindle",
    "/etc/rekindle",
    "/etc/fstab",
    "/etc/systemd",
    "/usr/libexec/rekindle",
    "/run/rekindle",
    "/sys/block",
    "/dev/$",
    "/dev/console",
    "/proc/sysrq-trigger",
    "/srv/",
    "/tmp/rekindle",
    "/tmp/anaconda",
    "/tmp/storage",
    "/tmp/packaging",
    "/usr/bin/puppet",
    "/etc/puppetlabs",
    "/opt/puppetlabs/puppet/cache",
    "/var/lib/puppet",
    "/var/cache/puppet",
    "/var/lib/rpm",
    "/usr/lib/sysimage",
    "/etc/pki",
    "/etc/yum.repos.d",
];

/// A machine in a directory.
struct Machine {
    directory: tempfile::TempDir,
    shell: &'static str,
}

impl Machine {
    fn new(shell: &'static str) -> Self {
        let machine = Self { directory: tempfile::tempdir().expect("temporary directory"), shell };
        for path in ["bin", "dev", "etc", "srv", "tmp", "proc", "usr/bin", "sys/block"] {
            fs::create_dir_all(machine.at(path)).expect("directory");
        }
        // Writes the URL, the body and the arguments; fails as often as `curl-fails` says; knows `-K` unless `old-curl` is there;
        // is turned away with `report-status` where that is there.
        machine.program(
            "bin/curl",
            "if [ \"$1\" = -K ]; then\n\
             [ ! -e $ROOT/old-curl ] || exit 2\n\
             [ \"$3\" != -V ] || exit 0\n\
             url=$(cat \"$2\" | sed -n 's/^url = \"\\(.*\\)\"$/\\1/p'); fi\n\
             left=$(cat $ROOT/curl-fails 2>/dev/null || echo 0)\n\
             if [ \"$left\" -gt 0 ]; then echo $((left - 1)) >$ROOT/curl-fails; exit 7; fi\n\
             echo \"curl $*\" >>$ROOT/arguments\n\
             for last; do :; done\n\
             url=${url:-$last}\n\
             echo \"${url#http://192.0.2.1:8470/install/abababababababababababababababab}\" >>$ROOT/calls\n\
             case $url in */report) if [ -e $ROOT/report-status ]; then cat $ROOT/report-status; exit 22; fi ;; esac\n\
             while [ $# -gt 0 ]; do case $1 in\n\
             --data-binary) cat \"${2#@}\" >>$ROOT/bodies; shift ;;\n\
             -o) [ \"$2\" = /dev/null ] || cp $ROOT/answer $2; shift ;;\n\
             esac; shift; done",
        );
        for name in ["dnf", "systemctl", "poweroff", "mount", "umount", "sync", "sleep", "restorecon"] {
            machine.program(&format!("bin/{name}"), &format!("echo \"{name} $*\" >>$ROOT/log"));
        }
        fs::write(machine.at("answer"), "").expect("answer");
        // Like the real one, it mounts no swap.
        machine.program("bin/mount", "echo \"mount $*\" >>$ROOT/log; [ \"$2\" != swap ]");
        machine.program("bin/rpm", "[ \"$1\" != --import ] || exec echo \"rpm $*\" >>$ROOT/log\nfor last; do :; done\nprintf '%s\\t1.0-1\\tnoarch\\tabc\\n' $last");
        machine
    }

    fn at(&self, path: &str) -> PathBuf {
        self.directory.path().join(path)
    }

    fn program(&self, path: &str, text: &str) {
        let root = self.directory.path().display();
        fs::write(self.at(path), format!("#!/bin/sh\nROOT={root}\n{text}\n")).expect("write");
        fs::set_permissions(self.at(path), fs::Permissions::from_mode(0o755)).expect("mode");
    }

    /// A disk of 40 MiB with a serial; `content` goes to an offset.
    fn disk(&self, name: &str, serial: &str, content: &[(usize, &[u8])]) {
        let mut bytes = vec![0u8; 40 * MIB];
        for (at, part) in content {
            bytes[*at..at + part.len()].copy_from_slice(part);
        }
        fs::write(self.at("dev").join(name), bytes).expect("disk");
        let block = self.at("sys/block").join(name);
        fs::create_dir_all(&block).expect("block");
        fs::write(block.join("serial"), serial).expect("serial");
        fs::write(block.join("size"), format!("{}\n", 40 * MIB / 512)).expect("size");
    }

    /// Runs a script in the machine.
    fn run(&self, script: &str) -> Output {
        let root = self.directory.path().display().to_string();
        let mut script = script.to_owned();
        for path in MOVED {
            script = script.replace(path, &format!("{root}{path}"));
        }
        script = script.replace("PATH=/usr/sbin:", &format!("PATH={root}/bin:/usr/sbin:"));
        let file = self.at("script");
        fs::write(&file, script).expect("script");
        self.execute(&file)
    }

    fn execute(&self, file: &Path) -> Output {
        let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", self.at("bin").display());
        Command::new(self.shell).arg(file).env_clear().env("PATH", path).output().expect("shell")
    }

    fn text(&self, path: &str) -> String {
        fs::read_to_string(self.at(path)).unwrap_or_default()
    }
}

/// The script of a section of the case's kickstart.
fn script(case: &SpecCase, section: &str) -> String {
    let scripts = scripts_of(&render(case).text);
    scripts.into_iter().find(|(name, _)| name == section).expect("section").1
}

fn kept() -> SpecCase {
    SpecCase { disks: DiskCase::Kept, layout: Layout::Plain, ..SpecCase::default() }
}

const SHELLS: [&str; 2] = ["dash", "bash"];

/// What becomes of a kept disk with `content`: the words the log must have, and whether it was used.
#[track_caller]
fn check_disk(prepare: impl Fn(&Machine), words: &str, expect: Expect) {
    for shell in SHELLS {
        let machine = Machine::new(shell);
        prepare(&machine);
        let before = fs::read(machine.at("dev/vdc")).unwrap_or_default();
        let output = machine.run(&script(&kept(), "%post"));
        let log = machine.text("var/log/rekindle/post.log");
        let after = fs::read(machine.at("dev/vdc")).unwrap_or_default();
        assert!(log.contains(words), "{shell}: {words:?} not in\n{log}");
        let fstab = machine.text("etc/fstab");
        match expect {
            Expect::Formatted | Expect::Used => {
                assert!(output.status.success(), "{shell}: {log}");
                assert!(fstab.starts_with("UUID=") && fstab.trim_end().ends_with("/srv/data ext4 defaults 0 2"), "{fstab}");
                assert_eq!(before == after, expect == Expect::Used, "{shell}: {log}");
            }
            Expect::Refused => {
                assert!(!output.status.success(), "{shell}: {log}");
                assert!(before == after, "{shell}: the disk was written to");
                assert_eq!(fstab, "");
                assert!(machine.text("calls").contains("/failed/post"), "{shell}: {}", machine.text("calls"));
                assert!(machine.text("bodies").contains(words), "{shell}: the agent was not told why");
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expect {
    Formatted,
    Used,
    Refused,
}

/// Other disks of the machine, so that the right one has to be found.
fn others(machine: &Machine) {
    machine.disk("vda", "root", &[(0, b"boot")]);
    machine.disk("vdb", "database", &[]);
}

#[test]
fn a_blank_kept_disk_gets_a_file_system_and_what_packages_put_under_its_mount_point() {
    let prepare = |machine: &Machine| {
        others(machine);
        machine.disk("vdc", "data", &[]);
        fs::create_dir_all(machine.at("srv/data/empty")).expect("directory");
        fs::write(machine.at("srv/data/app.conf"), "x").expect("file");
    };
    check_disk(prepare, "is blank: making ext4", Expect::Formatted);
    let machine = Machine::new("dash");
    prepare(&machine);
    machine.run(&script(&kept(), "%post"));
    assert_eq!(machine.text("run/rekindle/disk/app.conf"), "x");
    let log = machine.text("log");
    assert!(log.find("mount -t ext4") < log.find("umount"), "{log}");
    assert!(!machine.text("etc/fstab").is_empty());
    assert_eq!(fs::read(machine.at("dev/vdb")).expect("disk"), vec![0u8; 40 * MIB], "another disk was written to");
}

#[test]
fn a_kept_disk_with_a_file_system_is_mounted_as_it_is() {
    check_disk(
        |machine| {
            others(machine);
            machine.disk("vdc", "data", &[]);
            let made = Command::new("mkfs.ext4").arg("-q").arg(machine.at("dev/vdc")).output().expect("mkfs.ext4");
            assert!(made.status.success(), "{made:?}");
        },
        "ext4",
        Expect::Used,
    );
}

#[test]
fn a_kept_disk_with_bytes_that_nobody_knows_is_left_alone() {
    for at in [0, 512, 15 * MIB, 30 * MIB, 40 * MIB - 1] {
        check_disk(
            |machine| {
                others(machine);
                machine.disk("vdc", "data", &[(at, b"x")]);
            },
            "holds data but no file system that blkid knows: left alone",
            Expect::Refused,
        );
    }
}

#[test]
fn a_kept_disk_with_partitions_or_swap_is_left_alone() {
    // An MBR with one Linux partition.
    let mut mbr = [0u8; 512];
    mbr[446..462].copy_from_slice(&[0, 0, 2, 0, 0x83, 0, 8, 0, 0, 8, 0, 0, 0, 8, 0, 0]);
    mbr[510..].copy_from_slice(&[0x55, 0xaa]);
    check_disk(
        |machine| {
            others(machine);
            machine.disk("vdc", "data", &[(0, &mbr)]);
        },
        "left alone",
        Expect::Refused,
    );
    check_disk(
        |machine| {
            others(machine);
            machine.disk("vdc", "data", &[]);
            let made = Command::new("mkswap").arg(machine.at("dev/vdc")).output().expect("mkswap");
            assert!(made.status.success(), "{made:?}");
        },
        "status",
        Expect::Refused,
    );
}

#[test]
fn a_kept_disk_that_is_not_there_fails_the_install() {
    check_disk(others, "there is no disk with the serial data", Expect::Refused);
}

#[test]
fn nothing_is_wiped_when_a_disk_is_not_the_one_it_is_taken_for() {
    for shell in SHELLS {
        for (serial, goes_on) in [("root", true), ("data", false), ("", false)] {
            let machine = Machine::new(shell);
            machine.disk("vda", serial, &[]);
            let output = machine.run(&script(&kept(), "%pre"));
            assert_eq!(output.status.success(), goes_on, "{shell} {serial:?}");
            let expected = if goes_on { "/stage/pre\n" } else { "/failed/pre\n" };
            assert_eq!(machine.text("calls"), expected, "{shell} {serial:?}");
            assert_eq!(machine.text("log").contains("poweroff -f"), !goes_on, "{shell} {serial:?}");
            assert_eq!(machine.text("bodies").contains("nothing was touched"), !goes_on, "{shell} {serial:?}");
        }
    }
}

#[test]
fn lost_progress_calls_do_not_fail_a_script() {
    for shell in SHELLS {
        let machine = Machine::new(shell);
        fs::write(machine.at("curl-fails"), "100").expect("write");
        for section in ["%pre", "%pre-install", "%post"] {
            let output = machine.run(&script(&SpecCase::default(), section));
            assert!(output.status.success(), "{shell} {section}: {output:?}");
        }
        assert_eq!(machine.text("calls"), "");
    }
}

#[test]
fn a_failure_whose_call_was_lost_is_reported_by_the_last_script() {
    for shell in SHELLS {
        let machine = Machine::new(shell);
        others(&machine);
        let scripts = scripts_of(&render(&kept()).text);
        let posts: Vec<&String> = scripts.iter().filter(|(name, _)| name == "%post").map(|(_, script)| script).collect();
        fs::write(machine.at("curl-fails"), "2").expect("write");
        assert!(!machine.run(posts[0]).status.success());
        assert_eq!(machine.text("calls"), "", "both calls were to be lost");
        assert!(machine.run(posts[1]).status.success());
        assert_eq!(machine.text("calls"), "/failed/post\n");
        assert!(machine.text("bodies").contains("there is no disk with the serial data"), "{}", machine.text("bodies"));
    }
}

#[test]
fn the_end_of_a_good_install_is_reported_last() {
    let machine = Machine::new("dash");
    for (_, script) in scripts_of(&render(&SpecCase::default()).text).iter().filter(|(name, _)| name != "%onerror") {
        assert!(machine.run(script).status.success());
    }
    assert_eq!(machine.text("calls"), "/stage/pre\n/stage/storage\n/stage/packages\n/stage/post\n");
    assert!(machine.text("log").contains("systemctl enable rekindle-firstboot.service"));
}

#[test]
fn a_failed_install_sends_the_ends_of_the_installers_logs() {
    let machine = Machine::new("bash");
    fs::write(machine.at("tmp/anaconda.log"), "the cause\n".repeat(100)).expect("write");
    fs::write(machine.at("tmp/anaconda-tb-x"), "Traceback\n").expect("write");
    assert!(machine.run(&script(&SpecCase::default(), "%onerror")).status.success());
    assert_eq!(machine.text("calls"), "/failed/onerror\n");
    let body = machine.text("bodies");
    assert!(body.contains("Traceback") && body.matches("the cause").count() == 60, "{body}");
}

#[test]
fn the_sites_own_repository_stays_with_keys_that_were_fetched_during_the_install() {
    for shell in SHELLS {
        let machine = Machine::new(shell);
        fs::write(machine.at("answer"), "the keys\n").expect("write");
        let case = SpecCase { rich: true, ..SpecCase::default() };
        assert!(machine.run(&script(&case, "%post")).status.success(), "{}", machine.text("var/log/rekindle/post.log"));
        let key = machine.at("etc/pki/rpm-gpg/RPM-GPG-KEY-site");
        assert_eq!(fs::read_to_string(&key).expect("the keys"), "the keys\n");
        assert!(machine.text("calls").contains("http://192.0.2.1:8470/repo/dev/site/keys.asc\n"), "{}", machine.text("calls"));
        let expected = format!(
            "# Written by the kickstart.\n[site]\nname = site\nenabled = 1\nbaseurl = http://192.0.2.1:8470/repo/dev/site/\n\
             gpgcheck = 1\nrepo_gpgcheck = 1\ngpgkey = file://{}\nmetadata_expire = 60\n",
            key.display()
        );
        assert_eq!(machine.text("etc/yum.repos.d/site.repo"), expected);
        assert!(machine.text("log").contains("rpm --import"));
        // The others' are kept by the installer.
        let text = render(&case).text;
        assert!(text.contains("repo --name=dev --baseurl=http://192.0.2.1:8470/repo/dev/dev/ --cost=500 --install\n"), "{text}");
        assert!(text.contains("repo --name=site --baseurl=http://192.0.2.1:8470/repo/dev/site/\n"), "{text}");
        // Without the keys no update could be installed: better no system than that.
        let machine = Machine::new(shell);
        fs::write(machine.at("curl-fails"), "2").expect("write");
        assert!(!machine.run(&script(&case, "%post")).status.success());
    }
}

#[test]
fn a_repository_that_another_server_offers_is_used_from_there() {
    let mut spec = SpecCase { rich: true, ..SpecCase::default() }.build();
    let policy = spec.site.repository.as_mut().expect("a repository");
    policy.url = Some("https://repos.example.com/stages/".parse().expect("a URL"));
    policy.signing_key = None;
    let vm = spec.vms.values().next().expect("one VM");
    let text = super::renderer().render_kickstart(&spec, vm, &super::urls()).unwrap_or_else(|error| panic!("{error}")).text;
    for expected in [
        "repo --name=site --baseurl=https://repos.example.com/stages/dev/\n",
        "-o \"$rekindle_key\" https://repos.example.com/stages/dev/keys.asc\n",
        "'mirrorlist = %s\\n' https://repos.example.com/stages/dev/mirrorlist\n",
        "repo_gpgcheck = 0",
    ] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
}

/// An installed machine whose first-boot script is at hand.
fn installed(case: &SpecCase, shell: &'static str) -> (Machine, PathBuf) {
    let machine = Machine::new(shell);
    assert!(machine.run(&script(case, "%post")).status.success());
    fs::remove_file(machine.at("calls")).expect("calls");
    fs::remove_file(machine.at("arguments")).expect("arguments");
    let file = machine.at("usr/libexec/rekindle/first-boot");
    (machine, file)
}

#[test]
fn the_first_boot_reports_itself_and_the_packages_and_is_done() {
    for shell in SHELLS {
        let (machine, file) = installed(&SpecCase::default(), shell);
        let mode = fs::metadata(machine.at("etc/rekindle/install-url")).expect("url").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "the token is for root alone");
        fs::write(machine.at("curl-fails"), "3").expect("write");
        let output = machine.execute(&file);
        assert!(output.status.success(), "{shell}: {output:?}");
        assert_eq!(machine.text("calls"), "/packages\n/first-boot\n");
        assert_eq!(machine.text("bodies"), "shop-web\t1.0-1\tnoarch\tabc\n");
        assert!(machine.text("log").contains("systemctl disable rekindle-firstboot.service"));
        assert!(!machine.at("etc/rekindle/install-url").exists(), "the token is gone");
        let arguments = machine.text("arguments");
        assert!(!arguments.is_empty() && !arguments.contains("abab"), "the token is in the process list: {arguments}");
    }
}

/// A machine whose first boot is over, with what its agent has heard until then forgotten.
fn booted(case: &SpecCase, shell: &'static str) -> Machine {
    let (machine, file) = installed(case, shell);
    assert!(machine.execute(&file).status.success());
    for heard in ["calls", "bodies", "arguments"] {
        fs::remove_file(machine.at(heard)).expect("what was heard");
    }
    machine
}

#[test]
fn an_installed_system_tells_its_packages_with_a_credential_of_its_own() {
    for shell in SHELLS {
        let machine = booted(&SpecCase::default(), shell);
        let request = machine.at("etc/rekindle/packages.curl");
        let mode = fs::metadata(&request).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "it is for root alone");
        let credential = rekindle::reconcile::system_credential(&rekindle::spec::Token::new([0xab; 16]));
        let expected =
            format!("url = \"http://192.0.2.1:8470/vms/web1/packages\"\nheader = \"Authorization: Bearer {credential}\"\n");
        assert_eq!(fs::read_to_string(&request).expect("text"), expected);
        let report = machine.at("usr/libexec/rekindle/report-packages");
        assert!(machine.execute(&report).status.success());
        assert_eq!(machine.text("calls"), "http://192.0.2.1:8470/vms/web1/packages\n");
        assert_eq!(machine.text("bodies"), "shop-web\t1.0-1\tnoarch\tabc\n");
        let arguments = machine.text("arguments");
        assert!(!arguments.is_empty() && !arguments.contains(&credential), "it is in the process list: {arguments}");
        // What runs it must not fail because nobody listens, or because it is a copy of a machine without the file.
        fs::write(machine.at("curl-fails"), "1").expect("write");
        assert!(machine.execute(&report).status.success());
        fs::remove_file(&request).expect("the file");
        assert!(machine.execute(&report).status.success());
        assert_eq!(machine.text("calls").lines().count(), 1);
        assert!(machine.text("log").contains("systemctl enable rekindle-packages.timer"));
    }
}

/// Whether packages are told by the timer, given what happens on the machine.
#[track_caller]
fn check_quiet(prepare: impl Fn(&Machine), told: bool) {
    for shell in SHELLS {
        let machine = booted(&SpecCase::default(), shell);
        prepare(&machine);
        let unit = machine.text("etc/systemd/system/rekindle-packages.service");
        let command = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).expect("a command");
        let (program, argument) = command.split_once(' ').expect("an argument");
        let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", machine.at("bin").display());
        let output = Command::new(shell).args([program, argument]).env_clear().env("PATH", path).output().expect("shell");
        assert!(output.status.success(), "{shell}: {output:?}");
        assert_eq!(!machine.text("calls").is_empty(), told, "{shell}");
    }
}

#[test]
fn packages_are_not_told_by_the_timer_while_services_may_still_be_the_old_ones() {
    let write = |machine: &Machine, path: &str, text: &str, age: u64| {
        let path = machine.at(path);
        fs::create_dir_all(path.parent().expect("a directory")).expect("directory");
        fs::write(&path, text).expect("write");
        let touched = Command::new("touch").args(["-d", &format!("{age} seconds ago")]).arg(&path).status();
        assert!(touched.is_ok_and(|status| status.success()));
    };
    let alive = std::process::id().to_string();
    check_quiet(|_| (), true);
    for state in ["opt/puppetlabs/puppet/cache/state", "var/lib/puppet/state", "var/cache/puppet/state"] {
        let lock = format!("{state}/agent_catalog_run.lock");
        check_quiet(|machine| write(machine, &lock, &alive, 0), false);
        // Left behind by a run that was killed.
        check_quiet(|machine| write(machine, &lock, "4194304", 0), true);
        check_quiet(|machine| write(machine, &lock, "", 0), true);
    }
    for database in ["var/lib/rpm/rpmdb.sqlite", "var/lib/rpm/Packages", "usr/lib/sysimage/rpm/rpmdb.sqlite"] {
        check_quiet(|machine| write(machine, database, "", 10), false);
        check_quiet(|machine| write(machine, database, "", 600), true);
    }
    // Readers touch these.
    check_quiet(|machine| write(machine, "var/lib/rpm/rpmdb.sqlite-shm", "", 0), true);
}

#[test]
fn a_curl_that_cannot_read_its_url_gets_it_as_an_argument() {
    for shell in SHELLS {
        let (machine, file) = installed(&SpecCase::default(), shell);
        fs::write(machine.at("old-curl"), "").expect("write");
        assert!(machine.execute(&file).status.success());
        assert_eq!(machine.text("calls"), "/packages\n/first-boot\n");
    }
}

/// The first boot with Puppet ending with `status`, writing a report or not.
#[track_caller]
fn check_handoff(status: u8, writes_report: bool, calls: &str, passes: bool) {
    for shell in SHELLS {
        let (machine, file) = installed(&SpecCase { rich: true, ..SpecCase::default() }, shell);
        let report = if writes_report { "echo '--- report' >$ROOT/var/lib/rekindle/puppet/last_run_report.yaml" } else { ":" };
        machine.program(
            "usr/bin/puppet",
            &format!("echo \"puppet $*\" >>$ROOT/log\n{report}\necho 'Error: it broke'\nexit {status}"),
        );
        let archive =
            Command::new("tar").args(["-czf"]).arg(machine.at("answer")).args(["-C", "/", "--files-from", "/dev/null"]).output();
        assert!(archive.expect("tar").status.success());
        let output = machine.execute(&file);
        assert_eq!(output.status.success(), passes, "{shell} {status}: {output:?}");
        assert_eq!(machine.text("calls"), calls, "{shell} {status}");
        assert_eq!(machine.at("etc/rekindle/install-url").exists(), !passes, "{shell} {status}");
        assert_eq!(machine.text("bodies").contains("Error: it broke"), !passes, "{shell} {status}");
        let log = machine.text("log");
        assert!(log.contains("--detailed-exitcodes") && log.contains("environments/dev/manifests"), "{log}");
        assert!(!log.contains("abababab"), "the token is in the process list: {log}");
        // Before Puppet, which would answer nothing.
        let (keys, puppet) = (log.find("dnf -q -y --repo=site makecache"), log.find("puppet apply"));
        assert!(keys.is_some() && keys < puppet, "{log}");
        let settings = machine.text("var/lib/rekindle/puppet/puppet.conf");
        assert!(settings.contains("\ncertname = web1.lab.example.com\n"), "{settings}");
        assert!(settings.contains("/environments/dev/rekindle/hiera.yaml\n"), "{settings}");
        assert!(settings.contains("/usr/libexec/rekindle/report-packages\n"), "{settings}");
    }
}

#[test]
fn a_puppet_run_that_converged_is_the_end_of_the_handoff() {
    for status in [0, 2] {
        check_handoff(status, true, "/packages\n/first-boot\n/puppet.tar.gz\n/report\n", true);
    }
}

/// The first boot with a Puppet server whose agent ends with `status`; the report is taken, or turned away with `refused`.
#[track_caller]
fn check_server_handoff(status: u8, refused: Option<u16>, calls: &str, passes: bool) {
    for shell in SHELLS {
        let (machine, file) = installed(&SpecCase { rich: true, puppet_server: true, ..SpecCase::default() }, shell);
        if let Some(refused) = refused {
            fs::write(machine.at("report-status"), refused.to_string()).expect("write");
        }
        for (path, secret) in [("puppet.conf", false), ("csr_attributes.yaml", true)] {
            let path = machine.at("etc/puppetlabs/puppet").join(path);
            let mode = fs::metadata(&path).expect("a file").permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{}", path.display());
            let text = fs::read_to_string(&path).expect("text");
            assert_eq!(text.contains("rk1.1900000000.1.cdcdcdcd"), secret, "{text}");
        }
        let settings = machine.text("etc/puppetlabs/puppet/puppet.conf");
        let (main, _) = settings.split_once("[agent]").expect("two sections");
        assert!(main.contains("\npostrun_command = ") && main.contains("/usr/libexec/rekindle/report-packages\n"), "{settings}");
        let ca = machine.text("etc/puppetlabs/puppet/ssl/certs/ca.pem");
        assert_eq!(ca, "-----BEGIN CERTIFICATE-----\nTUlJ/+A=\nQQ==\n-----END CERTIFICATE-----\n".repeat(2));
        machine.program(
            "usr/bin/puppet",
            &format!(
                "echo \"puppet $*\" >>$ROOT/log\necho '--- report' >$ROOT/var/lib/rekindle/puppet/last_run_report.yaml\n\
                 echo 'Error: it broke'\nexit {status}"
            ),
        );
        let output = machine.execute(&file);
        assert_eq!(output.status.success(), passes, "{shell} {status}: {output:?}");
        assert_eq!(machine.text("calls"), calls, "{shell} {status}");
        assert_eq!(machine.at("etc/puppetlabs/puppet/csr_attributes.yaml").exists(), !passes, "the token outlives its use");
        let log = machine.text("log");
        assert!(log.contains("puppet agent --onetime") && log.contains("--maxwaitforcert 1200"), "{log}");
        assert!(!log.contains("abababab") && !log.contains("cdcdcd"), "a token is in the process list: {log}");
        assert_eq!(log.contains("systemctl enable puppet\n"), passes, "{log}");
    }
}

#[test]
fn a_run_against_the_server_is_the_end_of_the_handoff_and_of_the_token() {
    for status in [0, 2] {
        check_server_handoff(status, None, "/packages\n/first-boot\n/report\n", true);
    }
    for status in [1, 4, 6] {
        check_server_handoff(status, None, "/packages\n/first-boot\n/report\n/failed/first-boot\n", false);
    }
}

/// Regression: a VM that had become ready by the report that the server forwarded posted its own for an hour, and kept its token.
#[test]
fn a_report_that_nobody_awaits_any_more_does_not_hold_up_the_handoff() {
    check_server_handoff(2, Some(410), "/packages\n/first-boot\n/report\n", true);
}

#[test]
fn failed_resources_and_a_failed_run_are_told_apart_by_the_report() {
    for status in [4, 6] {
        check_handoff(status, true, "/packages\n/first-boot\n/puppet.tar.gz\n/report\n/failed/first-boot\n", false);
    }
    check_handoff(1, false, "/packages\n/first-boot\n/puppet.tar.gz\n/failed/first-boot\n", false);
}

#[test]
fn every_script_is_free_of_what_shellcheck_warns_of() {
    if Command::new("shellcheck").arg("--version").output().is_err() {
        return;
    }
    let case = SpecCase { rich: true, disks: DiskCase::Many, ..SpecCase::default() };
    for (section, script) in scripts_of(&render(&case).text) {
        let mut file = tempfile::Builder::new().suffix(".sh").tempfile().expect("file");
        file.write_all(format!("#!/bin/sh\n{script}").as_bytes()).expect("write");
        let output = Command::new("shellcheck").args(["--severity=warning"]).arg(file.path()).output().expect("shellcheck");
        assert!(output.status.success(), "{section}:\n{}", String::from_utf8_lossy(&output.stdout));
    }
}
