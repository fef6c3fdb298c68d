//! What the store alone knows of the VMs, for a host on which no agent runs.

use crate::cli::error::{CliError, OrExit as _};
use crate::observed::{InstallerLog, ObservedVm, VmRecord};
use crate::serve::view::{StatusView, VmRow, VmView};
use crate::spec::{HypervisorName, Timestamp, VmName};
use crate::world::Store;

/// Every VM that has a record.
pub(crate) fn status(store: &Store, hypervisor: &HypervisorName, now: Timestamp) -> Result<StatusView, CliError> {
    let records = store.records().or_world(|| "read the store".to_owned())?;
    Ok(StatusView {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        hypervisor: hypervisor.to_string(),
        at: now.into(),
        asked: now.into(),
        looking_seconds: None,
        revision: String::new(),
        site_error: None,
        unreachable: None,
        domain_type: None,
        idle: false,
        passes: 0,
        pass_seconds: 0.0,
        notes: vec!["no agent runs: this is what was known when the last one ended".to_owned()],
        vms: records.values().map(row).collect(),
    })
}

/// One VM; none if it has no record.
pub(crate) fn vm(store: &Store, name: &VmName, now: Timestamp) -> Result<Option<VmView>, CliError> {
    let Some(record) = store.record(name).or_world(|| "read the store".to_owned())? else { return Ok(None) };
    let events = store.events(name, record.attempt).or_world(|| format!("read the events of VM `{name}`"))?;
    let timeline = store.timeline(name).or_world(|| format!("read the timeline of VM `{name}`"))?;
    let phases: Vec<_> = timeline.into_iter().map(|entry| (entry.attempt, entry.phase, entry.at, entry.note)).collect();
    let summary = row(&record);
    let puppet = store.run(name, record.attempt).or_world(|| format!("read the Puppet runs of VM `{name}`"))?;
    let observed = ObservedVm {
        puppet,
        record,
        events,
        installer_log: InstallerLog::default(),
        console_tail: Vec::new(),
        checks: Vec::new(),
        certificates: Vec::new(),
        puppetdb: None,
        kickstart_ready: true,
    };
    Ok(Some(VmView::with(summary, Some(&observed), &phases, now)))
}

fn row(record: &VmRecord) -> VmRow {
    let failure = record.failure.as_ref().filter(|_| record.phase == crate::observed::Phase::Failed);
    VmRow {
        vm: record.vm.to_string(),
        phase: (record.attempt > 0).then(|| record.phase.as_str().to_owned()),
        note: failure.map(|failure| format!("{}: {}", failure.cause.describe(), failure.detail)).unwrap_or_default(),
        since: (record.attempt > 0).then(|| record.since.into()),
        deadline: None,
        settled: false,
        attempt: record.attempt,
        recovery_seconds: record.ready_at.map(|at| at.since(record.began).as_secs_f64()),
        cause: failure.map(|failure| failure.cause.as_str().to_owned()),
        fqdn: None,
        role: None,
        stage: None,
        team: None,
        address: None,
        domain: None,
        installer: None,
    }
}
