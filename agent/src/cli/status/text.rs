//! `status` for people: the table of all VMs, and one VM with its timeline.

use std::fmt::Write as _;
use std::time::Duration;

use super::view::{LegView, VmDetail, VmRow};
use crate::cli::screen::{Paint, Table, span, tame};
use crate::observed::Phase;

/// The last lines of evidence that are shown.
const EVIDENCE: usize = 20;

/// All VMs.
pub(crate) fn table(rows: &[VmRow], paint: Paint) -> String {
    let mut table = Table::new(&["VM", "PHASE", "FOR", "ATTEMPT", "NOTE"]);
    for row in rows {
        table.row([
            row.vm.clone(),
            phase(row.phase(), paint),
            row.took().map(span).unwrap_or_default(),
            if row.attempt == 0 { String::new() } else { row.attempt.to_string() },
            one_line(&row.note),
        ]);
    }
    table.render(paint)
}

/// A phase in its colour.
pub(crate) fn phase(phase: Option<Phase>, paint: Paint) -> String {
    match phase {
        None => paint.dim("absent"),
        Some(Phase::Ready) => paint.green("ready"),
        Some(Phase::Failed) => paint.red("failed"),
        Some(other) => paint.yellow(other.as_str()),
    }
}

/// One VM.
pub(crate) fn detail(vm: &VmDetail, paint: Paint) -> String {
    let mut out = String::new();
    let row = &vm.row;
    // Writing to a String cannot fail.
    let _ = write!(out, "{}  {}", paint.bold(&row.vm), phase(row.phase(), paint));
    if let (Some(since), Some(took)) = (&row.since, row.took()) {
        let _ = write!(out, " since {since} ({})", span(took));
    }
    let _ = writeln!(out);
    if !row.note.is_empty() {
        let _ = writeln!(out, "  {}", one_line(&row.note));
    }
    if let Some(failure) = &vm.failure {
        let title = if row.phase() == Some(Phase::Failed) { "Failed" } else { "The attempt before failed" };
        let _ = writeln!(out, "\n{}: {} ({})", paint.red(title), failure.meaning, failure.cause);
        let _ = writeln!(out, "  while {}, at {}", failure.phase, failure.at);
        let _ = writeln!(out, "  {}", one_line(&failure.detail));
        let skipped = failure.evidence.len().saturating_sub(EVIDENCE);
        for line in failure.evidence.iter().skip(skipped) {
            let _ = writeln!(out, "  {} {}", paint.dim("|"), one_line(line));
        }
    }
    timeline(vm, paint, &mut out);
    if let Some(puppet) = &vm.puppet {
        let status = if puppet.status == "failed" { paint.red("failed") } else { paint.green(puppet.status) };
        let _ = writeln!(
            out,
            "\n{}: {status}, {} of {} resources changed, {}",
            paint.bold("Puppet"),
            puppet.changed,
            puppet.resources,
            puppet.at
        );
        for failure in &puppet.failures {
            let _ = writeln!(out, "  {} {}", paint.red("!"), one_line(failure));
        }
    }
    if !vm.checks.is_empty() {
        let _ = writeln!(out, "\n{}", paint.bold("Checks"));
        let mut table = Table::default();
        for check in &vm.checks {
            let took = span(Duration::try_from_secs_f64(check.seconds).unwrap_or_default());
            let verdict = if check.passed { paint.green("pass") } else { paint.red("fail") };
            table.row([
                "".to_owned(),
                check.name.clone(),
                verdict,
                took,
                check.failure.as_deref().map(one_line).unwrap_or_default(),
            ]);
        }
        out.push_str(&table.render(paint));
    }
    if !vm.packages.is_empty() {
        let _ = writeln!(out, "\n{} {}", paint.bold("Packages"), vm.packages.join(" "));
    }
    let _ = writeln!(out, "\n{}", paint.dim(&format!("`rekindle logs {}` shows what it wrote", row.vm)));
    out
}

fn timeline(vm: &VmDetail, paint: Paint, out: &mut String) {
    if vm.timeline.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{}", paint.bold(&format!("Attempt {}", vm.row.attempt)));
    let width = Phase::ALL.iter().map(|phase| phase.as_str().len()).max().unwrap_or(0);
    for leg in &vm.timeline {
        let took = span(seconds(leg.seconds));
        let _ = writeln!(out, "  {:width$}  {took:>12}  {}", leg.phase, paint.dim(&share(leg)), width = width);
        for mark in &leg.marks {
            let at = format!("+{}", span(seconds(mark.after_seconds)));
            let _ = writeln!(out, "  {:width$}  {at:>12}  {}", "", paint.dim(&tame(&mark.what)), width = width);
        }
    }
    if let Some(percent) = vm.ours_percent {
        let (total, ours) = (span(seconds(vm.total_seconds)), span(seconds(vm.ours_seconds)));
        let _ = writeln!(out, "  {:width$}  {total:>12}  of which Rekindle {ours} ({percent:.1} %)", "in all", width = width);
    }
}

fn share(leg: &LegView) -> String {
    match (leg.phase, leg.present) {
        ("ready" | "failed" | "retiring", _) => format!("since {}", leg.at),
        (_, true) => "so far".to_owned(),
        _ if leg.ours_seconds >= leg.seconds && leg.seconds > 0.0 => "ours".to_owned(),
        _ if leg.ours_seconds >= 0.1 => format!("{} of it ours", span(seconds(leg.ours_seconds))),
        _ => String::new(),
    }
}

fn seconds(count: f64) -> Duration {
    Duration::try_from_secs_f64(count).unwrap_or_default()
}

fn one_line(text: &str) -> String {
    tame(text).replace(['\n', '\t'], " ")
}
