//! Reports that a Puppet server forwards: whose they are, and whether they are believed.
//!
//! `serve::reports` calls it. Forwarding has no identity of its own, so that a report counts only for a VM of ours that has booted, of
//! its environment, and newer than its boot. What is turned away changes nothing: no word of a VM is not a good word.

use std::time::Duration;

use super::InstallDesk;
use crate::observed::{GuestEvent, GuestEventKind, Phase, PuppetReport, PuppetRuns, ReportVia, VmRecord, clean_line};
use crate::spec::{PuppetMode, Timestamp, VmName, VmSpec};
use crate::world::puppet::{ReportError, read_forwarded};
use crate::world::{RunNoted, StoreError};

/// How far a VM's clock may be from ours.
const SKEW: Duration = Duration::from_mins(2);

/// What was made of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReportTaken {
    /// It is the VM's newest.
    New(VmName),
    /// It was there before, or a newer one is.
    Known(VmName),
}

/// Why a report is turned away.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReportRefused {
    /// It cannot be read.
    #[error(transparent)]
    Unreadable(#[from] ReportError),
    /// No VM of this hypervisor that is handed to a Puppet server has this certname.
    #[error("host {host:?} is no VM of this hypervisor that has a Puppet server")]
    UnknownHost {
        /// As in the report.
        host: String,
    },
    /// The VM has not booted in this attempt: the report is of the machine before it.
    #[error("VM `{vm}` is {}: no report is expected", phase.as_str())]
    NotBooted {
        /// The VM.
        vm: VmName,
        /// Its phase.
        phase: Phase,
    },
    /// It is of another environment, or does not say.
    #[error("the report of VM `{vm}` is of environment {found:?}, the VM's is `{expected}`")]
    Environment {
        /// The VM.
        vm: VmName,
        /// As in the report.
        found: Option<String>,
        /// The stage's.
        expected: String,
    },
    /// It has no time, or one before the boot or in the future.
    #[error("the report of VM `{vm}` says that it ran {}, which is {when}", said.as_deref().unwrap_or("at no time"))]
    Time {
        /// The VM.
        vm: VmName,
        /// As in the report.
        said: Option<String>,
        /// What is wrong with it.
        when: &'static str,
    },
    /// More was told of the VM than is kept.
    #[error("more was told of VM `{vm}` in this attempt than is kept")]
    TooMuch {
        /// The VM.
        vm: VmName,
    },
    /// The store failed.
    #[error("{0}")]
    Unavailable(String),
}

impl ReportRefused {
    /// A word for it, for counters.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "unreadable",
            Self::UnknownHost { .. } => "host",
            Self::NotBooted { .. } => "phase",
            Self::Environment { .. } => "environment",
            Self::Time { .. } => "time",
            Self::TooMuch { .. } => "too-much",
            Self::Unavailable(_) => "unavailable",
        }
    }

    /// Every word that [`Self::kind`] gives, and that of a body that is too large to be looked at.
    pub const KINDS: [&str; 8] = ["unreadable", "host", "phase", "environment", "time", "too-much", "unavailable", "size"];
}

impl From<StoreError> for ReportRefused {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl InstallDesk {
    /// Takes a report (YAML) that a Puppet server forwarded.
    ///
    /// # Errors
    ///
    /// Why it is not believed; then nothing has changed.
    pub fn forwarded_report(&self, yaml: &[u8]) -> Result<ReportTaken, ReportRefused> {
        let (host, report) = read_forwarded(yaml)?;
        let spec = self.spec();
        let of_server = |vm: &&VmSpec| vm.puppet.as_ref().is_some_and(|puppet| puppet.mode == PuppetMode::Server);
        let vm = spec.vms.values().filter(of_server).find(|vm| vm.fqdn.as_str().eq_ignore_ascii_case(&host));
        let unknown = || ReportRefused::UnknownHost { host: clean_line(&host) };
        let vm = vm.ok_or_else(unknown)?;
        // A VM of another hypervisor has no record here.
        let record = self.store.record(&vm.name)?.ok_or_else(unknown)?;
        let booted = self.booted(&record)?;
        let expected = vm.puppet.as_ref().map(|puppet| puppet.environment.to_string()).unwrap_or_default();
        if report.environment.as_ref() != Some(&expected) {
            return Err(ReportRefused::Environment { vm: vm.name.clone(), found: report.environment, expected });
        }
        let wrong_time = |when| ReportRefused::Time {
            vm: vm.name.clone(),
            said: Some(report.result.time.clone()).filter(|said| !said.is_empty()),
            when,
        };
        let began = report.began.ok_or_else(|| wrong_time("no time"))?;
        if began.plus(SKEW) < booted {
            return Err(wrong_time("before its boot"));
        }
        if began > self.clock.now().plus(SKEW) {
            return Err(wrong_time("in the future"));
        }
        match self.keep_run(&record, &report, ReportVia::Server)? {
            RunNoted::New => Ok(ReportTaken::New(record.vm)),
            RunNoted::Known => Ok(ReportTaken::Known(record.vm)),
            RunNoted::TooMuch => Err(ReportRefused::TooMuch { vm: record.vm }),
        }
    }

    /// When the VM booted in its present attempt.
    fn booted(&self, record: &VmRecord) -> Result<Timestamp, ReportRefused> {
        let events = self.store.events(&record.vm, record.attempt)?;
        let first_boot = events.iter().find(|event| matches!(event.kind, GuestEventKind::FirstBoot { .. })).map(|event| event.at);
        match record.phase {
            Phase::Preparing | Phase::Installing | Phase::Retiring => {
                Err(ReportRefused::NotBooted { vm: record.vm.clone(), phase: record.phase })
            }
            Phase::Installed | Phase::Booting => {
                first_boot.ok_or_else(|| ReportRefused::NotBooted { vm: record.vm.clone(), phase: record.phase })
            }
            // One that was found and not made has no first boot that we heard of.
            _ => Ok(first_boot.unwrap_or(record.began)),
        }
    }

    /// Keeps a report that is believed: as the VM's last run, and while its handoff is awaited, as the end of that.
    pub(super) fn keep_run(&self, record: &VmRecord, report: &PuppetReport, via: ReportVia) -> Result<RunNoted, StoreError> {
        let heard = self.clock.now();
        let awaited = matches!(record.phase, Phase::Installed | Phase::Booting | Phase::Enrolling);
        let kind = GuestEventKind::Handoff { result: report.result.clone(), via };
        let handoff = awaited.then(|| GuestEvent { at: heard, attempt: record.attempt, kind });
        let run = PuppetRuns::first(record.attempt, heard, report.clone(), via);
        let noted = self.store.note_run(&record.vm, &run, handoff.as_ref())?;
        if noted == RunNoted::New {
            tracing::info!(vm = %record.vm, status = ?report.result.status, via = via.as_str(), "Puppet has run");
        }
        self.wake.notify_one();
        Ok(noted)
    }
}

#[cfg(test)]
mod tests;
