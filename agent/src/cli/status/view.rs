//! What `status` shows, whoever it was asked of: the running agent, or the store when none runs.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::cli::story::Story;
use crate::observed::{HandoffStatus, ObservedVm, Phase};
use crate::spec::Timestamp;
use crate::world::TimelineEntry;

/// One VM in short.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct VmRow {
    /// Its name.
    pub(crate) vm: String,
    /// Its phase; none: nothing has been done for it yet.
    pub(crate) phase: Option<String>,
    /// The attempt; 0 before the first.
    pub(crate) attempt: u32,
    /// Since when it is in its phase (RFC 3339).
    pub(crate) since: Option<String>,
    /// How long, in seconds.
    pub(crate) seconds: Option<f64>,
    /// What is being done, or why nothing is.
    pub(crate) note: String,
}

/// One VM in full.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct VmDetail {
    /// In short.
    #[serde(flatten)]
    pub(crate) row: VmRow,
    /// Attempts of which there are logs and a timeline.
    pub(crate) attempts: Vec<u32>,
    /// The present attempt's timeline.
    pub(crate) timeline: Vec<LegView>,
    /// From its begin to `Ready`, `Failed` or now.
    pub(crate) total_seconds: f64,
    /// The part of it that was ours and not the guest's: an upper bound.
    pub(crate) ours_seconds: f64,
    /// The same in percent.
    pub(crate) ours_percent: Option<f64>,
    /// The role's packages as the guest reported them.
    pub(crate) packages: Vec<String>,
    /// What Puppet said last.
    pub(crate) puppet: Option<PuppetView>,
    /// Its checks' last results; empty when nobody asks them now.
    pub(crate) checks: Vec<CheckView>,
    /// Why the last attempt failed.
    pub(crate) failure: Option<FailureView>,
}

/// A phase within a timeline.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct LegView {
    pub(crate) phase: &'static str,
    pub(crate) at: String,
    pub(crate) seconds: f64,
    pub(crate) ours_seconds: f64,
    pub(crate) present: bool,
    pub(crate) marks: Vec<MarkView>,
}

/// Something that the guest reported.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct MarkView {
    pub(crate) after_seconds: f64,
    pub(crate) what: String,
}

/// A Puppet run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct PuppetView {
    pub(crate) status: &'static str,
    pub(crate) at: String,
    pub(crate) resources: u32,
    pub(crate) changed: u32,
    pub(crate) failures: Vec<String>,
}

/// A health check.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct CheckView {
    pub(crate) name: String,
    pub(crate) passed: bool,
    pub(crate) failure: Option<String>,
    pub(crate) seconds: f64,
}

/// A failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct FailureView {
    pub(crate) at: String,
    pub(crate) phase: &'static str,
    pub(crate) cause: &'static str,
    pub(crate) meaning: &'static str,
    pub(crate) detail: String,
    pub(crate) evidence: Vec<String>,
}

impl VmRow {
    /// The row of a VM with a record.
    pub(crate) fn of(observed: &ObservedVm, note: String, now: Timestamp) -> Self {
        let record = &observed.record;
        let attempted = record.attempt > 0;
        Self {
            vm: record.vm.to_string(),
            phase: attempted.then(|| record.phase.as_str().to_owned()),
            attempt: record.attempt,
            since: attempted.then(|| record.since.to_string()),
            seconds: attempted.then(|| now.since(record.since).as_secs_f64()),
            note,
        }
    }

    /// The row of a VM for which nothing has been done yet.
    pub(crate) fn untouched(vm: &str, note: String) -> Self {
        Self { vm: vm.to_owned(), phase: None, attempt: 0, since: None, seconds: None, note }
    }

    /// Its phase, as one of ours.
    pub(crate) fn phase(&self) -> Option<Phase> {
        self.phase.as_deref().and_then(Phase::parse)
    }

    /// How long it has been in its phase.
    pub(crate) fn took(&self) -> Option<Duration> {
        self.seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
    }
}

impl VmDetail {
    /// All of a VM.
    pub(crate) fn of(row: VmRow, observed: &ObservedVm, timeline: &[TimelineEntry], now: Timestamp) -> Self {
        let record = &observed.record;
        let story = Story::of(record.attempt, timeline, &observed.events, now);
        let began = story.began().unwrap_or(record.began);
        let mut attempts: Vec<u32> = timeline.iter().map(|entry| entry.attempt).collect();
        attempts.dedup();
        let legs = story.legs.iter().map(|leg| LegView {
            phase: leg.phase.as_str(),
            at: leg.at.to_string(),
            seconds: leg.took.as_secs_f64(),
            ours_seconds: leg.ours.as_secs_f64(),
            present: leg.present,
            marks: leg
                .marks
                .iter()
                .map(|(at, what)| MarkView { after_seconds: at.since(began).as_secs_f64(), what: what.clone() })
                .collect(),
        });
        let packages = observed.packages().unwrap_or_default().iter();
        let checks = observed.checks.iter().map(|check| CheckView {
            name: check.name.clone(),
            passed: check.failure.is_none(),
            failure: check.failure.clone(),
            seconds: check.took.as_secs_f64(),
        });
        Self {
            row,
            attempts,
            timeline: legs.collect(),
            total_seconds: story.total().as_secs_f64(),
            ours_seconds: story.ours().as_secs_f64(),
            ours_percent: story.ours_percent(),
            packages: packages.map(|package| format!("{}-{}.{}", package.name, package.evr, package.arch)).collect(),
            puppet: observed.handoff().map(|(at, result)| PuppetView {
                status: match result.status {
                    HandoffStatus::Changed => "changed",
                    HandoffStatus::Unchanged => "unchanged",
                    HandoffStatus::Failed => "failed",
                },
                at: at.to_string(),
                resources: result.resources.0,
                changed: result.resources.1,
                failures: result.failures.clone(),
            }),
            checks: checks.collect(),
            failure: record.failure.as_ref().map(|failure| FailureView {
                at: failure.at.to_string(),
                phase: failure.phase.as_str(),
                cause: failure.cause.as_str(),
                meaning: failure.cause.describe(),
                detail: failure.detail.clone(),
                evidence: failure.evidence.clone(),
            }),
        }
    }
}
