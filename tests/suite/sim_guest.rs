//! The simulator's guests, without the agent: what they ask, tell, write and leave on their disks.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use rekindle::observed::{DomainState, GuestEventKind, InstallStage, InstallerLog, LogVerdict};
use rekindle::render::domain_xml;
use rekindle::spec::{
    Boot, CheckKind, DomainDisk, DomainNic, DomainSpec, DomainType, Firmware, MacAddr, NicSource, Owner, PoolSpec, Stop,
    Timestamp, Token, VolumeSpec,
};
use rekindle::world::sim::{
    Call, CallFault, Content, DeskError, ErrorKind, Fault, GuestDesk, GuestFault, GuestStep, SimConfig, SimHypervisor, Times,
};
use rekindle::world::{Clock as _, Hypervisor as _, HypervisorError, ManualClock};
use uuid::Uuid;

const KICKSTART: &str = "network --bootproto=static --ip=10.0.0.7 --netmask=255.255.255.0\n\
                         %packages\n@core\nshop-web\n%end\n%post\ncurl http://x/puppet.tar.gz\n%end\nreboot\n";

/// An install listener that writes down what it hears.
#[derive(Default)]
struct Desk {
    heard: Mutex<Vec<(String, String)>>,
    unavailable: Mutex<u32>,
}

impl Desk {
    fn heard(&self) -> Vec<String> {
        self.heard.lock().expect("what was heard").iter().map(|(_, what)| what.clone()).collect()
    }

    fn hear(&self, token: &str, what: String) -> Result<(), DeskError> {
        let mut left = self.unavailable.lock().expect("a number");
        if *left > 0 {
            *left -= 1;
            return Err(DeskError::Unavailable);
        }
        self.heard.lock().expect("what was heard").push((token.to_owned(), what));
        Ok(())
    }
}

impl GuestDesk for Desk {
    fn kickstart(&self, token: &str, macs: &[MacAddr]) -> Result<String, DeskError> {
        if token != TOKEN {
            return Err(DeskError::Denied);
        }
        self.hear(token, format!("kickstart by {macs:?}"))?;
        Ok(KICKSTART.to_owned())
    }

    fn tell(&self, token: &str, kind: GuestEventKind) -> Result<(), DeskError> {
        let what = match kind {
            GuestEventKind::Stage(stage) => format!("stage {}", stage.as_str()),
            GuestEventKind::Failed { section, .. } => format!("failed {section}"),
            GuestEventKind::FirstBoot { address } => format!("first boot from {address}"),
            GuestEventKind::Packages(packages) => format!("{} packages", packages.len()),
            GuestEventKind::Handoff { result, .. } => format!("handoff {:?}", result.status),
            GuestEventKind::KickstartFetched => "fetched".to_owned(),
        };
        self.hear(token, what)
    }

    fn puppet_archive(&self, token: &str) -> Result<(), DeskError> {
        self.hear(token, "archive".to_owned())
    }
}

const TOKEN: &str = "00112233445566778899aabbccddeeff";

struct Lab {
    sim: SimHypervisor,
    clock: Arc<ManualClock>,
    desk: Arc<Desk>,
    logs: tempfile::TempDir,
}

impl Lab {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::at(Timestamp(1_000_000_000)));
        let sim = SimHypervisor::new(SimConfig::default(), clock.clone());
        let desk = Arc::new(Desk::default());
        sim.connect_guests(desk.clone());
        sim.ensure_pool(&PoolSpec { name: "p".parse().expect("a name"), path: "/p".into() }).expect("a pool");
        let lab = Self { sim, clock, desk, logs: tempfile::tempdir().expect("a directory") };
        for (name, keep) in [("web1-root.qcow2", false), ("web1-data.qcow2", true)] {
            let pool = "p".parse().expect("a name");
            lab.sim.create_volume(&VolumeSpec { pool, name: name.to_owned(), capacity_bytes: 10 << 30, keep }).expect("a volume");
        }
        lab
    }

    fn log(&self, name: &str) -> Utf8PathBuf {
        Utf8Path::from_path(self.logs.path()).expect("a UTF-8 path").join(name)
    }

    fn domain(&self, boot: Boot) -> DomainSpec {
        let disk = |name: &str, target: &str| DomainDisk {
            pool: "p".parse().expect("a name"),
            volume: format!("web1-{name}.qcow2"),
            target: target.to_owned(),
            serial: name.to_owned(),
        };
        let installing = boot != Boot::Disk;
        let vm: rekindle::spec::VmName = "web1".parse().expect("a name");
        DomainSpec {
            name: vm.clone(),
            uuid: Uuid::from_u128(1),
            title: "web1".to_owned(),
            domain_type: DomainType::Kvm,
            firmware: Firmware::Bios,
            vcpus: 1,
            memory_mib: 1024,
            boot,
            disks: vec![disk("root", "vda"), disk("data", "vdb")],
            nics: vec![DomainNic { mac: MacAddr::qemu([0, 0, 7]), source: NicSource::Bridge("br0".parse().expect("a name")) }],
            console_log: self.log("console.log"),
            installer_log: installing.then(|| self.log("installer.log")),
            osinfo: None,
            owner: Owner { site: "s".to_owned(), vm, attempt: 1, installing, digest: "d".to_owned() },
        }
    }

    fn boot_installer(&self) {
        let cmdline = format!("inst.ks=http://10.0.0.1:8470/ks/{TOKEN} inst.ks.sendmac console=ttyS0");
        self.boot(Boot::Install { kernel: "/k".into(), initrd: "/i".into(), cmdline });
    }

    fn boot(&self, boot: Boot) {
        let domain = self.domain(boot);
        self.sim.define_domain(&domain, &domain_xml(&domain)).expect("it can be defined");
        self.sim.start_domain(&domain.name, domain.uuid).expect("it starts");
    }

    /// Lets an hour pass in steps of 5 s, as a ticker would.
    fn hour(&self) {
        for _ in 0..720 {
            self.clock.advance(Duration::from_secs(5));
            self.sim.advance();
        }
    }

    fn state(&self) -> (DomainState, &'static str) {
        let state = self.sim.state();
        let domain = &state.domains["web1"];
        (domain.state, domain.reason)
    }

    fn content(&self, disk: &str) -> Content {
        let state = self.sim.state();
        state.volume("p", &format!("web1-{disk}.qcow2")).map_or(Content::Blank, |volume| volume.content.clone())
    }

    fn checks_pass(&self) -> bool {
        use rekindle::world::CheckRunner as _;
        let vm = rekindle_tests::site::vm("web1");
        let check = rekindle::spec::CheckSpec {
            name: "http".to_owned(),
            kind: CheckKind::Tcp { port: 80 },
            timeout: Duration::from_secs(1),
        };
        self.sim.run(&vm, &check, Some([10, 0, 0, 7].into())).failure.is_none()
    }

    fn installer_log(&self) -> InstallerLog {
        let mut log = InstallerLog::default();
        let text = std::fs::read_to_string(self.log("installer.log")).unwrap_or_default();
        text.lines().for_each(|line| log.push(line));
        log
    }
}

#[test]
fn a_guest_installs_boots_and_serves() {
    let lab = Lab::new();
    lab.boot_installer();
    lab.hour();
    let stages: Vec<String> = InstallStage::ALL.iter().map(|stage| format!("stage {}", stage.as_str())).collect();
    assert_eq!(lab.desk.heard()[0], "kickstart by [52:54:00:00:00:07]");
    assert_eq!(lab.desk.heard()[1..], stages);
    assert_eq!(lab.state(), (DomainState::ShutOff, "shutdown"));
    assert_eq!(lab.installer_log().verdict, LogVerdict::Finished);
    assert_eq!(lab.installer_log().packages, Some((1, 1)));
    assert!(!lab.checks_pass());
    assert_eq!(lab.content("data"), Content::Data { formatted_by: "web1".parse().expect("a name") });

    lab.boot(Boot::Disk);
    lab.hour();
    assert_eq!(lab.desk.heard()[5..], ["first boot from 10.0.0.7", "1 packages", "archive", "handoff Changed"]);
    assert!(lab.checks_pass());

    // The first-boot unit has disabled itself.
    lab.sim.stop_domain(&"web1".parse().expect("a name"), Uuid::from_u128(1), Stop::Ask).expect("it is asked");
    lab.hour();
    assert_eq!(lab.state(), (DomainState::ShutOff, "shutdown"));
    lab.boot(Boot::Disk);
    lab.hour();
    assert_eq!(lab.desk.heard().len(), 9);
    assert!(lab.checks_pass());
}

#[test]
fn a_disk_without_a_system_boots_into_nothing() {
    let lab = Lab::new();
    lab.boot(Boot::Disk);
    lab.hour();
    assert_eq!(lab.state().0, DomainState::Running);
    assert_eq!(lab.desk.heard(), Vec::<String>::new());
    assert!(std::fs::read_to_string(lab.log("console.log")).expect("the console").contains("No bootable device"));
}

#[test]
fn a_second_install_keeps_the_data_and_replaces_the_system() {
    let lab = Lab::new();
    lab.boot_installer();
    lab.hour();
    let data = lab.sim.state().volume("p", "web1-data.qcow2").cloned();
    lab.boot_installer();
    lab.hour();
    assert_eq!(lab.sim.state().volume("p", "web1-data.qcow2").cloned(), data);
    assert!(matches!(lab.content("root"), Content::System(system) if !system.first_boot_done));
}

/// A fault, the last thing that the install listener hears, how the domain ends, and what the installer's log amounts to.
type Row<'a> = (GuestFault, Option<&'a str>, (DomainState, &'a str), LogVerdict);

#[test]
fn each_fault_of_an_install_shows_as_it_would_in_life() {
    let running = (DomainState::Running, "booted");
    let off = (DomainState::ShutOff, "shutdown");
    let name = |name: &str| name.to_owned();
    let stopped_by_error = ["failed onerror", "failed traceback"];
    let table: &[Row<'_>] = &[
        (GuestFault::NeverFetches, None, running, LogVerdict::Running),
        (GuestFault::KickstartRejected, Some("kickstart by [52:54:00:00:00:07]"), running, LogVerdict::Running),
        (GuestFault::PreFails, Some(stopped_by_error[1]), off, LogVerdict::Failed),
        (GuestFault::DiskTooSmall, Some(stopped_by_error[1]), off, LogVerdict::Failed),
        (GuestFault::RepositoryUnreachable, Some(stopped_by_error[1]), off, LogVerdict::Failed),
        (GuestFault::PackageMissing(name("shop-wbe")), Some(stopped_by_error[1]), off, LogVerdict::Failed),
        (GuestFault::ScriptletFails(name("shop-web")), Some(stopped_by_error[1]), off, LogVerdict::Failed),
        (GuestFault::PostFails, Some("failed post"), running, LogVerdict::Running),
        (GuestFault::NeverReboots, Some("stage post"), running, LogVerdict::Finished),
        (
            GuestFault::StopsAt(GuestStep::Packages),
            Some("stage storage"),
            (DomainState::ShutOff, "destroyed"),
            LogVerdict::Running,
        ),
        (GuestFault::CrashesAt(GuestStep::Post), Some("stage packages"), (DomainState::Crashed, "crashed"), LogVerdict::Running),
        (GuestFault::HangsAt(GuestStep::Storage), Some("stage pre"), running, LogVerdict::Running),
    ];
    for (fault, last, state, verdict) in table {
        let lab = Lab::new();
        lab.sim.inject(Fault::Guest { vm: "web1".parse().expect("a name"), times: Times::Next(1), how: fault.clone() });
        lab.boot_installer();
        lab.hour();
        assert_eq!(lab.desk.heard().last().map(String::as_str), *last, "{fault:?}");
        assert_eq!(lab.state(), *state, "{fault:?}");
        assert_eq!(lab.installer_log().verdict, *verdict, "{fault:?}");
    }
}

#[test]
fn faults_of_the_installed_system_show_at_its_boot() {
    let table: &[(GuestFault, &[&str], bool)] = &[
        (GuestFault::NeverCallsFirstBoot, &[], false),
        (GuestFault::PuppetSilent, &["first boot from 10.0.0.7", "1 packages", "archive"], true),
        (
            GuestFault::PuppetFails,
            &["first boot from 10.0.0.7", "1 packages", "archive", "handoff Failed", "failed first-boot"],
            true,
        ),
        (GuestFault::HangsAt(GuestStep::Serve), &["first boot from 10.0.0.7", "1 packages", "archive", "handoff Changed"], false),
    ];
    for (fault, heard, passes) in table {
        let lab = Lab::new();
        lab.sim.inject(Fault::Guest { vm: "web1".parse().expect("a name"), times: Times::Next(1), how: fault.clone() });
        lab.boot_installer();
        lab.hour();
        assert_eq!(lab.state(), (DomainState::ShutOff, "shutdown"), "{fault:?} must not strike at the install");
        lab.boot(Boot::Disk);
        lab.hour();
        assert_eq!(lab.desk.heard()[5..], **heard, "{fault:?}");
        assert_eq!(lab.checks_pass(), *passes, "{fault:?}");
    }
}

#[test]
fn a_guest_can_call_twice_and_with_another_vms_token() {
    let lab = Lab::new();
    lab.sim.inject(Fault::Guest { vm: "web1".parse().expect("a name"), times: Times::Next(1), how: GuestFault::CallsTwice });
    lab.boot_installer();
    lab.hour();
    let heard = lab.desk.heard();
    let counts = heard.iter().fold(BTreeMap::<&str, u32>::new(), |mut counts, what| {
        *counts.entry(what).or_default() += 1;
        counts
    });
    assert_eq!(counts.len(), 5);
    assert!(counts.values().all(|count| *count == 2), "{counts:?}");
}

#[test]
fn a_busy_install_listener_is_asked_again_and_then_given_up() {
    for (refusals, fetched) in [(3, true), (4, false)] {
        let lab = Lab::new();
        *lab.desk.unavailable.lock().expect("a number") = refusals;
        lab.boot_installer();
        lab.hour();
        assert_eq!(lab.state().0 == DomainState::ShutOff, fetched, "{refusals} refusals");
    }
}

#[test]
fn an_installed_system_calls_until_it_is_heard() {
    let lab = Lab::new();
    lab.boot_installer();
    lab.hour();
    *lab.desk.unavailable.lock().expect("a number") = 400;
    lab.boot(Boot::Disk);
    lab.hour();
    assert!(lab.checks_pass());
    assert_eq!(lab.desk.heard()[5..], ["first boot from 10.0.0.7", "1 packages", "archive", "handoff Changed"]);
}

#[test]
fn a_call_fails_as_often_as_it_is_told_to_and_may_take_effect_all_the_same() {
    let lab = Lab::new();
    let pool = PoolSpec { name: "q".parse().expect("a name"), path: "/q".into() };
    for kind in ErrorKind::ALL {
        lab.sim.inject(Fault::Call { call: Call::EnsurePool, times: Times::Next(1), how: CallFault::Fails(kind) });
        lab.sim.ensure_pool(&pool).expect_err("the fault strikes");
        assert!(!lab.sim.state().pools.contains_key("q"));
    }
    let how = CallFault::TakesEffectThenFails(ErrorKind::Unreachable);
    lab.sim.inject(Fault::Call { call: Call::EnsurePool, times: Times::Next(1), how });
    let error = lab.sim.ensure_pool(&pool).expect_err("the fault strikes");
    assert!(matches!(error, HypervisorError::Unreachable { .. }));
    assert!(lab.sim.state().pools.contains_key("q"));
    lab.sim.inject(Fault::Unreachable { span: Duration::from_secs(60) });
    lab.sim.observe().expect_err("libvirt is gone");
    lab.clock.advance(Duration::from_secs(60));
    lab.sim.observe().expect("libvirt is back");
}

#[test]
fn a_full_pool_pauses_a_guest_that_writes_and_refuses_volumes() {
    let lab = Lab::new();
    lab.sim.inject(Fault::PoolFull { pool: "p".to_owned() });
    lab.boot_installer();
    lab.hour();
    assert_eq!(lab.state(), (DomainState::Paused, "I/O error"));
    let pool = "p".parse().expect("a name");
    let volume = VolumeSpec { pool, name: "more.qcow2".to_owned(), capacity_bytes: 1 << 30, keep: false };
    assert!(matches!(lab.sim.create_volume(&volume), Err(HypervisorError::NoSpace { .. })));
    lab.sim.heal();
    lab.sim.start_domain(&"web1".parse().expect("a name"), Uuid::from_u128(1)).expect("it is resumed");
    lab.hour();
    assert_eq!(lab.state(), (DomainState::ShutOff, "shutdown"));
}

#[test]
fn a_wiped_libvirt_keeps_its_files_and_a_new_machine_does_not() {
    let lab = Lab::new();
    lab.sim.inject(Fault::LibvirtWiped);
    assert!(lab.sim.observe().expect("an answer").pools.is_empty());
    lab.sim.ensure_pool(&PoolSpec { name: "p".parse().expect("a name"), path: "/p".into() }).expect("a pool");
    assert!(lab.sim.state().volume("p", "web1-data.qcow2").is_some());
    lab.sim.inject(Fault::HostReplaced);
    assert!(lab.sim.state().directories.is_empty());
}

#[test]
fn guests_do_nothing_while_the_clock_jumps() {
    let lab = Lab::new();
    lab.boot_installer();
    let day = Duration::from_secs(86_400);
    lab.sim.inject(Fault::ClockJumps { span: day });
    lab.clock.advance(day);
    lab.sim.advance();
    assert_eq!(lab.desk.heard(), Vec::<String>::new());
    assert_eq!(lab.sim.next_due(), Some(lab.clock.now().plus(GuestStep::Fetch.takes())));
    lab.hour();
    assert_eq!(lab.state().0, DomainState::ShutOff);
    let token: Token = TOKEN.parse().expect("a token");
    assert!(matches!(lab.content("root"), Content::System(system) if system.token == token));
}
