//! Reports that a Puppet server forwards: whose they are, and whether they are believed; and what its CA's policy has said.
//!
//! `serve::reports` calls it. Forwarding has no identity of its own: `plan::believe` says what counts. What is turned away changes
//! nothing: no word of a VM is not a good word.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::{Handle, InstallDesk};
use crate::observed::{PuppetReport, PuppetRuns, ReportVia, VmRecord, clean_line};
use crate::plan::{Disbelief, believe};
use crate::spec::{HypervisorName, PuppetMode, VmName, VmSpec};
use crate::world::puppet::{ReportError, UsedTokens, read_forwarded};
use crate::world::{RunNoted, StoreError};

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
    /// The site has the VM on another hypervisor.
    #[error("VM `{vm}` is on hypervisor `{hypervisor}`")]
    Elsewhere {
        /// The VM.
        vm: VmName,
        /// Where it is.
        hypervisor: HypervisorName,
        /// Where that takes reports, if the site says.
        listener: Option<SocketAddr>,
    },
    /// It does not count for the VM.
    #[error(transparent)]
    Disbelieved(#[from] Disbelief),
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
            Self::Elsewhere { .. } => "elsewhere",
            Self::Disbelieved(Disbelief::NotBooted { .. }) => "phase",
            Self::Disbelieved(Disbelief::Environment { .. }) => "environment",
            Self::Disbelieved(Disbelief::Time { .. }) => "time",
            Self::TooMuch { .. } => "too-much",
            Self::Unavailable(_) => "unavailable",
        }
    }

    /// Every word that [`Self::kind`] gives, and that of a body that is too large to be looked at.
    pub const KINDS: [&str; 9] =
        ["unreadable", "host", "elsewhere", "phase", "environment", "time", "too-much", "unavailable", "size"];
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
        if vm.hypervisor != self.hypervisor {
            let listener = spec.hypervisors.get(&vm.hypervisor).and_then(|hypervisor| hypervisor.puppet_reports);
            return Err(ReportRefused::Elsewhere { vm: vm.name.clone(), hypervisor: vm.hypervisor.clone(), listener });
        }
        let record = self.store.record(&vm.name)?.ok_or_else(unknown)?;
        let events = self.store.events(&record.vm, record.attempt)?;
        believe(vm, &record, &events, &report, self.clock.now())?;
        match self.keep_run(&record, &report, ReportVia::Server)? {
            RunNoted::New => Ok(ReportTaken::New(record.vm)),
            RunNoted::Known => Ok(ReportTaken::Known(record.vm)),
            RunNoted::TooMuch => Err(ReportRefused::TooMuch { vm: record.vm }),
        }
    }

    /// Keeps a report that is believed: as the VM's last run, and while its handoff is awaited, as the end of that.
    pub(super) fn keep_run(&self, record: &VmRecord, report: &PuppetReport, via: ReportVia) -> Result<RunNoted, StoreError> {
        let (run, handoff) = PuppetRuns::heard(record, report.clone(), via, self.clock.now());
        let noted = self.store.note_run(&record.vm, &run, handoff.as_ref())?;
        if noted == RunNoted::New {
            tracing::info!(vm = %record.vm, status = ?report.result.status, via = via.as_str(), "Puppet has run");
        }
        self.wake.notify_one();
        Ok(noted)
    }
}

impl Handle {
    /// How often `rekindle puppet autosign` has signed and refused on this host, where it has judged at all. Blocks.
    pub fn autosign_verdicts(&self) -> BTreeMap<String, u64> {
        UsedTokens::counts_in(&self.desk.state_dir.join(UsedTokens::DIRECTORY).join(UsedTokens::FILE))
    }
}

#[cfg(test)]
mod tests;
