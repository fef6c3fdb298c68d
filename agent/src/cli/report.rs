//! What a run of `apply` or `rebuild` came to: a table for people, JSON for the record of recovery times.

use std::fmt::Write as _;

use serde::Serialize;

use super::drive::{End, Ran, Wish};
use super::screen::{Paint, Table, one_line, seconds, span};
use super::status::text;
use super::story::Story;
use crate::exit::Exit;
use crate::observed::Phase;
use crate::serve::view::{FailureView, PackageView, VmView};

/// The last lines of evidence that are shown here; `status` shows more.
const EVIDENCE: usize = 5;

/// A run.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// `apply`, `rebuild`, `retry` or `destroy`.
    command: &'static str,
    hypervisor: String,
    /// The site's revision at the end.
    revision: String,
    /// When it began (RFC 3339).
    began: String,
    /// How long it took in all.
    seconds: f64,
    /// From the begin until the last VM was ready: the recovery time of the whole.
    recovery_seconds: Option<f64>,
    /// VMs that are ready.
    ready: usize,
    /// VMs that are not.
    not_ready: usize,
    vms: Vec<VmReport>,
}

/// One VM.
#[derive(Debug, Serialize)]
struct VmReport {
    vm: String,
    phase: Option<String>,
    note: String,
    attempt: u32,
    /// From the begin of the run until it was ready; none where it was ready before or is not.
    recovery_seconds: Option<f64>,
    /// Its present attempt.
    story: Option<Story>,
    packages: Vec<PackageView>,
    failure: Option<FailureView>,
    #[serde(skip)]
    view: VmView,
}

impl Report {
    /// The report of `ran`.
    pub(crate) fn new(wish: &Wish, ran: &Ran) -> Self {
        let vms: Vec<VmReport> = ran.vms.iter().map(|view| vm_report(view, ran)).collect();
        let ready = vms.iter().filter(|vm| vm.is_ready()).count();
        let recovery = vms.iter().filter_map(|vm| vm.recovery_seconds).reduce(f64::max);
        Self {
            command: wish.command(),
            hypervisor: ran.status.hypervisor.clone(),
            revision: ran.status.revision.clone(),
            began: ran.began.to_string(),
            seconds: ran.took.as_secs_f64(),
            recovery_seconds: recovery,
            ready,
            not_ready: vms.len() - ready,
            vms,
        }
    }

    /// The exit status of a run that came to this.
    pub(crate) fn exit(&self, end: &End) -> Exit {
        match end {
            End::Unreachable(_) => Exit::World,
            End::Interrupted => Exit::No,
            End::Settled if self.not_ready > 0 => Exit::No,
            End::Settled => Exit::Ok,
        }
    }

    /// For people.
    pub(crate) fn text(&self, paint: Paint) -> String {
        let mut out = String::new();
        // Writing to a String cannot fail.
        if self.vms.is_empty() {
            let _ = writeln!(out, "{}", paint.green(&format!("Done in {}.", span(seconds(self.seconds)))));
            return out;
        }
        out.push_str(&self.table(paint));
        for vm in self.vms.iter().filter(|vm| !vm.is_ready()) {
            let _ = writeln!(out, "\n{} is {}: {}", paint.bold(&vm.vm), text::phase(&vm.view.summary, paint), one_line(&vm.note));
            if let Some(failure) = &vm.failure {
                let skipped = failure.evidence.len().saturating_sub(EVIDENCE);
                for line in failure.evidence.iter().skip(skipped) {
                    let _ = writeln!(out, "  {} {}", paint.dim("|"), one_line(line));
                }
                let _ = writeln!(out, "  `rekindle status {}` has all of it, `rekindle logs {}` the logs", vm.vm, vm.vm);
            }
        }
        let all = format!("{} of {} VMs ready", self.ready, self.vms.len());
        let all = if self.not_ready == 0 { paint.green(&all) } else { paint.red(&all) };
        let made = self.vms.iter().filter(|vm| vm.recovery_seconds.is_some()).count();
        let _ = match self.recovery_seconds.map(|count| span(seconds(count))) {
            None => writeln!(out, "\n{all}; nothing had to be made."),
            Some(time) if made == 1 => writeln!(out, "\n{all}; recovery time {time}."),
            Some(time) => writeln!(out, "\n{all}; recovery time of all {made}: {time}."),
        };
        out
    }

    /// A row a VM: the phases of its attempt, the recovery time, the share that was ours.
    fn table(&self, paint: Paint) -> String {
        let phases = [Phase::Preparing, Phase::Installing, Phase::Booting, Phase::Enrolling, Phase::Verifying];
        let shown: Vec<Phase> =
            phases.into_iter().filter(|phase| self.vms.iter().any(|vm| vm.time_in(*phase).is_some())).collect();
        let head = ["VM", "PHASE"].map(str::to_owned).into_iter();
        let head = head.chain(shown.iter().map(|phase| phase.as_str().to_uppercase()));
        let mut table = Table::headed(head.chain(["RECOVERY", "REKINDLE'S SHARE", "ATTEMPT"].map(str::to_owned)));
        for vm in &self.vms {
            let share = vm
                .story
                .as_ref()
                .and_then(|story| Some(format!("{} ({:.1} %)", span(seconds(story.ours_seconds)), story.ours_percent?)));
            let mut cells = vec![vm.vm.clone(), text::phase(&vm.view.summary, paint)];
            cells.extend(shown.iter().map(|phase| vm.time_in(*phase).map(|time| span(seconds(time))).unwrap_or_default()));
            cells.push(vm.recovery_seconds.map_or_else(|| "-".to_owned(), |count| span(seconds(count))));
            cells.push(share.unwrap_or_default());
            cells.push(if vm.attempt == 0 { String::new() } else { vm.attempt.to_string() });
            table.row(cells);
        }
        table.render(paint)
    }
}

impl VmReport {
    fn is_ready(&self) -> bool {
        self.phase.as_deref() == Some(Phase::Ready.as_str())
    }

    fn time_in(&self, phase: Phase) -> Option<f64> {
        self.story.as_ref().and_then(|story| story.time_in(phase))
    }
}

fn vm_report(view: &VmView, ran: &Ran) -> VmReport {
    let row = &view.summary;
    let failed = row.phase.as_deref() == Some(Phase::Failed.as_str());
    VmReport {
        vm: row.vm.clone(),
        phase: row.phase.clone(),
        note: row.note.clone(),
        attempt: row.attempt,
        recovery_seconds: ran.ready_after.get(&row.vm).map(std::time::Duration::as_secs_f64),
        story: Story::of(view),
        packages: view.packages.clone(),
        failure: view.failure.clone().filter(|_| failed),
        view: view.clone(),
    }
}
