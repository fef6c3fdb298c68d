//! What a simulated guest does at each step, as data: what it asks, what it writes to its logs, what follows.
//!
//! `guest` calls [`act`] and applies the answer; nothing here changes a state. The messages are Anaconda's, dracut's and dnf's.

use std::net::IpAddr;

use super::fault::GuestFault;
use super::guest::{GuestStep, Run};
use super::kickstart::KickstartFacts;
use crate::observed::{GuestEventKind, HandoffResult, HandoffStatus, InstallStage, InstalledPackage, ReportVia};
use crate::spec::{Boot, DomainSpec, MacAddr, Timestamp};

/// Something that a guest asks of the install listener.
#[derive(Debug, Clone)]
pub(super) enum Ask {
    Kickstart(Vec<MacAddr>),
    Tell(GuestEventKind),
    /// Told once, whatever the answer.
    TellOnce(GuestEventKind),
    PuppetArchive,
    /// A certificate of the Puppet CA for this name.
    Certificate(String),
}

/// What follows when everything has been asked.
#[derive(Debug)]
pub(super) enum Then {
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
pub(super) struct Act {
    /// What is asked of the install listener, in order.
    pub(super) asks: Vec<Ask>,
    /// Lines on the console.
    pub(super) console: Vec<String>,
    /// Severity and message of lines in the installer's log.
    pub(super) log: Vec<(&'static str, String)>,
    /// What follows.
    pub(super) then: Then,
    /// The first-boot unit fails: it is not disabled, and everything else of the system starts.
    pub(super) unit_fails: bool,
}

impl Act {
    pub(super) fn new(then: Then) -> Self {
        Self { asks: Vec::new(), console: Vec::new(), log: Vec::new(), then, unit_fails: false }
    }

    fn tell(mut self, kind: GuestEventKind) -> Self {
        self.asks.push(Ask::Tell(kind));
        self
    }

    fn ask(mut self, ask: Ask) -> Self {
        self.asks.push(ask);
        self
    }

    pub(super) fn console(mut self, line: impl Into<String>) -> Self {
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

/// What a guest does at `step`.
pub(super) fn act(step: GuestStep, run: &Run, spec: &DomainSpec, address: Option<IpAddr>, at: Timestamp) -> Act {
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
                .progress("Installing.")
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
        _ => unpack(run),
    }
}

/// One package, or the end of the transaction.
fn unpack(run: &Run) -> Act {
    let packages = installed(&run.kickstart);
    let mut act = Act::new(Then::Go(GuestStep::Packages));
    if run.unpacked == 0 {
        act = act
            .progress("Starting package installation process")
            .log("INFO", format!("packaging: {} packages selected totalling 214 MiB", packages.len()))
            .log("INFO", "packaging: Downloading packages to /mnt/sysroot/var/cache/dnf.")
            .log("INFO", "packaging: Downloading packages finished.")
            .progress("Preparing transaction from installation source");
    }
    if let Some(package) = packages.get(run.unpacked) {
        let nevra = format!("{}-{}.{}", package.name, package.evr, package.arch);
        return act
            .console(format!("Installing {}.{} ({}/{})", package.name, package.arch, run.unpacked + 1, packages.len()))
            .log("INFO", format!("packaging: Installed: {nevra} 1650000000 0"));
    }
    act.then = Then::Go(GuestStep::Post);
    act.progress("Installing boot loader")
        .progress("Performing post-installation setup tasks")
        .tell(GuestEventKind::Stage(InstallStage::Packages))
}

fn handoff(run: &Run, at: Timestamp) -> Act {
    let code = match &run.kickstart.certname {
        None => Ask::PuppetArchive,
        Some(certname) => Ask::Certificate(certname.clone()),
    };
    let act = Act::new(Then::Go(GuestStep::Serve)).ask(code);
    let result = |status, failures| GuestEventKind::Handoff {
        result: HandoffResult { status, time: at.to_string(), failures, resources: (12, 9) },
        via: ReportVia::Guest,
    };
    match run.fault {
        Some(GuestFault::PuppetSilent) => Act { unit_fails: true, ..act },
        Some(GuestFault::PuppetFails) => {
            let failure = "File[/etc/shop.conf]: Could not set 'present' on ensure: No such file or directory".to_owned();
            let said = GuestEventKind::Failed {
                section: "first-boot".to_owned(),
                output: "puppet apply failed with 4\nthe first-boot script ended with status 4".to_owned(),
            };
            let act = act.tell(result(HandoffStatus::Failed, vec![failure])).ask(Ask::TellOnce(said));
            Act { unit_fails: true, ..act }
        }
        _ => act.tell(result(HandoffStatus::Changed, Vec::new())),
    }
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
