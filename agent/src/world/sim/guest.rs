//! A simulated guest: what a domain does while it runs.
//!
//! ```text
//! installer booted:  Fetch → Pre → Storage → Packages → Post → Reboot → off
//! disk booted:       FirstBoot → Report → Handoff (with Puppet) → Serve → stays up
//! disk booted again: Serve
//! ```
//!
//! A turn is one step of one guest: [`SimState::take_turn`] says what it asks of the install listener, the caller asks without
//! a lock, [`SimState::end_turn`] applies what follows. Between the two the domain may have been stopped: the run's serial says so.

use std::time::Duration;

use super::desk::DeskError;
use super::fault::GuestFault;
use super::hypervisor::{GuestLogs, SimConfig};
use super::installer_log::{append, installer_line};
use super::kickstart::KickstartFacts;
use super::state::{Content, InstalledSystem, SimState};
use crate::observed::{DomainState, GuestEventKind, HandoffResult, HandoffStatus, InstallStage, InstalledPackage};
use crate::spec::{Boot, DomainSpec, MacAddr, Timestamp, Token};
use crate::world::DomainEvent;

/// What partitions and empty file systems take on the hypervisor.
const PARTITIONS_BYTES: u64 = 64 << 20;
/// What an installed system takes.
const SYSTEM_BYTES: u64 = 2 << 30;
/// How often a guest asks again when the install listener is unavailable, as curl does.
const RETRIES: u32 = 3;
/// How long a failed installer sleeps before it reboots.
const FAILED_SLEEP: Duration = Duration::from_secs(180);

/// A step of a guest; the next begins when it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum GuestStep {
    /// Kernel, initrd, and the kickstart is fetched.
    Fetch,
    /// `%pre`.
    Pre,
    /// Partitions and file systems.
    Storage,
    /// Packages.
    Packages,
    /// `%post`; the system is complete.
    Post,
    /// The installer ends and the domain goes off; also a system that was asked to.
    Reboot,
    /// The installed system boots and calls.
    FirstBoot,
    /// It tells its packages.
    Report,
    /// Puppet runs and reports.
    Handoff,
    /// Its services start.
    Serve,
}

impl GuestStep {
    /// Every step.
    pub const ALL: [Self; 10] = [
        Self::Fetch,
        Self::Pre,
        Self::Storage,
        Self::Packages,
        Self::Post,
        Self::Reboot,
        Self::FirstBoot,
        Self::Report,
        Self::Handoff,
        Self::Serve,
    ];

    /// The steps of an installer.
    pub const INSTALL: [Self; 6] = [Self::Fetch, Self::Pre, Self::Storage, Self::Packages, Self::Post, Self::Reboot];

    /// It belongs to the installed system.
    pub(super) const fn on_disk_boot(self) -> bool {
        matches!(self, Self::FirstBoot | Self::Report | Self::Handoff | Self::Serve)
    }

    /// How long it takes, at speed 1.
    pub const fn takes(self) -> Duration {
        Duration::from_secs(match self {
            Self::Fetch | Self::FirstBoot => 20,
            Self::Pre | Self::Reboot => 5,
            Self::Storage => 10,
            Self::Packages => 90,
            Self::Post | Self::Handoff => 30,
            Self::Report => 2,
            Self::Serve => 3,
        })
    }
}

/// A guest that runs.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Run {
    /// Tells this start of the domain from others.
    pub(super) serial: u64,
    /// The step under way and when it is done; none: nothing more will happen by itself.
    pub(super) step: Option<(Timestamp, GuestStep)>,
    /// Its services answer.
    pub(super) serving: bool,
    token: Option<Token>,
    fault: Option<GuestFault>,
    kickstart: KickstartFacts,
    logs: bool,
    retries: u32,
}

impl Run {
    /// Whether the installed system (and with it the guest agent) is up.
    pub(super) fn is_up(&self) -> bool {
        self.serving || self.step.is_some_and(|(_, step)| step.on_disk_boot() && step != GuestStep::FirstBoot)
    }
}

/// Something that a guest asks of the install listener.
#[derive(Debug, Clone)]
pub(super) enum Ask {
    Kickstart(Vec<MacAddr>),
    Tell(GuestEventKind),
    PuppetArchive,
}

/// One step of one guest, begun.
#[derive(Debug)]
pub(super) struct Turn {
    domain: String,
    run: u64,
    step: GuestStep,
    at: Timestamp,
    pub(super) token: Option<Token>,
    pub(super) asks: Vec<Ask>,
    act: Act,
}

/// What follows when everything has been asked.
#[derive(Debug)]
enum Then {
    /// On to this step.
    Go(GuestStep),
    /// Nothing more happens.
    Hang,
    /// An installer that failed goes off after a while.
    FailedOff,
    /// The domain goes off; libvirt's reason.
    Off(&'static str),
    /// The domain crashes.
    Crash,
    /// The guest is up.
    Up,
}

/// The whole of a step.
#[derive(Debug)]
struct Act {
    asks: Vec<Ask>,
    console: Vec<String>,
    log: Vec<(&'static str, String)>,
    then: Then,
}

impl Act {
    fn new(then: Then) -> Self {
        Self { asks: Vec::new(), console: Vec::new(), log: Vec::new(), then }
    }

    fn tell(mut self, kind: GuestEventKind) -> Self {
        self.asks.push(Ask::Tell(kind));
        self
    }

    fn ask(mut self, ask: Ask) -> Self {
        self.asks.push(ask);
        self
    }

    fn console(mut self, line: impl Into<String>) -> Self {
        self.console.push(line.into());
        self
    }

    fn log(mut self, severity: &'static str, message: impl Into<String>) -> Self {
        self.log.push((severity, message.into()));
        self
    }

    fn progress(self, message: &str) -> Self {
        self.console(message).log("INFO", format!("anaconda: progress: {message}"))
    }

    fn failed(self, section: &str, output: &str) -> Self {
        self.tell(GuestEventKind::Failed { section: section.to_owned(), output: output.to_owned() })
    }

    /// The installer stops with `message`, as Anaconda does in cmdline mode: both error sections run, then it sleeps and goes off.
    fn stops(self, message: &str) -> Self {
        let mut act = self
            .log("CRIT", format!("anaconda: exception: Traceback (most recent call last):#012{message}"))
            .log("INFO", "anaconda: core.util: Running kickstart %%onerror script(s)")
            .log("INFO", "anaconda: kickstart.script: Running kickstart %%traceback script(s)")
            .console(format!("The exact error message is: {message}."))
            .failed("onerror", message)
            .failed("traceback", message);
        act.then = Then::FailedOff;
        act
    }
}

impl SimState {
    /// Starts the guest of a domain of ours, which is `Running` from now on.
    pub(super) fn start_guest(&mut self, name: &str, fault: Option<GuestFault>, now: Timestamp, config: &SimConfig) {
        let logs = config.logs == GuestLogs::Files;
        let serial = self.next_serial();
        let Some(spec) = self.domains.get(name).and_then(|domain| domain.ours()).cloned() else { return };
        let token = match &fault {
            // Where the other has none yet, one that nobody has.
            Some(GuestFault::UsesTokenOf(other)) => self.token_of(other.as_str()).or_else(|| Some(Token::new([0xff; 16]))),
            _ => self.token_of(name),
        };
        let (first, kickstart) = match &spec.boot {
            Boot::Install { .. } => (Some(GuestStep::Fetch), KickstartFacts::default()),
            Boot::Disk => match self.system_of(&spec) {
                None => (None, KickstartFacts::default()),
                Some(system) => {
                    let step = if system.first_boot_done { GuestStep::Serve } else { GuestStep::FirstBoot };
                    let facts =
                        KickstartFacts { packages: system.packages.clone(), address: system.address, puppet: system.puppet };
                    (Some(step), facts)
                }
            },
        };
        if first.is_none() && logs {
            append(&spec.console_log, &["Booting from Hard Disk...".to_owned(), "No bootable device.".to_owned()]);
        }
        let runs = config.domain_types.contains(&spec.domain_type);
        let step = first.filter(|_| runs).map(|step| (now.plus(step.takes() / config.speed), step));
        if let Some(domain) = self.domains.get_mut(name) {
            domain.state = DomainState::Running;
            domain.reason = "booted";
            domain.run = Some(Run { serial, step, serving: false, token, fault, kickstart, logs, retries: 0 });
        }
    }

    /// When the next guest has something to do.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.due_steps().map(|(at, _)| at).min()
    }

    fn due_steps(&self) -> impl Iterator<Item = (Timestamp, &String)> {
        self.domains.iter().filter(|(_, domain)| domain.state == DomainState::Running).filter_map(|(name, domain)| {
            let (at, _) = domain.run.as_ref()?.step?;
            Some((at, name))
        })
    }

    /// The step that is due first by `now`; it is under way until `end_turn`.
    pub(super) fn take_turn(&mut self, now: Timestamp) -> Option<Turn> {
        let (at, name) = self.due_steps().filter(|(at, _)| *at <= now).min()?;
        let name = name.clone();
        let domain = self.domains.get(&name)?;
        let spec = domain.ours()?;
        let run = domain.run.as_ref()?;
        let (_, step) = run.step?;
        let address = self.address_of(spec, run.kickstart.address);
        let mut act = act(step, run, spec, address, at);
        let mut asks = std::mem::take(&mut act.asks);
        if run.fault == Some(GuestFault::CallsTwice) {
            asks = asks.into_iter().flat_map(|ask| [ask.clone(), ask]).collect();
        }
        let turn = Turn { domain: name.clone(), run: run.serial, step, at, token: run.token.clone(), asks, act };
        if let Some(run) = self.domains.get_mut(&name).and_then(|domain| domain.run.as_mut()) {
            run.step = None;
        }
        Some(turn)
    }

    /// Applies a step after its asks. `kickstart` is the first answer to `Ask::Kickstart`; `unavailable`: some ask got a 503.
    pub(super) fn end_turn(
        &mut self,
        turn: Turn,
        kickstart: Option<Result<String, DeskError>>,
        unavailable: bool,
        speed: u32,
        events: &mut Vec<DomainEvent>,
    ) {
        let Turn { domain: name, run: serial, step, at, mut act, .. } = turn;
        let Some(domain) = self.domains.get_mut(&name) else { return };
        let Some(spec) = domain.ours().cloned() else { return };
        let Some(run) = domain.run.as_mut().filter(|run| run.serial == serial) else { return };
        if run.step.is_some() {
            // Asked to go off while the step was under way.
            return;
        }
        if unavailable && run.retries < RETRIES {
            run.retries += 1;
            run.step = Some((at.plus(Duration::from_secs(1 << run.retries) / speed), step));
            return;
        }
        run.retries = 0;
        match kickstart {
            Some(Ok(text)) => run.kickstart = KickstartFacts::of(&text),
            Some(Err(_)) => {
                act = Act::new(Then::Hang).console("dracut-initqueue: anaconda: failed to fetch kickstart");
            }
            None => {}
        }
        let facts = run.kickstart.clone();
        let token = run.token.clone();
        let lines: Vec<String> = act.log.iter().map(|(severity, message)| installer_line(at, severity, message)).collect();
        if run.logs && !act.console.is_empty() {
            append(&spec.console_log, &act.console);
        }
        if let Some(path) = spec.installer_log.as_ref().filter(|_| run.logs && !lines.is_empty()) {
            append(path, &lines);
        }
        if matches!(act.then, Then::Go(_)) && !self.write_step(step, &spec, &facts, token) {
            if let Some(domain) = self.domains.get_mut(&name) {
                domain.state = DomainState::Paused;
                domain.reason = "I/O error";
                // QEMU writes again when it is resumed.
                if let Some(run) = domain.run.as_mut() {
                    run.step = Some((at, step));
                }
            }
            events.push(DomainEvent { domain: name, event: "suspended" });
            return;
        }
        let Some(domain) = self.domains.get_mut(&name) else { return };
        let Some(run) = domain.run.as_mut() else { return };
        match act.then {
            Then::Hang => {}
            Then::Go(next) => run.step = Some((at.plus(next.takes() / speed), next)),
            Then::Up => run.serving = true,
            Then::FailedOff => run.step = Some((at.plus(FAILED_SLEEP / speed), GuestStep::Reboot)),
            Then::Off(reason) => {
                domain.state = DomainState::ShutOff;
                domain.reason = reason;
                domain.run = None;
                events.push(DomainEvent { domain: name, event: "stopped" });
            }
            Then::Crash => {
                domain.state = DomainState::Crashed;
                domain.reason = "crashed";
                domain.run = None;
                events.push(DomainEvent { domain: name, event: "crashed" });
            }
        }
    }

    /// What a finished step leaves on the disks. False: the pool is full.
    fn write_step(&mut self, step: GuestStep, spec: &DomainSpec, facts: &KickstartFacts, token: Option<Token>) -> bool {
        let Some(root) = spec.disks.first() else { return true };
        let (pool, volume) = (root.pool.as_str(), root.volume.as_str());
        match step {
            GuestStep::Storage => self.write(pool, volume, Content::Partitioned, PARTITIONS_BYTES),
            GuestStep::Packages => self.write(pool, volume, Content::Partitioned, SYSTEM_BYTES),
            GuestStep::Post => {
                let formatted = spec.disks[1..].iter().all(|disk| {
                    let blank = self.volume(disk.pool.as_str(), &disk.volume).is_some_and(|v| v.content == Content::Blank);
                    let data = Content::Data { formatted_by: spec.name.clone() };
                    !blank || self.write(disk.pool.as_str(), &disk.volume, data, PARTITIONS_BYTES)
                });
                let Some(token) = token else { return formatted };
                let system = InstalledSystem {
                    vm: spec.owner.vm.clone(),
                    token,
                    address: facts.address,
                    packages: facts.packages.clone(),
                    puppet: facts.puppet,
                    first_boot_done: false,
                };
                formatted && self.write(pool, volume, Content::System(Box::new(system)), SYSTEM_BYTES)
            }
            GuestStep::Report if facts.puppet => true,
            GuestStep::Report | GuestStep::Handoff => {
                if let Some(Content::System(system)) = self.volume_mut(pool, volume).map(|volume| &mut volume.content) {
                    system.first_boot_done = true;
                }
                true
            }
            GuestStep::Fetch | GuestStep::Pre | GuestStep::Reboot | GuestStep::FirstBoot | GuestStep::Serve => true,
        }
    }
}

/// What a guest does at `step`.
fn act(step: GuestStep, run: &Run, spec: &DomainSpec, address: Option<std::net::IpAddr>, at: Timestamp) -> Act {
    match &run.fault {
        Some(GuestFault::HangsAt(here)) if *here == step => return Act::new(Then::Hang),
        Some(GuestFault::StopsAt(here)) if *here == step => return Act::new(Then::Off("destroyed")),
        Some(GuestFault::CrashesAt(here)) if *here == step => {
            return Act::new(Then::Crash).console("Kernel panic - not syncing: Fatal exception");
        }
        _ => {}
    }
    match step {
        GuestStep::Fetch => fetch(run, spec),
        GuestStep::Pre => match run.fault {
            Some(GuestFault::PreFails) => Act::new(Then::Hang)
                .log("ERR", "anaconda: kickstart.script: Error code 1 running the kickstart script at line 12")
                .failed("pre", "mdadm: no arrays found\nexit status 1")
                .stops("There was an error running the kickstart script at line 12"),
            _ => Act::new(Then::Go(GuestStep::Storage))
                .log("INFO", "anaconda: kickstart.script: All kickstart %%pre script(s) have been run")
                .tell(GuestEventKind::Stage(InstallStage::Pre)),
        },
        GuestStep::Storage => match run.fault {
            Some(GuestFault::DiskTooSmall) => {
                Act::new(Then::Hang).progress("Configuring storage").stops("Unable to allocate requested partition scheme")
            }
            _ => Act::new(Then::Go(GuestStep::Packages))
                .log("INFO", "anaconda: installation: Queue started: Installation queue (1/16)")
                .progress("Setting up the installation environment")
                .progress("Configuring storage")
                .progress("Creating disklabel on /dev/vda")
                .progress("Creating ext4 on /dev/vda1")
                .progress("Running pre-installation scripts")
                .tell(GuestEventKind::Stage(InstallStage::Storage)),
        },
        GuestStep::Packages => packages(run),
        GuestStep::Post => match run.fault {
            Some(GuestFault::PostFails) => Act::new(Then::Hang)
                .progress("Running post-installation scripts")
                .log("ERR", "anaconda: kickstart.script: Error code 3 running the kickstart script at line 103")
                .failed("post", "sed: can't read /etc/missing.conf: No such file or directory\nexit status 3"),
            _ => Act::new(Then::Go(GuestStep::Reboot))
                .progress("Running post-installation scripts")
                .tell(GuestEventKind::Stage(InstallStage::Post))
                .log(
                    "INFO",
                    "anaconda: installation: All tasks in the installation queue are done. Installation successfully finished.",
                ),
        },
        GuestStep::Reboot => match run.fault {
            Some(GuestFault::NeverReboots) => Act::new(Then::Hang).console("Installation complete. Press ENTER to quit:"),
            _ => Act::new(Then::Off("shutdown")).console("reboot: Power down"),
        },
        GuestStep::FirstBoot => match (&run.fault, address) {
            (Some(GuestFault::NeverCallsFirstBoot), _) | (_, None) => Act::new(Then::Hang).console("localhost login: "),
            (_, Some(address)) => Act::new(Then::Go(GuestStep::Report))
                .console(format!("{} login: ", spec.name))
                .tell(GuestEventKind::FirstBoot { address }),
        },
        GuestStep::Report => {
            let next = if run.kickstart.puppet { GuestStep::Handoff } else { GuestStep::Serve };
            Act::new(Then::Go(next)).tell(GuestEventKind::Packages(installed(&run.kickstart)))
        }
        GuestStep::Handoff => handoff(run, at),
        GuestStep::Serve => Act::new(Then::Up),
    }
}

fn fetch(run: &Run, spec: &DomainSpec) -> Act {
    let Boot::Install { cmdline, .. } = &spec.boot else { return Act::new(Then::Hang) };
    if run.fault == Some(GuestFault::NeverFetches) || run.token.is_none() {
        return Act::new(Then::Hang).console("dracut-initqueue: timeout, still waiting for following initqueue hooks");
    }
    let sends_mac = cmdline.split_whitespace().any(|word| word == "inst.ks.sendmac");
    let macs = if sends_mac { spec.nics.iter().map(|nic| nic.mac).collect() } else { Vec::new() };
    match run.fault {
        Some(GuestFault::KickstartRejected) => {
            let message = "The following problem occurred on line 7 of the kickstart file: Unknown command: frobnicate";
            Act::new(Then::Hang)
                .ask(Ask::Kickstart(macs))
                .log("ERR", format!("anaconda: kickstart.parsing: {message}"))
                .console("An error occurred during reading the kickstart file:")
                .console(message)
                .console("The installer will now terminate.")
        }
        _ => Act::new(Then::Go(GuestStep::Pre))
            .ask(Ask::Kickstart(macs))
            .console("anaconda: fetched kickstart")
            .log("INFO", "anaconda: kickstart.script: Running kickstart %%pre script(s)"),
    }
}

fn packages(run: &Run) -> Act {
    let start = Act::new(Then::Hang).progress("Starting package installation process");
    match &run.fault {
        Some(GuestFault::RepositoryUnreachable) => start
            .log("ERR", "packaging: base repo (http://mirror/BaseOS) not valid -- removing it")
            .log("ERR", "packaging: reason for repo removal: Cannot download repodata/repomd.xml: All mirrors were tried")
            .stops("The following mandatory spokes are not completed: Installation source, Software selection"),
        Some(GuestFault::PackageMissing(name)) => start.stops(&format!("Problems in request: missing packages: {name}")),
        Some(GuestFault::ScriptletFails(name)) => start
            .log("ERR", format!("dnf: Error in POSTIN scriptlet in rpm package {name}"))
            .stops(&format!("Error in POSTIN scriptlet in rpm package {name}")),
        _ => {
            let names = &run.kickstart.packages;
            let mut act = Act::new(Then::Go(GuestStep::Post))
                .progress("Installing.")
                .progress("Starting package installation process")
                .log("INFO", format!("packaging: {} packages selected totalling 214 MiB", names.len()))
                .log("INFO", "packaging: Downloading packages to /mnt/sysroot/var/cache/dnf.")
                .log("INFO", "packaging: Downloading packages finished.")
                .progress("Preparing transaction from installation source");
            for package in installed(&run.kickstart) {
                act = act
                    .log("INFO", format!("packaging: Installed: {}-{}.{} 1650000000 0", package.name, package.evr, package.arch));
            }
            act.progress("Installing boot loader")
                .progress("Performing post-installation setup tasks")
                .tell(GuestEventKind::Stage(InstallStage::Packages))
        }
    }
}

fn handoff(run: &Run, at: Timestamp) -> Act {
    let (status, failures) = match run.fault {
        Some(GuestFault::PuppetSilent) => return Act::new(Then::Go(GuestStep::Serve)).ask(Ask::PuppetArchive),
        Some(GuestFault::PuppetFails) => {
            let failure = "File[/etc/shop.conf]: Could not set 'present' on ensure: No such file or directory".to_owned();
            (HandoffStatus::Failed, vec![failure])
        }
        _ => (HandoffStatus::Changed, Vec::new()),
    };
    let result = HandoffResult { status, time: at.to_string(), failures, resources: (12, 9) };
    Act::new(Then::Go(GuestStep::Serve)).ask(Ask::PuppetArchive).tell(GuestEventKind::Handoff(result))
}

fn installed(facts: &KickstartFacts) -> Vec<InstalledPackage> {
    let package = |name: &String| InstalledPackage {
        name: name.clone(),
        evr: "1.0-1".to_owned(),
        arch: "noarch".to_owned(),
        sha256_header: None,
    };
    facts.packages.iter().map(package).collect()
}
