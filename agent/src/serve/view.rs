//! What the API shows: the only serialised form of a snapshot and a timeline.
//!
//! `api` writes these, `client` reads them. Inner types are never serialised themselves, so that they stay free to change. Times
//! are RFC 3339 in UTC beside milliseconds since 1970, durations are seconds. No kickstart and no token is ever in a view.

mod event;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::observed::{
    CheckResult, DomainState, Failure, HandoffResult, HandoffStatus, HypervisorState, ObservedVm, Phase, PuppetRuns, ReportVia,
};
use crate::reconcile::{Snapshot, VmStatus};
use crate::spec::{Timestamp, VmName};

pub use event::EventView;

/// A look at the world that takes longer than this is told.
const LONG_LOOK: Duration = Duration::from_secs(5);

/// A point in time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeView {
    /// RFC 3339, UTC.
    pub utc: String,
    /// Milliseconds since 1970.
    pub ms: u64,
}

impl From<Timestamp> for TimeView {
    fn from(at: Timestamp) -> Self {
        Self { utc: at.to_string(), ms: at.0 }
    }
}

/// The whole hypervisor: `GET /api/v1/status`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StatusView {
    /// The agent's version.
    pub version: String,
    /// The hypervisor's name in the site.
    pub hypervisor: String,
    /// When the last pass ended.
    pub at: TimeView,
    /// When this was asked; with no agent, as `at`.
    pub asked: TimeView,
    /// How long the present look at the world has taken, where it takes long: libvirt does not answer.
    pub looking_seconds: Option<f64>,
    /// The site's revision in force.
    pub revision: String,
    /// Why the newest site on disk is not in force.
    pub site_error: Option<String>,
    /// Why libvirt cannot be reached; none: it can.
    pub unreachable: Option<String>,
    /// `kvm` or `qemu`, once it is known.
    pub domain_type: Option<String>,
    /// Nothing remains to be done.
    pub idle: bool,
    /// Passes since the start.
    pub passes: u64,
    /// How long the last one took.
    pub pass_seconds: f64,
    /// Pools, networks and the hypervisor itself, where something waits or fails.
    pub notes: Vec<String>,
    /// Every VM in the site or in the store, by name.
    pub vms: Vec<VmRow>,
}

/// What an upload came to: the answer to `PUT /api/v1/repo/{stage}/{file}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnteredView {
    /// The stage.
    pub stage: String,
    /// The packages that are in it now.
    pub packages: Vec<EnteredPackageView>,
    /// The stage's new generation; none: all of it was there already.
    pub generation: Option<u64>,
}

/// A package that entered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnteredPackageView {
    /// Name, epoch, version, release, architecture.
    pub package: String,
    /// The file's digest.
    pub sha256: String,
}

/// One VM in short.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VmRow {
    /// Its name.
    pub vm: String,
    /// Its phase; none: nothing has been done for it yet.
    pub phase: Option<String>,
    /// What is being done, or why nothing is.
    pub note: String,
    /// Since when it is in its phase.
    pub since: Option<TimeView>,
    /// When its phase is given up.
    pub deadline: Option<TimeView>,
    /// Nothing more happens unless something changes.
    pub settled: bool,
    /// The attempt; 0 before the first.
    pub attempt: u32,
    /// From the begin of the attempt to `ready`.
    pub recovery_seconds: Option<f64>,
    /// The cause, where it has failed.
    pub cause: Option<String>,
    /// Name and domain; none: it has left the site.
    pub fqdn: Option<String>,
    /// Its role.
    pub role: Option<String>,
    /// Its stage.
    pub stage: Option<String>,
    /// Its owner.
    pub team: Option<String>,
    /// Where it is reached, if that is known.
    pub address: Option<String>,
    /// `running`, `paused`, `shut off`, `crashed`; none: there is no domain, or libvirt cannot be reached.
    pub domain: Option<String>,
    /// What the installer says it is doing, while it runs.
    pub installer: Option<InstallerView>,
}

/// One VM in full: `GET /api/v1/vms/{vm}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VmView {
    /// In short.
    pub summary: VmRow,
    /// When the view was made.
    pub at: TimeView,
    /// Every phase of every attempt, oldest first.
    pub timeline: Vec<PhaseView>,
    /// What the guest told in the present attempt, oldest first.
    pub events: Vec<EventView>,
    /// The role's packages as the guest's rpmdb has them.
    pub packages: Vec<PackageView>,
    /// What Puppet said last.
    pub handoff: Option<HandoffView>,
    /// Puppet's runs in this attempt, the handoff's among them.
    #[serde(default)]
    pub puppet: Option<PuppetRunsView>,
    /// The checks' last results.
    pub checks: Vec<CheckView>,
    /// Why the last attempt failed; kept while it is tried again.
    pub failure: Option<FailureView>,
    /// A consent that is still to be served: who and when.
    pub rebuild: Option<ConsentView>,
}

/// A phase within a timeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PhaseView {
    /// The attempt.
    pub attempt: u32,
    /// The phase.
    pub phase: String,
    /// When it began.
    pub at: TimeView,
    /// How long it took, or has taken so far.
    pub seconds: f64,
    /// It is the present one.
    pub present: bool,
    /// Why, for `failed`.
    pub note: Option<String>,
}

/// The installer's own log, digested.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstallerView {
    /// What it is doing, in its own words.
    pub doing: Option<String>,
    /// Packages installed.
    pub packages_done: Option<u32>,
    /// Packages selected.
    pub packages_total: Option<u32>,
    /// Tasks done.
    pub tasks_done: Option<u32>,
    /// Tasks in all.
    pub tasks_total: Option<u32>,
}

/// An installed package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageView {
    /// Name.
    pub name: String,
    /// `[EPOCH:]VERSION-RELEASE`.
    pub evr: String,
    /// Architecture.
    pub arch: String,
    /// The header's SHA-256, which is the same in every stage.
    pub sha256_header: Option<String>,
}

/// A Puppet run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandoffView {
    /// `changed`, `unchanged`, `failed`.
    pub status: String,
    /// When we heard of it.
    pub at: TimeView,
    /// Which way the report came first: `guest`, `server` (forwarded), `puppetdb`; empty: an older agent does not say.
    #[serde(default)]
    pub via: String,
    /// When it began, by the guest's clock.
    pub guest_time: String,
    /// Resources in all.
    pub resources: u32,
    /// Resources changed.
    pub changed: u32,
    /// Failed resources or a failed catalog, with messages.
    pub failures: Vec<String>,
}

impl HandoffView {
    fn of(at: Timestamp, result: &HandoffResult, via: ReportVia) -> Self {
        Self {
            status: handoff_status(result.status).to_owned(),
            at: at.into(),
            via: via.as_str().to_owned(),
            guest_time: result.time.clone(),
            resources: result.resources.0,
            changed: result.resources.1,
            failures: result.failures.clone(),
        }
    }
}

/// Puppet's runs in a VM's present attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PuppetRunsView {
    /// The last.
    pub last: HandoffView,
    /// Nothing has been heard for so long that the VM's state is not known.
    pub stale: bool,
    /// Resources that the last run put right after somebody else had changed them.
    pub corrective: u32,
    /// Runs heard of.
    pub runs: u64,
    /// Those that failed.
    pub failed_runs: u64,
    /// Corrective changes of all runs.
    pub corrective_in_all: u64,
}

impl PuppetRunsView {
    fn of(runs: &PuppetRuns, now: Timestamp) -> Self {
        Self {
            last: HandoffView::of(runs.heard, &runs.last.result, runs.via),
            stale: runs.is_stale(now),
            corrective: runs.last.corrective,
            runs: runs.runs,
            failed_runs: runs.failed,
            corrective_in_all: runs.corrective,
        }
    }
}

/// A health check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckView {
    /// Its name in the role.
    pub name: String,
    /// Whether it passed.
    pub passed: bool,
    /// Why not.
    pub failure: Option<String>,
    /// When it ended.
    pub at: TimeView,
    /// How long it took.
    pub seconds: f64,
}

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureView {
    /// When.
    pub at: TimeView,
    /// In which phase.
    pub phase: String,
    /// The cause's name, as in metrics.
    pub cause: String,
    /// The cause for people.
    pub meaning: String,
    /// The particulars.
    pub detail: String,
    /// The last lines that say so.
    pub evidence: Vec<String>,
}

/// A consent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentView {
    /// When.
    pub at: TimeView,
    /// Who.
    pub by: String,
}

impl StatusView {
    /// All of a snapshot, asked for at `now`; `looking_since` is when the pass began that has not ended yet.
    pub fn of(snapshot: &Snapshot, now: Timestamp, looking_since: Option<Timestamp>) -> Self {
        let looking = looking_since.map(|since| now.since(since)).filter(|&span| span >= LONG_LOOK);
        let (unreachable, domain_type) = match &snapshot.observed.hypervisor {
            HypervisorState::Reachable(host) => (None, host.domain_type.map(|kind| kind.as_str().to_owned())),
            HypervisorState::Unreachable { reason } => (Some(reason.clone()), None),
        };
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            hypervisor: snapshot.hypervisor.to_string(),
            at: snapshot.at.into(),
            asked: now.into(),
            looking_seconds: looking.map(|span| span.as_secs_f64()),
            revision: snapshot.spec.revision.clone(),
            site_error: snapshot.site_error.clone(),
            unreachable,
            domain_type,
            idle: snapshot.idle,
            passes: snapshot.passes,
            pass_seconds: snapshot.pass_micros as f64 / 1e6,
            notes: snapshot.notes.clone(),
            vms: snapshot.vms.iter().map(|(vm, status)| VmRow::of(snapshot, vm, status)).collect(),
        }
    }
}

impl VmRow {
    /// One VM of a snapshot.
    pub fn of(snapshot: &Snapshot, vm: &VmName, status: &VmStatus) -> Self {
        let observed = snapshot.observed.vms.get(vm);
        let spec = snapshot.spec.vms.get(vm);
        let record = observed.map(|observed| &observed.record);
        let domain = match &snapshot.observed.hypervisor {
            HypervisorState::Reachable(host) => host.domains.get(vm.as_str()).filter(|domain| domain.owner.is_some()),
            HypervisorState::Unreachable { .. } => None,
        };
        let fixed = spec.and_then(|spec| spec.nics.iter().find_map(crate::spec::NicSpec::static_address));
        let address = fixed.or_else(|| observed.and_then(ObservedVm::first_boot).map(|(_, address)| address));
        Self {
            vm: vm.to_string(),
            phase: status.phase.map(|phase| phase.as_str().to_owned()),
            note: status.note.clone(),
            since: record.map(|record| record.since.into()),
            deadline: status.deadline.map(TimeView::from),
            settled: status.settled,
            attempt: record.map_or(0, |record| record.attempt),
            recovery_seconds: record.and_then(|record| Some(record.ready_at?.since(record.began).as_secs_f64())),
            cause: record
                .filter(|record| record.phase == Phase::Failed)
                .and_then(|record| Some(record.failure.as_ref()?.cause.as_str().to_owned())),
            fqdn: spec.map(|spec| spec.fqdn.to_string()),
            role: spec.map(|spec| spec.role.to_string()),
            stage: spec.map(|spec| spec.stage.to_string()),
            team: spec.and_then(|spec| spec.team.as_ref()).map(ToString::to_string),
            address: address.map(|address| address.to_string()),
            domain: domain.map(|domain| domain_state(domain.state).to_owned()),
            installer: observed.and_then(InstallerView::of),
        }
    }
}

const fn domain_state(state: DomainState) -> &'static str {
    match state {
        DomainState::Running => "running",
        DomainState::Paused => "paused",
        DomainState::ShutOff => "shut off",
        DomainState::Crashed => "crashed",
    }
}

impl VmView {
    /// One VM of a snapshot with its timeline; none if the snapshot does not have it. `phases` are attempt, phase, begin and
    /// note, oldest first.
    pub fn of(
        snapshot: &Snapshot,
        vm: &VmName,
        phases: &[(u32, Phase, Timestamp, Option<String>)],
        now: Timestamp,
    ) -> Option<Self> {
        let summary = VmRow::of(snapshot, vm, snapshot.vms.get(vm)?);
        Some(Self::with(summary, snapshot.observed.vms.get(vm), phases, now))
    }

    /// One VM whose row is known already, from what the store and the guest say of it.
    pub fn with(
        summary: VmRow,
        observed: Option<&ObservedVm>,
        phases: &[(u32, Phase, Timestamp, Option<String>)],
        now: Timestamp,
    ) -> Self {
        let record = observed.map(|observed| &observed.record);
        Self {
            summary,
            at: now.into(),
            timeline: timeline(phases, now),
            events: observed.map(|observed| EventView::all(&observed.events)).unwrap_or_default(),
            packages: observed
                .and_then(ObservedVm::packages)
                .map_or(&[][..], |(_, packages)| packages)
                .iter()
                .map(PackageView::from)
                .collect(),
            handoff: observed.and_then(ObservedVm::handoff).map(|(at, result, via)| HandoffView::of(at, result, via)),
            puppet: observed.and_then(|observed| observed.puppet.as_ref()).map(|runs| PuppetRunsView::of(runs, now)),
            checks: observed.map(|observed| observed.checks.iter().map(CheckView::from).collect()).unwrap_or_default(),
            failure: record.and_then(|record| record.failure.as_ref()).map(FailureView::from),
            rebuild: record
                .and_then(|record| record.rebuild.as_ref())
                .map(|consent| ConsentView { at: consent.at.into(), by: consent.by.clone() }),
        }
    }
}

fn timeline(phases: &[(u32, Phase, Timestamp, Option<String>)], now: Timestamp) -> Vec<PhaseView> {
    let ends = phases.iter().skip(1).map(|(_, _, at, _)| Some(*at)).chain([None]);
    phases
        .iter()
        .zip(ends)
        .map(|((attempt, phase, at, note), end)| PhaseView {
            attempt: *attempt,
            phase: phase.as_str().to_owned(),
            at: (*at).into(),
            seconds: end.unwrap_or(now).since(*at).as_secs_f64(),
            present: end.is_none(),
            note: note.clone(),
        })
        .collect()
}

const fn handoff_status(status: HandoffStatus) -> &'static str {
    match status {
        HandoffStatus::Changed => "changed",
        HandoffStatus::Unchanged => "unchanged",
        HandoffStatus::Failed => "failed",
    }
}

/// Which way a report came, for people.
pub(crate) const fn report_way(via: ReportVia) -> &'static str {
    match via {
        ReportVia::Guest => "as the VM itself says",
        ReportVia::Server => "forwarded by the Puppet server",
        ReportVia::PuppetDb => "found in PuppetDB",
    }
}

impl InstallerView {
    fn of(observed: &ObservedVm) -> Option<Self> {
        let log = &observed.installer_log;
        (observed.record.phase == Phase::Installing && (log.doing.is_some() || log.tasks.is_some())).then(|| Self {
            doing: log.doing.clone(),
            packages_done: log.packages.map(|(done, _)| done),
            packages_total: log.packages.map(|(_, total)| total),
            tasks_done: log.tasks.map(|(done, _)| done),
            tasks_total: log.tasks.map(|(_, total)| total),
        })
    }
}

impl From<&crate::observed::InstalledPackage> for PackageView {
    fn from(package: &crate::observed::InstalledPackage) -> Self {
        Self {
            name: package.name.clone(),
            evr: package.evr.clone(),
            arch: package.arch.clone(),
            sha256_header: package.sha256_header.clone(),
        }
    }
}

impl From<&CheckResult> for CheckView {
    fn from(check: &CheckResult) -> Self {
        Self {
            name: check.name.clone(),
            passed: check.failure.is_none(),
            failure: check.failure.clone(),
            at: check.at.into(),
            seconds: check.took.as_secs_f64(),
        }
    }
}

impl From<&Failure> for FailureView {
    fn from(failure: &Failure) -> Self {
        Self {
            at: failure.at.into(),
            phase: failure.phase.as_str().to_owned(),
            cause: failure.cause.as_str().to_owned(),
            meaning: failure.cause.describe().to_owned(),
            detail: failure.detail.clone(),
            evidence: failure.evidence.clone(),
        }
    }
}

/// What was asked for is stored, or waits to be: the answer to every `POST`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptedView {
    /// In whose name.
    pub by: String,
    /// The loop is at work on the VM and has not decided yet; it will when that work ends. Follow the events.
    #[serde(default)]
    pub queued: bool,
}

/// Why something was not done: the body of every answer that is not 2xx.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorView {
    /// For people.
    pub error: String,
}

/// The body of `POST /api/v1/rebuild` and `/api/v1/destroy`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedVms {
    /// The VMs that consent is given for, each by its name.
    pub vms: Vec<String>,
}
