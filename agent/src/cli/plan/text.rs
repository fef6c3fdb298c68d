//! A plan as a person reads it: a line for each thing with what happens to it and why, the steps below it, a summary.

use std::fmt::Write as _;

use super::view::{PlanView, SubjectView};
use crate::cli::screen::{Paint, revision};
use crate::plan::{Action, VolumeAction};

/// How much is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// What changes, waits or is blocked, and a count of what stays.
    Changes,
    /// Everything, with each step.
    Everything,
}

/// The plan as text.
pub(crate) fn render(plan: &PlanView, detail: Detail, paint: Paint) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{}\n", paint.bold(&format!("Hypervisor {}, site at {}", plan.hypervisor, revision(&plan.revision))));
    if let Some(reason) = &plan.unreachable {
        let _ = writeln!(out, "  {} nothing can be planned: {reason}\n", paint.red("!"));
    }
    let width = plan.subjects.iter().map(|subject| subject.title().len()).max().unwrap_or(0);
    let mut kept = 0;
    for subject in &plan.subjects {
        let quiet = subject.action == Action::Keep.as_str() && subject.steps.is_empty();
        if quiet && detail == Detail::Changes {
            kept += 1;
            continue;
        }
        subject_lines(subject, width, detail, paint, &mut out);
    }
    if kept > 0 {
        let _ = writeln!(out, "  {}", paint.dim(&format!("and {kept} as they should be (`--all` shows them)")));
    }
    let _ = writeln!(out, "\n{}", summary(plan, paint));
    out
}

fn subject_lines(subject: &SubjectView, width: usize, detail: Detail, paint: Paint, out: &mut String) {
    let action = subject.action;
    let (sign, name) = signed(action, paint);
    let title = subject.title();
    let _ = writeln!(out, " {sign} {title:width$}  {name}  {}", subject.reason);
    for volume in &subject.volumes {
        if volume.action == VolumeAction::Keep.as_str() && detail == Detail::Changes && !changes(action) {
            continue;
        }
        let sign = volume_sign(volume.action, paint);
        let _ = writeln!(out, "     {sign} volume {}: {} ({})", volume.volume, volume.action, volume.reason);
    }
    if detail == Detail::Everything || changes(action) {
        for (number, step) in subject.steps.iter().enumerate() {
            let _ = writeln!(out, "       {} {step}", paint.dim(&format!("{}.", number + 1)));
        }
    }
}

fn changes(action: &str) -> bool {
    [Action::Create, Action::Change, Action::Rebuild, Action::Destroy].iter().any(|one| one.as_str() == action)
}

/// The sign of an action and its name in a column of one width, both in its colour.
fn signed(action: &str, paint: Paint) -> (String, String) {
    let name = format!("{action:<8}");
    let is = |one: Action| one.as_str() == action;
    if is(Action::Create) {
        (paint.green("  +"), paint.green(&name))
    } else if is(Action::Change) {
        (paint.yellow("  ~"), paint.yellow(&name))
    } else if is(Action::Rebuild) {
        (paint.red("-/+"), paint.red(&name))
    } else if is(Action::Destroy) {
        (paint.red("  -"), paint.red(&name))
    } else if is(Action::Blocked) {
        (paint.red("  !"), paint.red(&name))
    } else if is(Action::Wait) || is(Action::Continue) {
        (paint.yellow("  …"), paint.yellow(&name))
    } else {
        (paint.dim("  ="), paint.dim(&name))
    }
}

fn volume_sign(action: &str, paint: Paint) -> String {
    if action == VolumeAction::Create.as_str() {
        paint.green("  +")
    } else if action == VolumeAction::Recreate.as_str() {
        paint.red("-/+")
    } else if action == VolumeAction::Destroy.as_str() {
        paint.red("  -")
    } else {
        paint.dim("  =")
    }
}

fn summary(plan: &PlanView, paint: Paint) -> String {
    let counts = plan.counts();
    if counts.is_all_kept() && plan.unreachable.is_none() {
        return paint.green(&format!("Nothing to do: all {} are as the site says.", counts.kept));
    }
    let mut parts = Vec::new();
    let mut part = |count: usize, what: &str| {
        if count > 0 {
            parts.push(format!("{count} {what}"));
        }
    };
    part(counts.create, "to create");
    part(counts.change, "to change");
    part(counts.rebuild, "to rebuild");
    part(counts.destroy, "to destroy");
    part(counts.under_way, "under way");
    part(counts.wait, "waiting");
    part(counts.blocked, "blocked until somebody acts");
    part(counts.kept, "as they should be");
    paint.bold(&format!("Plan: {}.", parts.join(", ")))
}
