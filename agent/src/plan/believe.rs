//! Whether a Puppet report is believed: the same answer for one that was forwarded and one that was found in PuppetDB.
//!
//! Neither way proves who speaks. So a report counts only for a VM that has booted in its present attempt, of its environment, and
//! newer than its boot. What is not believed changes nothing: no word of a VM is not a good word.

use std::time::Duration;

use crate::observed::{GuestEvent, GuestEventKind, Phase, PuppetReport, VmRecord};
use crate::spec::{Timestamp, VmName, VmSpec};

/// How far a VM's clock may be from ours.
const SKEW: Duration = Duration::from_mins(2);

/// Why a report is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Disbelief {
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
}

/// Judges `report` of `vm`, whose record and events of the present attempt these are.
///
/// # Errors
///
/// Why it does not count.
pub fn believe(
    vm: &VmSpec,
    record: &VmRecord,
    events: &[GuestEvent],
    report: &PuppetReport,
    now: Timestamp,
) -> Result<(), Disbelief> {
    let booted = booted(record, events)?;
    let expected = vm.puppet.as_ref().map(|puppet| puppet.environment.to_string()).unwrap_or_default();
    if report.environment.as_ref() != Some(&expected) {
        return Err(Disbelief::Environment { vm: vm.name.clone(), found: report.environment.clone(), expected });
    }
    let wrong_time = |when| Disbelief::Time {
        vm: vm.name.clone(),
        said: Some(report.result.time.clone()).filter(|said| !said.is_empty()),
        when,
    };
    let began = report.began.ok_or_else(|| wrong_time("no time"))?;
    if began.plus(SKEW) < booted {
        return Err(wrong_time("before its boot"));
    }
    if began > now.plus(SKEW) {
        return Err(wrong_time("in the future"));
    }
    Ok(())
}

/// When the VM booted in its present attempt.
fn booted(record: &VmRecord, events: &[GuestEvent]) -> Result<Timestamp, Disbelief> {
    let first_boot = events.iter().find(|event| matches!(event.kind, GuestEventKind::FirstBoot { .. })).map(|event| event.at);
    let not_booted = || Disbelief::NotBooted { vm: record.vm.clone(), phase: record.phase };
    match record.phase {
        Phase::Preparing | Phase::Installing | Phase::Retiring => Err(not_booted()),
        Phase::Installed | Phase::Booting => first_boot.ok_or_else(not_booted),
        // One that was found and not made has no first boot that we heard of.
        _ => Ok(first_boot.unwrap_or(record.began)),
    }
}
