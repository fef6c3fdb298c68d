//! Findings on their way to a person: colours, and how many there were.

use std::fmt::Write as _;

use kickstart::{Applicability, Diagnostic, Severity};

use crate::cli::screen::Paint;

/// How much was found in how many files.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) files: usize,
    errors: usize,
    warnings: usize,
    infos: usize,
    safe: usize,
    r#unsafe: usize,
    /// Changes that were made.
    pub(super) mended: usize,
}

impl Summary {
    /// Counts one file's findings.
    pub(super) fn add(&mut self, diagnostics: &[Diagnostic]) {
        self.files += 1;
        for diagnostic in diagnostics {
            match diagnostic.severity {
                Severity::Error => self.errors += 1,
                Severity::Warning => self.warnings += 1,
                Severity::Info => self.infos += 1,
            }
            match diagnostic.fix.as_ref().map(|fix| fix.applicability) {
                Some(Applicability::Safe) => self.safe += 1,
                Some(Applicability::Unsafe) => self.r#unsafe += 1,
                None => {}
            }
        }
    }

    /// The last lines of a run.
    pub(super) fn text(self, paint: Paint) -> String {
        let mut out = String::new();
        let files = count(self.files, "file");
        let mended = if self.mended > 0 { format!(", {} made", count(self.mended, "change")) } else { String::new() };
        let found: Vec<String> = [(self.errors, "error"), (self.warnings, "warning"), (self.infos, "remark")]
            .into_iter()
            .filter(|(number, _)| *number > 0)
            .map(|(number, what)| count(number, what))
            .collect();
        // Writing to a String cannot fail.
        let _ = if found.is_empty() {
            writeln!(out, "{} {files}, nothing found{mended}", paint.green("ok:"))
        } else {
            let found = found.join(", ");
            let found = if self.errors > 0 { paint.red(&found) } else { paint.yellow(&found) };
            writeln!(out, "{found} in {files}{mended}")
        };
        if self.safe > 0 {
            let _ = writeln!(out, "{} can be mended with `--fix`", self.safe);
        }
        if self.r#unsafe > 0 {
            let _ = writeln!(out, "{} can be mended with `--unsafe-fixes`; look at what it changes", self.r#unsafe);
        }
        out
    }
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// Adds colours to rendered findings: they begin with their severity, sources with a number or a margin.
pub(super) fn colored(rendered: &str, paint: Paint) -> String {
    if !paint.is_on() {
        return rendered.to_owned();
    }
    let mut out = String::with_capacity(rendered.len() + rendered.len() / 4);
    for line in rendered.lines() {
        let heads = [("error[", Paint::red as fn(Paint, &str) -> String), ("warning[", Paint::yellow), ("info[", Paint::cyan)];
        let head = heads.iter().find(|(head, _)| line.starts_with(head));
        match (head, line.find("]: ")) {
            (Some((_, color)), Some(end)) => {
                out.push_str(&color(paint, &line[..=end]));
                out.push_str(&paint.bold(&line[end + 1..]));
            }
            _ if line.trim_start().starts_with(['|', '=']) || line.trim_start().starts_with("-->") => {
                out.push_str(&paint.cyan(line));
            }
            _ => out.push_str(line),
        }
        out.push('\n');
    }
    out
}
