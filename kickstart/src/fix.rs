//! Applies the changes that findings suggest.
//!
//! Called by [`crate::fix()`]. A change is applied whole or not at all; of two that touch each other
//! the first wins, and the other is found again in the next round.

use crate::diagnostic::{Applicability, Diagnostic};
use crate::lint::LintOptions;
use crate::release::Release;

/// Rounds after which a text that still changes is left as it is.
const MOST_ROUNDS: usize = 10;

/// A text after its fixes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fixed {
    /// The new text.
    pub text: String,
    /// The codes of the findings that were mended, in the order they were.
    pub applied: Vec<&'static str>,
}

/// Lints and mends until nothing more can be mended.
pub(crate) fn fix(text: &str, release: Release, options: &LintOptions, most: Applicability) -> Fixed {
    let mut fixed = Fixed { text: text.to_owned(), applied: Vec::new() };
    for _ in 0..MOST_ROUNDS {
        let report = crate::lint(&fixed.text, release, options);
        let (text, applied) = apply(&fixed.text, report.diagnostics(), most);
        if applied.is_empty() {
            break;
        }
        fixed.text = text;
        fixed.applied.extend(applied);
    }
    fixed
}

/// One round: the changes of `diagnostics` that do not touch each other.
fn apply(text: &str, diagnostics: &[Diagnostic], most: Applicability) -> (String, Vec<&'static str>) {
    let wanted = |diagnostic: &&Diagnostic| diagnostic.fix.as_ref().is_some_and(|fix| fix.applicability <= most);
    let mut edits = Vec::new();
    let mut applied = Vec::new();
    for diagnostic in diagnostics.iter().filter(wanted) {
        let Some(fix) = &diagnostic.fix else { continue };
        let touches = |start: usize, end: usize| {
            let after = edits.partition_point(|(_, other_end, _): &(usize, usize, &str)| *other_end < start);
            edits[after..].iter().take_while(|(other_start, _, _)| *other_start <= end).next().is_some()
        };
        if fix.edits.iter().any(|edit| touches(edit.span.start, edit.span.end)) {
            continue;
        }
        for edit in &fix.edits {
            let at = edits.partition_point(|(start, _, _)| *start < edit.span.start);
            edits.insert(at, (edit.span.start, edit.span.end, edit.replacement.as_str()));
        }
        applied.push(diagnostic.code);
    }
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for (start, end, replacement) in edits {
        out.push_str(text.get(at..start).unwrap_or_default());
        out.push_str(replacement);
        at = end;
    }
    out.push_str(text.get(at..).unwrap_or_default());
    (out, applied)
}
