//! What the store and the guest itself say about a VM's current attempt.

use std::net::IpAddr;
use std::time::Duration;

use super::{Arrival, Failure, InstallerLog, ObservedCertificate, Phase, PuppetDbWord, PuppetRuns, ReportVia};
use crate::spec::{Fqdn, Timestamp, Token, VmName};

/// What cannot be observed about a VM and is therefore stored, before the effect it announces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VmRecord {
    /// The VM.
    pub vm: VmName,
    /// Counts all attempts ever made, from 1.
    pub attempt: u32,
    /// Attempts since the last consent, from 1; compared with the budget.
    pub tries: u32,
    /// This attempt's token.
    pub token: Token,
    /// When this attempt began.
    pub began: Timestamp,
    /// Where it is.
    pub phase: Phase,
    /// Since when.
    pub since: Timestamp,
    /// Digest of what was asked for when the attempt began.
    pub spec_digest: String,
    /// The site's revision when the attempt began.
    pub site_revision: String,
    /// Set in `Failed`; kept through the retry so that status can show it.
    pub failure: Option<Failure>,
    /// Somebody asked for this VM to be rebuilt, and has not been served yet: when, and who.
    pub rebuild: Option<Consent>,
    /// When it was first `Ready` in this attempt: the end of the measured recovery time.
    pub ready_at: Option<Timestamp>,
    /// Names that a Puppet CA may know it by, this attempt's last: freed there before the installed system boots, and before the VM
    /// is forgotten. Empty where it is not handed to a Puppet server.
    pub certnames: Vec<Fqdn>,
}

/// Somebody's consent to an act that destroys, naming the VM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consent {
    /// When.
    pub at: Timestamp,
    /// Who: the peer's user name, or `cli`.
    pub by: String,
}

/// The stages that templates report (`POST /install/TOKEN/stage/STAGE`), in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InstallStage {
    /// `%pre` has run.
    Pre,
    /// Partitions and file systems are made (`%pre-install`).
    Storage,
    /// Packages are in; the first `%post` begins.
    Packages,
    /// The last `%post` has ended; a reboot follows.
    Post,
}

impl InstallStage {
    /// In order.
    pub const ALL: [Self; 4] = [Self::Pre, Self::Storage, Self::Packages, Self::Post];

    /// As in the URL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pre => "pre",
            Self::Storage => "storage",
            Self::Packages => "packages",
            Self::Post => "post",
        }
    }

    /// The stage of this name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.as_str() == text)
    }
}

/// A package as the guest's rpmdb has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct InstalledPackage {
    /// Name.
    pub name: String,
    /// `[EPOCH:]VERSION-RELEASE`.
    pub evr: String,
    /// Architecture.
    pub arch: String,
    /// `SHA256HEADER`, where the package has one.
    pub sha256_header: Option<String>,
}

/// Puppet's verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandoffStatus {
    /// Something was brought in line.
    Changed,
    /// All was in line.
    Unchanged,
    /// At least one resource failed, or the catalog did.
    Failed,
}

/// What a Puppet report says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandoffResult {
    /// The verdict.
    pub status: HandoffStatus,
    /// When the run began, by the guest's clock.
    pub time: String,
    /// Failed resources with their messages, or the messages of a failed catalog.
    pub failures: Vec<String>,
    /// Resources in all and changed.
    pub resources: (u32, u32),
}

/// Something that the guest told us, or was told of it, with the time at which we heard it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuestEvent {
    /// When we heard it.
    pub at: Timestamp,
    /// The attempt whose token it came with.
    pub attempt: u32,
    /// What.
    pub kind: GuestEventKind,
}

/// What a guest can tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GuestEventKind {
    /// It fetched its kickstart.
    KickstartFetched,
    /// It reached a stage.
    Stage(InstallStage),
    /// A script or the installer failed.
    Failed {
        /// `pre`, `post`, `onerror`, `traceback`, `first-boot`.
        section: String,
        /// The tail of its output.
        output: String,
    },
    /// The installed system runs; from this address.
    FirstBoot {
        /// The peer's address.
        address: IpAddr,
    },
    /// Its rpmdb holds these of the packages that the site names for it; after the first time in an attempt, because they have changed.
    Packages(Vec<InstalledPackage>),
    /// Puppet has run.
    Handoff {
        /// What its report says.
        result: HandoffResult,
        /// Which way the report came.
        via: ReportVia,
    },
}

/// The last run of one health check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckResult {
    /// The check's name.
    pub name: String,
    /// Why it failed; none: it passed.
    pub failure: Option<String>,
    /// When it ended.
    pub at: Timestamp,
    /// How long it took.
    pub took: Duration,
}

impl CheckResult {
    /// When it began: what it says is about the system as it was from then on.
    pub fn began(&self) -> Timestamp {
        let took = u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX);
        Timestamp(self.at.0.saturating_sub(took))
    }
}

/// A package that a VM runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningPackage<'a> {
    /// The package.
    pub package: &'a InstalledPackage,
    /// Since when it is known to.
    pub since: Timestamp,
    /// How it came there.
    pub arrival: Arrival,
}

/// Everything known about one VM besides its domain.
#[derive(Debug, Clone, PartialEq)]
pub struct ObservedVm {
    /// The stored record.
    pub record: VmRecord,
    /// Events of the current attempt, oldest first.
    pub events: Vec<GuestEvent>,
    /// What the installer's log says; only read while it installs or has just stopped.
    pub installer_log: InstallerLog,
    /// Last lines of the serial console; only read while it installs or boots.
    pub console_tail: Vec<String>,
    /// Its checks' last results, of this agent run.
    pub checks: Vec<CheckResult>,
    /// What the Puppet CA was last seen to hold under its names, of this agent run.
    pub certificates: Vec<ObservedCertificate>,
    /// Puppet's runs in this attempt, as far as reports came.
    pub puppet: Option<PuppetRuns>,
    /// What PuppetDB was last heard to hold of it, of this agent run.
    pub puppetdb: Option<PuppetDbWord>,
    /// The store holds the checked kickstart of this attempt.
    pub kickstart_ready: bool,
}

impl ObservedVm {
    /// When the guest first reported `stage`, if it did.
    pub fn stage_at(&self, stage: InstallStage) -> Option<Timestamp> {
        self.first(|kind| *kind == GuestEventKind::Stage(stage))
    }

    /// When the kickstart was first fetched.
    pub fn kickstart_fetched_at(&self) -> Option<Timestamp> {
        self.first(|kind| *kind == GuestEventKind::KickstartFetched)
    }

    /// When and from where the installed system called.
    pub fn first_boot(&self) -> Option<(Timestamp, IpAddr)> {
        self.events.iter().find_map(|event| match event.kind {
            GuestEventKind::FirstBoot { address } => Some((event.at, address)),
            _ => None,
        })
    }

    /// The last Puppet report.
    pub fn handoff(&self) -> Option<(Timestamp, &HandoffResult, ReportVia)> {
        self.events.iter().rev().find_map(|event| match &event.kind {
            GuestEventKind::Handoff { result, via } => Some((event.at, result, *via)),
            _ => None,
        })
    }

    /// The packages last reported, and when.
    pub fn packages(&self) -> Option<(Timestamp, &[InstalledPackage])> {
        self.package_lists().next_back()
    }

    /// The packages last reported, each with the time since when all reports have had it.
    pub fn running(&self) -> Vec<RunningPackage<'_>> {
        let first = self.package_lists().next().map(|(at, _)| at);
        let last = self.packages().map_or(&[][..], |(_, packages)| packages);
        let since = |package: &InstalledPackage| {
            let has = |(_, packages): &(Timestamp, &[InstalledPackage])| packages.contains(package);
            self.package_lists().rev().take_while(has).last().map(|(at, _)| at)
        };
        let running = |package| {
            let since = since(package)?;
            let arrival = if Some(since) == first { Arrival::Installed } else { Arrival::Updated };
            Some(RunningPackage { package, since, arrival })
        };
        last.iter().filter_map(running).collect()
    }

    fn package_lists(&self) -> impl DoubleEndedIterator<Item = (Timestamp, &[InstalledPackage])> {
        self.events.iter().filter_map(|event| match &event.kind {
            GuestEventKind::Packages(packages) => Some((event.at, packages.as_slice())),
            _ => None,
        })
    }

    fn first(&self, wanted: impl Fn(&GuestEventKind) -> bool) -> Option<Timestamp> {
        self.events.iter().find(|event| wanted(&event.kind)).map(|event| event.at)
    }
}
