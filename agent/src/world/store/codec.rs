//! How records and events are written in the store: JSON by serde types of their own, so that the inner types stay free of a
//! format. Fields are only ever added, with a default.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::observed::{
    Cause, Consent, Failure, GuestEventKind, HandoffResult, HandoffStatus, InstallStage, InstalledPackage, Phase, PuppetReport,
    PuppetRuns, ReportVia, VmRecord,
};
use crate::spec::Timestamp;

#[derive(Serialize, Deserialize)]
struct StoredRecord {
    attempt: u32,
    tries: u32,
    token: String,
    began: u64,
    phase: String,
    since: u64,
    spec_digest: String,
    #[serde(default)]
    site_revision: String,
    failure: Option<StoredFailure>,
    rebuild: Option<StoredConsent>,
    ready_at: Option<u64>,
    #[serde(default)]
    certnames: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct StoredFailure {
    at: u64,
    phase: String,
    cause: String,
    detail: String,
    evidence: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct StoredConsent {
    at: u64,
    by: String,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum StoredEvent {
    KickstartFetched,
    Stage {
        stage: String,
    },
    Failed {
        section: String,
        output: String,
    },
    FirstBoot {
        address: IpAddr,
    },
    Packages {
        packages: Vec<StoredPackage>,
    },
    Handoff {
        status: String,
        time: String,
        failures: Vec<String>,
        total: u32,
        changed: u32,
        #[serde(default)]
        via: Option<String>,
    },
}

#[derive(Serialize, Deserialize)]
struct StoredPackage {
    name: String,
    evr: String,
    arch: String,
    sha256_header: Option<String>,
}

pub(super) fn record_to_json(record: &VmRecord) -> String {
    let stored = StoredRecord {
        attempt: record.attempt,
        tries: record.tries,
        token: record.token.reveal().to_owned(),
        began: record.began.0,
        phase: record.phase.as_str().to_owned(),
        since: record.since.0,
        spec_digest: record.spec_digest.clone(),
        site_revision: record.site_revision.clone(),
        failure: record.failure.as_ref().map(|failure| StoredFailure {
            at: failure.at.0,
            phase: failure.phase.as_str().to_owned(),
            cause: failure.cause.as_str().to_owned(),
            detail: failure.detail.clone(),
            evidence: failure.evidence.clone(),
        }),
        rebuild: record.rebuild.as_ref().map(|consent| StoredConsent { at: consent.at.0, by: consent.by.clone() }),
        ready_at: record.ready_at.map(|at| at.0),
        certnames: record.certnames.iter().map(ToString::to_string).collect(),
    };
    json(&stored)
}

pub(super) fn record_from_json(vm: &str, text: &str) -> Result<VmRecord, String> {
    let stored: StoredRecord = serde_json::from_str(text).map_err(|e| format!("`{vm}`: {e}"))?;
    let phase = |name: &str| Phase::parse(name).ok_or_else(|| format!("`{vm}`: phase `{name}`"));
    Ok(VmRecord {
        vm: vm.parse().map_err(|e| format!("`{vm}`: {e}"))?,
        attempt: stored.attempt,
        tries: stored.tries,
        token: stored.token.parse().map_err(|e| format!("`{vm}`: {e}"))?,
        began: Timestamp(stored.began),
        phase: phase(&stored.phase)?,
        since: Timestamp(stored.since),
        spec_digest: stored.spec_digest,
        site_revision: stored.site_revision,
        failure: stored
            .failure
            .map(|failure| {
                Ok::<_, String>(Failure {
                    at: Timestamp(failure.at),
                    phase: phase(&failure.phase)?,
                    cause: Cause::parse(&failure.cause).ok_or_else(|| format!("`{vm}`: cause `{}`", failure.cause))?,
                    detail: failure.detail,
                    evidence: failure.evidence,
                })
            })
            .transpose()?,
        rebuild: stored.rebuild.map(|consent| Consent { at: Timestamp(consent.at), by: consent.by }),
        ready_at: stored.ready_at.map(Timestamp),
        certnames: stored
            .certnames
            .iter()
            .map(|name| name.parse().map_err(|e| format!("`{vm}`: certname `{name}`: {e}")))
            .collect::<Result<_, String>>()?,
    })
}

pub(super) fn event_to_json(kind: &GuestEventKind) -> String {
    let stored = match kind {
        GuestEventKind::KickstartFetched => StoredEvent::KickstartFetched,
        GuestEventKind::Stage(stage) => StoredEvent::Stage { stage: stage.as_str().to_owned() },
        GuestEventKind::Failed { section, output } => StoredEvent::Failed { section: section.clone(), output: output.clone() },
        GuestEventKind::FirstBoot { address } => StoredEvent::FirstBoot { address: *address },
        GuestEventKind::Packages(packages) => StoredEvent::Packages {
            packages: packages
                .iter()
                .map(|package| StoredPackage {
                    name: package.name.clone(),
                    evr: package.evr.clone(),
                    arch: package.arch.clone(),
                    sha256_header: package.sha256_header.clone(),
                })
                .collect(),
        },
        GuestEventKind::Handoff { result, via } => StoredEvent::Handoff {
            status: status_to_text(result.status).to_owned(),
            time: result.time.clone(),
            failures: result.failures.clone(),
            total: result.resources.0,
            changed: result.resources.1,
            via: Some(via.as_str().to_owned()),
        },
    };
    json(&stored)
}

pub(super) fn event_from_json(text: &str) -> Result<GuestEventKind, String> {
    let stored: StoredEvent = serde_json::from_str(text).map_err(|e| e.to_string())?;
    Ok(match stored {
        StoredEvent::KickstartFetched => GuestEventKind::KickstartFetched,
        StoredEvent::Stage { stage } => {
            GuestEventKind::Stage(InstallStage::parse(&stage).ok_or_else(|| format!("stage `{stage}`"))?)
        }
        StoredEvent::Failed { section, output } => GuestEventKind::Failed { section, output },
        StoredEvent::FirstBoot { address } => GuestEventKind::FirstBoot { address },
        StoredEvent::Packages { packages } => GuestEventKind::Packages(
            packages
                .into_iter()
                .map(|p| InstalledPackage { name: p.name, evr: p.evr, arch: p.arch, sha256_header: p.sha256_header })
                .collect(),
        ),
        StoredEvent::Handoff { status, time, failures, total, changed, via } => GuestEventKind::Handoff {
            result: HandoffResult { status: status_from_text(&status)?, time, failures, resources: (total, changed) },
            via: via_from_text(via.as_deref())?,
        },
    })
}

/// Before ways were stored, the guest's own was the first.
fn via_from_text(text: Option<&str>) -> Result<ReportVia, String> {
    let Some(text) = text else { return Ok(ReportVia::Guest) };
    ReportVia::parse(text).ok_or_else(|| format!("the way of a report `{text}`"))
}

fn status_to_text(status: HandoffStatus) -> &'static str {
    match status {
        HandoffStatus::Changed => "changed",
        HandoffStatus::Unchanged => "unchanged",
        HandoffStatus::Failed => "failed",
    }
}

fn status_from_text(text: &str) -> Result<HandoffStatus, String> {
    match text {
        "changed" => Ok(HandoffStatus::Changed),
        "unchanged" => Ok(HandoffStatus::Unchanged),
        "failed" => Ok(HandoffStatus::Failed),
        other => Err(format!("handoff status `{other}`")),
    }
}

#[derive(Serialize, Deserialize)]
struct StoredRuns {
    attempt: u32,
    heard: u64,
    runs: u64,
    failed_runs: u64,
    corrective_in_all: u64,
    status: String,
    time: String,
    failures: Vec<String>,
    total: u32,
    changed: u32,
    began: Option<u64>,
    environment: Option<String>,
    transaction: Option<String>,
    corrective: u32,
    #[serde(default)]
    via: Option<String>,
}

pub(super) fn run_to_json(run: &PuppetRuns) -> String {
    let PuppetReport { result, began, environment, transaction, corrective } = &run.last;
    json(&StoredRuns {
        attempt: run.attempt,
        heard: run.heard.0,
        runs: run.runs,
        failed_runs: run.failed,
        corrective_in_all: run.corrective,
        status: status_to_text(result.status).to_owned(),
        time: result.time.clone(),
        failures: result.failures.clone(),
        total: result.resources.0,
        changed: result.resources.1,
        began: began.map(|at| at.0),
        environment: environment.clone(),
        transaction: transaction.clone(),
        corrective: *corrective,
        via: Some(run.via.as_str().to_owned()),
    })
}

pub(super) fn run_from_json(text: &str) -> Result<PuppetRuns, String> {
    let stored: StoredRuns = serde_json::from_str(text).map_err(|e| e.to_string())?;
    let result = HandoffResult {
        status: status_from_text(&stored.status)?,
        time: stored.time,
        failures: stored.failures,
        resources: (stored.total, stored.changed),
    };
    let last = PuppetReport {
        result,
        began: stored.began.map(Timestamp),
        environment: stored.environment,
        transaction: stored.transaction,
        corrective: stored.corrective,
    };
    Ok(PuppetRuns {
        attempt: stored.attempt,
        heard: Timestamp(stored.heard),
        last,
        via: via_from_text(stored.via.as_deref())?,
        runs: stored.runs,
        failed: stored.failed_runs,
        corrective: stored.corrective_in_all,
    })
}

fn json(value: &impl Serialize) -> String {
    // These types hold nothing that JSON cannot: no maps with other keys than text, no fallible `Serialize`.
    serde_json::to_string(value).unwrap_or_else(|e| unreachable!("stored types are always JSON: {e}"))
}
