//! What a run of `apply` or `rebuild` came to: a table for people, JSON for the record of recovery times.

use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;

use super::drive::{End, Ran};
use super::error::{CliError, OrExit as _};
use super::screen::{Paint, Table, span};
use super::status::text as status_text;
use super::status::view::{FailureView, LegView, VmDetail, VmRow};
use crate::exit::Exit;
use crate::observed::Phase;
use crate::reconcile::Snapshot;
use crate::spec::{Timestamp, VmName};

/// A run.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// `apply`, `rebuild`, `retry` or `destroy`.
    pub(crate) command: &'static str,
    pub(crate) hypervisor: String,
    /// The site's revision at the end.
    pub(crate) revision: String,
    pub(crate) began: String,
    pub(crate) ended: String,
    /// From begin to end: the recovery time of the whole.
    pub(crate) seconds: f64,
    /// VMs that are ready.
    pub(crate) ready: usize,
    /// VMs that are not and will not be without somebody.
    pub(crate) not_ready: usize,
    pub(crate) vms: Vec<VmReport>,
}

/// One VM.
#[derive(Debug, Serialize)]
pub(crate) struct VmReport {
    pub(crate) vm: String,
    pub(crate) phase: Option<&'static str>,
    pub(crate) note: String,
    pub(crate) attempt: u32,
    /// From the begin of the run until it was ready; none where it was ready before or is not.
    pub(crate) recovery_seconds: Option<f64>,
    /// From the begin of its attempt until it was ready or failed.
    pub(crate) attempt_seconds: f64,
    /// The part of the attempt that was ours, an upper bound.
    pub(crate) ours_seconds: f64,
    pub(crate) ours_percent: Option<f64>,
    pub(crate) timeline: Vec<LegView>,
    pub(crate) packages: Vec<String>,
    pub(crate) failure: Option<FailureView>,
}

impl Report {
    /// The report of `ran` about the VMs of `only`, or all when it is empty.
    pub(crate) fn new(command: &'static str, ran: &Ran, only: &[VmName]) -> Result<Self, CliError> {
        let Some(snapshot) = &ran.snapshot else {
            return Err(CliError::world(anyhow::anyhow!("the store could not be read: see the log above")));
        };
        let mut vms = Vec::new();
        for name in snapshot.vms.keys().filter(|vm| only.is_empty() || only.contains(vm)) {
            vms.push(vm_report(snapshot, ran, name)?);
        }
        let ready = vms.iter().filter(|vm| vm.phase == Some(Phase::Ready.as_str())).count();
        Ok(Self {
            command,
            hypervisor: snapshot.hypervisor.to_string(),
            revision: snapshot.spec.revision.clone(),
            began: ran.began.to_string(),
            ended: ran.ended.to_string(),
            seconds: ran.ended.since(ran.began).as_secs_f64(),
            ready,
            not_ready: vms.len() - ready,
            vms,
        })
    }

    /// The exit status of a run that came to this.
    pub(crate) fn exit(&self, end: &End) -> Exit {
        match end {
            End::Unreachable(_) => Exit::World,
            End::Interrupted | End::Refused(_) => Exit::No,
            End::Settled if self.not_ready > 0 => Exit::No,
            End::Settled => Exit::Ok,
        }
    }

    /// For people.
    pub(crate) fn text(&self, paint: Paint) -> String {
        let mut out = String::new();
        let phases = [Phase::Preparing, Phase::Installing, Phase::Booting, Phase::Enrolling, Phase::Verifying];
        let shown: Vec<Phase> =
            phases.into_iter().filter(|phase| self.vms.iter().any(|vm| time_in(vm, *phase).is_some())).collect();
        if !self.vms.is_empty() {
            out.push_str(&self.table(&shown, paint));
        }
        for vm in self.vms.iter().filter(|vm| vm.phase != Some(Phase::Ready.as_str())) {
            let phase = vm.phase.unwrap_or("absent");
            // Writing to a String cannot fail.
            let _ = writeln!(out, "\n{} is {}: {}", paint.bold(&vm.vm), paint.red(phase), vm.note);
            if let Some(failure) = &vm.failure {
                for line in failure.evidence.iter().rev().take(5).rev() {
                    let _ = writeln!(out, "  {} {}", paint.dim("|"), super::screen::tame(line));
                }
                let _ = writeln!(out, "  `rekindle status {}` has all of it, `rekindle logs {}` the logs", vm.vm, vm.vm);
            }
        }
        let all = format!("{} of {} VMs ready", self.ready, self.vms.len());
        let all = if self.not_ready == 0 { paint.green(&all) } else { paint.red(&all) };
        let recovered = self.vms.iter().filter(|vm| vm.recovery_seconds.is_some()).count();
        let took = span(seconds(self.seconds));
        let _ = match recovered {
            0 => writeln!(out, "\n{all}; nothing had to be made."),
            1 => writeln!(out, "\n{all}; recovery time {took}."),
            n => writeln!(out, "\n{all}; recovery time of all {n}: {took}."),
        };
        out
    }

    fn table(&self, phases: &[Phase], paint: Paint) -> String {
        let mut table = Table::headed(
            ["VM".to_owned(), "PHASE".to_owned()]
                .into_iter()
                .chain(phases.iter().map(|phase| phase.as_str().to_uppercase()))
                .chain(["RECOVERY", "OURS", "ATTEMPT"].map(str::to_owned)),
        );
        for vm in &self.vms {
            let ours = vm.ours_percent.map(|percent| format!("{} ({percent:.1} %)", span(seconds(vm.ours_seconds))));
            let mut cells = vec![vm.vm.clone(), status_text::phase(vm.phase.and_then(Phase::parse), paint)];
            cells.extend(phases.iter().map(|phase| time_in(vm, *phase).map(span).unwrap_or_default()));
            cells.push(vm.recovery_seconds.map_or_else(|| "-".to_owned(), |count| span(seconds(count))));
            cells.push(ours.unwrap_or_default());
            cells.push(if vm.attempt == 0 { String::new() } else { vm.attempt.to_string() });
            table.row(cells);
        }
        table.render(paint)
    }
}

fn vm_report(snapshot: &Snapshot, ran: &Ran, name: &VmName) -> Result<VmReport, CliError> {
    let (phase, note) = snapshot.vms.get(name).map_or((None, String::new()), |status| (status.phase, status.note.clone()));
    let Some(observed) = snapshot.observed.vms.get(name).filter(|observed| observed.record.attempt > 0) else {
        return Ok(VmReport {
            vm: name.to_string(),
            phase: phase.map(Phase::as_str),
            note,
            attempt: 0,
            recovery_seconds: None,
            attempt_seconds: 0.0,
            ours_seconds: 0.0,
            ours_percent: None,
            timeline: Vec::new(),
            packages: Vec::new(),
            failure: None,
        });
    };
    let timeline = ran.store.timeline(name).or_world(|| format!("read the timeline of VM `{name}`"))?;
    let row = VmRow::of(observed, note.clone(), ran.ended);
    let detail = VmDetail::of(row, observed, &timeline, ran.ended);
    let record = &observed.record;
    let ready_at = record.ready_at.filter(|at| phase == Some(Phase::Ready) && *at >= ran.began);
    Ok(VmReport {
        vm: name.to_string(),
        phase: phase.map(Phase::as_str),
        note,
        attempt: record.attempt,
        recovery_seconds: ready_at.map(|at| since_asked(at, ran.began)),
        attempt_seconds: detail.total_seconds,
        ours_seconds: detail.ours_seconds,
        ours_percent: detail.ours_percent,
        timeline: detail.timeline,
        packages: detail.packages,
        failure: detail.failure.filter(|_| phase == Some(Phase::Failed)),
    })
}

fn since_asked(at: Timestamp, began: Timestamp) -> f64 {
    at.since(began).as_secs_f64()
}

fn time_in(vm: &VmReport, phase: Phase) -> Option<Duration> {
    let legs = vm.timeline.iter().filter(|leg| leg.phase == phase.as_str());
    let spans: Vec<f64> = legs.map(|leg| leg.seconds).collect();
    (!spans.is_empty()).then(|| seconds(spans.iter().sum()))
}

fn seconds(count: f64) -> Duration {
    Duration::try_from_secs_f64(count).unwrap_or_default()
}
