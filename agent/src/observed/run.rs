//! What a run of Puppet was, after the handoff and since.

use std::time::Duration;

use super::{GuestEvent, GuestEventKind, HandoffResult, Phase, VmRecord};
use crate::spec::Timestamp;

/// A report, as far as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PuppetReport {
    /// The verdict, failures and counts.
    pub result: HandoffResult,
    /// When the run began, by the VM's clock; none: the report does not say, or not so that it can be read.
    pub began: Option<Timestamp>,
    /// The environment of its catalog, where the report says.
    pub environment: Option<String>,
    /// What tells it from every other run, where the report says.
    pub transaction: Option<String>,
    /// Resources that had been changed behind Puppet's back and were put right.
    pub corrective: u32,
}

/// What PuppetDB was last heard to hold of a VM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PuppetDbWord {
    /// The VM's attempt when it was asked.
    pub attempt: u32,
    /// When it was asked.
    pub asked: Timestamp,
    /// The newest report under the VM's name, of whichever machine; none: it holds none.
    pub report: Option<PuppetReport>,
}

/// Which way a report came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportVia {
    /// The VM sent it, with its install token.
    Guest,
    /// A Puppet server forwarded it.
    Server,
    /// It was asked of PuppetDB.
    PuppetDb,
}

impl ReportVia {
    /// As stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Guest => "guest",
            Self::Server => "server",
            Self::PuppetDb => "puppetdb",
        }
    }

    /// The way of this name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Guest, Self::Server, Self::PuppetDb].into_iter().find(|via| via.as_str() == text)
    }
}

/// The last run of a VM's present attempt, and how the runs have been.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PuppetRuns {
    /// The attempt that the VM was at.
    pub attempt: u32,
    /// When the last report was heard.
    pub heard: Timestamp,
    /// The last report.
    pub last: PuppetReport,
    /// Which way it came first.
    pub via: ReportVia,
    /// Reports heard in this attempt.
    pub runs: u64,
    /// Those that failed.
    pub failed: u64,
    /// Corrective changes in all of them.
    pub corrective: u64,
}

impl PuppetRuns {
    /// A VM that has not been heard of for this long is not known to be as it should: Puppet runs every half hour by default.
    pub const STALE: Duration = Duration::from_hours(2);

    /// The first run of an attempt.
    pub fn first(attempt: u32, heard: Timestamp, report: PuppetReport, via: ReportVia) -> Self {
        Self { attempt, heard, last: report.clone(), via, runs: 0, failed: 0, corrective: 0 }.with(heard, report, via)
    }

    /// One run more.
    #[must_use]
    pub fn with(self, heard: Timestamp, report: PuppetReport, via: ReportVia) -> Self {
        Self {
            attempt: self.attempt,
            heard,
            runs: self.runs.saturating_add(1),
            failed: self.failed.saturating_add(u64::from(report.result.status == super::HandoffStatus::Failed)),
            corrective: self.corrective.saturating_add(u64::from(report.corrective)),
            last: report,
            via,
        }
    }

    /// A report of `record`'s VM that is believed, heard at `heard`: its run, and where the handoff is awaited, the event that ends it.
    pub fn heard(record: &VmRecord, report: PuppetReport, via: ReportVia, heard: Timestamp) -> (Self, Option<GuestEvent>) {
        let awaited = matches!(record.phase, Phase::Installed | Phase::Booting | Phase::Enrolling);
        let kind = GuestEventKind::Handoff { result: report.result.clone(), via };
        let handoff = awaited.then_some(GuestEvent { at: heard, attempt: record.attempt, kind });
        (Self::first(record.attempt, heard, report, via), handoff)
    }

    /// Nothing has been heard for too long.
    pub fn is_stale(&self, now: Timestamp) -> bool {
        now.since(self.heard) > Self::STALE
    }
}
