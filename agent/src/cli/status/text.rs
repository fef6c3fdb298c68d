//! `status` for people: the table of all VMs, and one VM with its timeline.

use std::fmt::Write as _;
use std::time::Duration;

use crate::cli::screen::{Paint, Table, one_line, revision, seconds, span};
use crate::cli::story::{Leg, Story};
use crate::observed::{Phase, ReportVia};
use crate::serve::view::{PuppetRunsView, StatusView, VmRow, VmView, report_way};

/// The last lines of evidence that are shown.
const EVIDENCE: usize = 20;

/// Everything on this hypervisor.
pub(crate) fn table(status: &StatusView, paint: Paint) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let site = if status.revision.is_empty() { String::new() } else { format!(", site at {}", revision(&status.revision)) };
    let _ = writeln!(out, "{}", paint.bold(&format!("Hypervisor {}{site}", status.hypervisor)));
    if let Some(error) = &status.site_error {
        let _ = writeln!(out, "{} the site on disk cannot be used, the revision before stays in force:\n{error}", paint.red("!"));
    }
    if let Some(reason) = &status.unreachable {
        let _ = writeln!(out, "{} {}", paint.red("!"), one_line(reason));
    }
    if let Some(looking) = status.looking_seconds {
        let looking = span(seconds(looking));
        let _ = writeln!(
            out,
            "{} the agent has waited {looking} for libvirt; what follows is from {}",
            paint.yellow("…"),
            status.at.utc
        );
    }
    for note in status.notes.iter().filter(|note| Some(*note) != status.unreachable.as_ref()) {
        let _ = writeln!(out, "{} {}", paint.yellow("…"), one_line(note));
    }
    if status.vms.is_empty() {
        let _ = writeln!(out, "No VM is here yet: `rekindle plan` says what would be made.");
        return out;
    }
    let mut table = Table::new(&["VM", "PHASE", "FOR", "ATTEMPT", "ADDRESS", "NOTE"]);
    for row in &status.vms {
        table.row([
            row.vm.clone(),
            phase(row, paint),
            took(row, status.asked.ms).map(span).unwrap_or_default(),
            if row.attempt == 0 { String::new() } else { row.attempt.to_string() },
            row.address.clone().unwrap_or_default(),
            doing(row),
        ]);
    }
    out.push_str(&table.render(paint));
    out
}

/// A VM's phase in its colour.
pub(crate) fn phase(row: &VmRow, paint: Paint) -> String {
    match row.phase.as_deref().and_then(Phase::parse) {
        None => paint.dim("absent"),
        Some(Phase::Ready) => paint.green("ready"),
        Some(Phase::Failed) => paint.red("failed"),
        Some(other) => paint.yellow(other.as_str()),
    }
}

/// What is being done: the installer's own words while it runs.
pub(crate) fn doing(row: &VmRow) -> String {
    let installer = row.installer.as_ref();
    match installer.and_then(|installer| Some((installer.doing.as_ref()?, installer.packages_done, installer.packages_total))) {
        Some((doing, Some(done), Some(total))) if done > 0 => format!("{} ({done} of {total} packages)", one_line(doing)),
        Some((doing, ..)) => one_line(doing),
        None => one_line(&row.note),
    }
}

fn took(row: &VmRow, now: u64) -> Option<Duration> {
    row.since.as_ref().map(|since| Duration::from_millis(now.saturating_sub(since.ms)))
}

/// One VM.
pub(crate) fn detail(vm: &VmView, story: Option<&Story>, paint: Paint) -> String {
    let mut out = String::new();
    let row = &vm.summary;
    // Writing to a String cannot fail.
    let _ = write!(out, "{}  {}", paint.bold(&row.vm), phase(row, paint));
    if let (Some(since), Some(took)) = (&row.since, took(row, vm.at.ms)) {
        let _ = write!(out, " since {} ({})", since.utc, span(took));
    }
    let _ = writeln!(out);
    let facts = [&row.fqdn, &row.role, &row.stage, &row.team, &row.address];
    let facts: Vec<&str> = facts.into_iter().flatten().map(String::as_str).collect();
    if !facts.is_empty() {
        let _ = writeln!(out, "  {}", paint.dim(&facts.join(" · ")));
    }
    let doing = doing(row);
    if !doing.is_empty() {
        let _ = writeln!(out, "  {doing}");
    }
    if let Some(consent) = &vm.rebuild {
        let _ = writeln!(out, "  {} asked for a rebuild at {}", one_line(&consent.by), consent.at.utc);
    }
    failure(vm, paint, &mut out);
    if let Some(story) = story {
        timeline(story, paint, &mut out);
    }
    if let Some(runs) = &vm.puppet {
        puppet_runs(runs, vm.at.ms, paint, &mut out);
    } else if let Some(puppet) = &vm.handoff {
        let status = if puppet.status == "failed" { paint.red("failed") } else { paint.green(&puppet.status) };
        let (changed, of, at) = (puppet.changed, puppet.resources, &puppet.at.utc);
        let _ = writeln!(out, "\n{}  {status}, {changed} of {of} resources changed, {at}", paint.bold("Puppet"));
        for failure in &puppet.failures {
            let _ = writeln!(out, "  {} {}", paint.red("!"), one_line(failure));
        }
    }
    if !vm.checks.is_empty() {
        let _ = writeln!(out, "\n{}", paint.bold("Checks"));
        let mut table = Table::default();
        for check in &vm.checks {
            let verdict = if check.passed { paint.green("pass") } else { paint.red("fail") };
            let why = check.failure.as_deref().map(one_line).unwrap_or_default();
            table.row([String::new(), check.name.clone(), verdict, span(seconds(check.seconds)), why]);
        }
        out.push_str(&table.render(paint));
    }
    if !vm.packages.is_empty() {
        let packages: Vec<String> = vm.packages.iter().map(|p| one_line(&format!("{}-{}.{}", p.name, p.evr, p.arch))).collect();
        let _ = writeln!(out, "\n{}  {}", paint.bold("Packages"), packages.join(" "));
    }
    let _ = writeln!(out, "\n{}", paint.dim(&format!("`rekindle logs {}` shows what it wrote", row.vm)));
    out
}

/// The last run, and how the runs have been.
fn puppet_runs(runs: &PuppetRunsView, now: u64, paint: Paint, out: &mut String) {
    let last = &runs.last;
    let status = if last.status == "failed" { paint.red("failed") } else { paint.green(&last.status) };
    let age = span(Duration::from_millis(now.saturating_sub(last.at.ms)));
    let (changed, of, at) = (last.changed, last.resources, &last.at.utc);
    // Writing to a String cannot fail.
    let _ = writeln!(out, "\n{}  {status}, {changed} of {of} resources changed, {at} ({age} ago)", paint.bold("Puppet"));
    if let Some(way) = ReportVia::parse(&last.via).map(report_way) {
        let _ = writeln!(out, "  {}", paint.dim(way));
    }
    if runs.corrective > 0 {
        let _ = writeln!(out, "  {} of them put right what somebody else had changed", runs.corrective);
    }
    if runs.stale {
        let _ = writeln!(out, "  {} nothing has been heard since: its state is not known", paint.red("!"));
    }
    for failure in &last.failures {
        let _ = writeln!(out, "  {} {}", paint.red("!"), one_line(failure));
    }
    if runs.runs > 1 {
        let text = format!("{} runs, {} failed, {} corrective changes", runs.runs, runs.failed_runs, runs.corrective_in_all);
        let _ = writeln!(out, "  {}", paint.dim(&text));
    }
}

fn failure(vm: &VmView, paint: Paint, out: &mut String) {
    let Some(failure) = &vm.failure else { return };
    let title = if vm.summary.phase.as_deref() == Some(Phase::Failed.as_str()) { "Failed" } else { "The attempt before failed" };
    // Writing to a String cannot fail.
    let _ = writeln!(out, "\n{}: {} ({})", paint.red(title), failure.meaning, failure.cause);
    let _ = writeln!(out, "  while {}, at {}", failure.phase, failure.at.utc);
    let _ = writeln!(out, "  {}", one_line(&failure.detail));
    let skipped = failure.evidence.len().saturating_sub(EVIDENCE);
    for line in failure.evidence.iter().skip(skipped) {
        let _ = writeln!(out, "  {} {}", paint.dim("|"), one_line(line));
    }
}

fn timeline(story: &Story, paint: Paint, out: &mut String) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "\n{}", paint.bold(&format!("Attempt {}", story.attempt)));
    let width = Phase::ALL.iter().map(|phase| phase.as_str().len()).max().unwrap_or(0);
    let mut line = |name: &str, time: String, text: &str| {
        let line = format!("  {name:width$}  {time:>12}  {}", paint.dim(text));
        let _ = writeln!(out, "{}", line.trim_end());
    };
    for leg in &story.legs {
        line(&leg.phase, span(seconds(leg.seconds)), &share(leg));
        for mark in &leg.marks {
            line("", format!("+{}", span(seconds(mark.after_seconds))), &one_line(&mark.what));
        }
    }
    if let Some(percent) = story.ours_percent {
        let ours = format!("of which Rekindle {} ({percent:.1} %)", span(seconds(story.ours_seconds)));
        line("in all", span(seconds(story.seconds)), &ours);
    }
}

fn share(leg: &Leg) -> String {
    match (leg.phase.as_str(), leg.present) {
        ("ready" | "failed" | "retiring", _) => format!("since {}", leg.at),
        (_, true) => "so far".to_owned(),
        _ if leg.ours_seconds >= leg.seconds && leg.seconds > 0.0 => "Rekindle".to_owned(),
        _ if leg.ours_seconds >= 0.1 => format!("{} of it Rekindle", span(seconds(leg.ours_seconds))),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::story::tests::view;
    use crate::serve::view::{CheckView, FailureView};

    #[test]
    fn a_vm_is_told_with_its_timeline_and_the_share_that_is_ours() {
        let mut vm = view();
        vm.checks.push(CheckView {
            name: "health".to_owned(),
            passed: false,
            failure: Some("connection \u{1b}[31mrefused".to_owned()),
            at: vm.at.clone(),
            seconds: 0.04,
        });
        let story = Story::of(&vm);
        let text = detail(&vm, story.as_ref(), Paint::plain());
        let expected = "\
web1  ready since 1970-01-01T00:00:41Z (59 s)
  web1.example · shop-web · dev · 192.0.2.7
  it is ready

Attempt 2
  preparing          1.0 s  Rekindle
  installing          30 s
                    +4.0 s  kickstart fetched
                    +5.0 s  stage pre
  installed          0.5 s  Rekindle
  booting            8.0 s  0.2 s of it Rekindle
                     +39 s  first boot, from 192.0.2.7
  verifying          0.5 s  Rekindle
  ready               59 s  since 1970-01-01T00:00:41Z
  in all              40 s  of which Rekindle 2.2 s (5.5 %)

Checks
  health  fail  0.0 s  connection ?[31mrefused

`rekindle logs web1` shows what it wrote
";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_failure_is_told_with_its_cause_and_evidence() {
        let mut vm = view();
        vm.summary.phase = Some("failed".to_owned());
        vm.failure = Some(FailureView {
            at: vm.at.clone(),
            phase: "installing".to_owned(),
            cause: "package-not-found".to_owned(),
            meaning: "a package or group is in no repository".to_owned(),
            detail: "shop-wbe".to_owned(),
            evidence: vec!["Problems in request:".to_owned(), "missing packages: shop-wbe".to_owned()],
        });
        let text = detail(&vm, None, Paint::plain());
        let wanted = "\nFailed: a package or group is in no repository (package-not-found)
  while installing, at 1970-01-01T00:01:40Z
  shop-wbe
  | Problems in request:
  | missing packages: shop-wbe
";
        assert!(text.contains(wanted), "{text}");
    }
}
