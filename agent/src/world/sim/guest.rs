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

use super::act::{Act, Ask, Then, act};
use super::desk::DeskError;
use super::fault::GuestFault;
use super::hypervisor::{GuestLogs, SimConfig};
use super::installer_log::{append, installer_line};
use super::kickstart::KickstartFacts;
use super::state::{Content, InstalledSystem, SimState};
use crate::observed::DomainState;
use crate::spec::{Boot, DomainSpec, Timestamp, Token};
use crate::world::DomainEvent;

/// What partitions and empty file systems take on the hypervisor.
const PARTITIONS_BYTES: u64 = 64 << 20;
/// What an installed system takes.
const SYSTEM_BYTES: u64 = 2 << 30;
/// How often dracut's curl asks again for the kickstart, and the scripts' curl for the others, when the install listener does not
/// answer or answers 5xx; the first pause is a second, each further one twice as long.
const RETRIES_FETCH: u32 = 3;
/// See `RETRIES_FETCH`.
const RETRIES_SCRIPT: u32 = 4;
/// How often the first-boot script calls until it is heard, whatever the answer; then its unit has failed.
const RETRIES_FIRST_BOOT: u32 = 720;
/// Between two of these.
const PAUSE_FIRST_BOOT: Duration = Duration::from_secs(5);
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
    pub(super) token: Option<Token>,
    pub(super) fault: Option<GuestFault>,
    pub(super) kickstart: KickstartFacts,
    /// Packages that the installer has unpacked.
    pub(super) unpacked: usize,
    logs: bool,
    retries: u32,
}

impl Run {
    /// Whether the installed system (and with it the guest agent) is up.
    pub(super) fn is_up(&self) -> bool {
        self.serving || self.step.is_some_and(|(_, step)| step.on_disk_boot() && step != GuestStep::FirstBoot)
    }
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
                    let facts = KickstartFacts {
                        packages: system.packages.clone(),
                        address: system.address,
                        puppet: system.puppet,
                        certname: system.certname.clone(),
                    };
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
            domain.run = Some(Run { serial, step, serving: false, token, fault, kickstart, unpacked: 0, logs, retries: 0 });
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

    /// Applies a step after its asks. `kickstart` is the first answer to `Ask::Kickstart`, `refused` the worst answer to any.
    pub(super) fn end_turn(
        &mut self,
        turn: Turn,
        kickstart: Option<Result<String, DeskError>>,
        refused: Option<&DeskError>,
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
        if let Some(pause) = refused.and_then(|refused| pause(step, refused, run.retries)) {
            run.retries += 1;
            run.step = Some((at.plus(pause / speed), step));
            return;
        }
        if refused.is_some() && step.on_disk_boot() {
            act = Act { unit_fails: true, ..Act::new(Then::Go(GuestStep::Serve)) };
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
        let writes = matches!(act.then, Then::Go(_)) && !act.unit_fails;
        if writes && !self.write_step(step, &spec, &facts, token) {
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
            Then::Go(next) => {
                run.unpacked += usize::from(step == GuestStep::Packages);
                run.step = Some((at.plus(span(next, &facts) / speed), next));
            }
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
                    certname: facts.certname.clone(),
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

/// How long until the end of the next turn of `step`: packages are unpacked one a turn.
fn span(step: GuestStep, facts: &KickstartFacts) -> Duration {
    let turns = if step == GuestStep::Packages { facts.packages.len() as u32 + 1 } else { 1 };
    step.takes() / turns
}

/// How long a guest waits before it asks again after `refused`; none: it does not.
fn pause(step: GuestStep, refused: &DeskError, retries: u32) -> Option<Duration> {
    let most = match step {
        _ if step.on_disk_boot() => return (retries < RETRIES_FIRST_BOOT).then_some(PAUSE_FIRST_BOOT),
        GuestStep::Fetch => RETRIES_FETCH,
        _ => RETRIES_SCRIPT,
    };
    // A 404 is final for curl.
    (*refused == DeskError::Unavailable && retries < most).then(|| Duration::from_secs(1 << retries))
}
