//! Runs the rules that go beyond what `ksvalidator` checks: what the installer would do with the file.
//!
//! Called by [`crate::lint()`]. The rules are in `crate::rules`, one file each; suppression
//! comments and the severities a caller wants are applied here and nowhere else.

use std::collections::BTreeSet;

use crate::diagnostic::{Applicability, Diagnostic, Fix, Severity};
use crate::document::{Document, ItemKind};
use crate::python::line_end;
use crate::reading::{Model, Place};
use crate::release::Release;
use crate::rules::{RULES, Rule};
use crate::source::{Span, column_at};

/// How the machine starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Firmware {
    /// With UEFI: needs an EFI system partition.
    Uefi,
    /// With a BIOS.
    Bios,
}

/// What the caller knows of the machine, and which findings are wanted.
///
/// ```
/// use kickstart::{Firmware, LintOptions, Release, lint};
/// let text = "clearpart --all --initlabel\npart / --size=9000\nbootloader\n";
/// let options = LintOptions { firmware: Some(Firmware::Uefi), ..LintOptions::default() };
/// let report = lint(text, Release::Rhel9, &options);
/// assert!(report.errors().any(|d| d.code == "no-efi-partition"));
/// ```
#[derive(Debug, Clone, Default)]
pub struct LintOptions {
    /// How the machine starts, if known.
    pub firmware: Option<Firmware>,
    /// Size of the only disk in MiB, if known.
    pub disk_mib: Option<u64>,
    /// Names of all disks (`vda`), if known; empty means unknown.
    pub disks: Vec<String>,
    /// What the repositories have: packages as `name`, groups as `@id`, environments as `@^id`; empty means unknown.
    pub available: BTreeSet<String>,
    /// Run only rules with one of these codes or families; empty means all.
    pub select: Vec<String>,
    /// Do not run rules with one of these codes or families; drop deprecations with one of these codes.
    pub ignore: Vec<String>,
    /// Severities other than the rules' own (and other than warning for a deprecation), by code.
    pub severities: Vec<(String, Severity)>,
}

/// What a rule sees.
pub(crate) struct Context<'c, 'd> {
    pub(crate) model: &'c Model<'d>,
    pub(crate) release: Release,
    pub(crate) options: &'c LintOptions,
    pub(crate) document: &'c Document<'d>,
}

impl<'d> Context<'_, 'd> {
    /// The text that is linted.
    pub(crate) fn text(&self) -> &'d str {
        self.document.text
    }

    /// The line that holds a place, its line break included.
    pub(crate) fn whole_line(&self, place: Place) -> Span {
        let before = self.text().get(..place.span.start).unwrap_or_default();
        let start = before.rfind(['\n', '\r']).map_or(0, |at| at + 1);
        Span::new(start, line_end(self.text(), place.span.end))
    }
}

/// The change that adds a line after the last one.
pub(crate) fn append_line(cx: &Context<'_, '_>, line: &str) -> Fix {
    let end = cx.text().len();
    let before = if cx.text().is_empty() || cx.text().ends_with('\n') { "" } else { "\n" };
    Fix::replace(Span::new(end, end), format!("{before}{line}\n"), Applicability::Unsafe)
}

/// Takes a rule's findings.
pub(crate) struct Findings<'f> {
    text: &'f str,
    rule: &'static Rule,
    severity: Severity,
    /// Line of the last finding, and how many findings it has.
    last: (usize, usize),
    diagnostics: &'f mut Vec<Diagnostic>,
}

/// The most findings of one rule about one line: a line of a megabyte must not take for ever.
const MOST_PER_LINE: usize = 8;

impl Findings<'_> {
    /// A finding, with what to do about it.
    pub(crate) fn add(&mut self, place: Place, message: impl Into<String>, help: &str) {
        self.push(self.severity, place, message.into(), help);
    }

    /// A finding that is milder than the rule's own severity.
    pub(crate) fn add_warning(&mut self, place: Place, message: impl Into<String>, help: &str) {
        self.push(self.severity.min(Severity::Warning), place, message.into(), help);
    }

    /// Adds to the last finding the change that mends it.
    pub(crate) fn fix(&mut self, fix: Fix) {
        if let Some(last) = self.diagnostics.last_mut().filter(|_| self.last.1 <= MOST_PER_LINE) {
            last.fix = Some(fix);
        }
    }

    fn push(&mut self, severity: Severity, place: Place, message: String, help: &str) {
        let (line, count) = self.last;
        self.last = (place.line, if line == place.line { count + 1 } else { 1 });
        if self.last.1 > MOST_PER_LINE {
            return;
        }
        let before = self.text.get(..place.span.start).unwrap_or_default();
        let line_start = before.rfind(['\n', '\r']).map_or(0, |at| at + 1);
        self.diagnostics.push(Diagnostic {
            severity,
            code: self.rule.code,
            message,
            span: place.span,
            line: place.line,
            column: column_at(self.text, line_start, place.span.start),
            help: Some(help.to_owned()).filter(|help| !help.is_empty()),
            fix: None,
        });
    }
}

/// Appends what the wanted rules find.
pub(crate) fn run(document: &Document<'_>, release: Release, options: &LintOptions, diagnostics: &mut Vec<Diagnostic>) {
    let model = crate::reading::read(document, release);
    let cx = Context { model: &model, release, options, document };
    let named = |names: &[String], rule: &Rule| names.iter().any(|name| name == rule.code || name == rule.family);
    // Errors of the checks are ksvalidator's; what it only warns of is the caller's to weigh.
    diagnostics.retain_mut(|found| {
        if found.severity == Severity::Error {
            return true;
        }
        if let Some((_, severity)) = options.severities.iter().find(|(code, _)| code == found.code) {
            found.severity = *severity;
        }
        !options.ignore.iter().any(|code| code == found.code)
    });
    let first = diagnostics.len();
    for rule in RULES {
        let wanted = options.select.is_empty() || named(&options.select, rule);
        if !wanted || named(&options.ignore, rule) {
            continue;
        }
        let severity = options.severities.iter().find(|(code, _)| code == rule.code);
        let severity = severity.map_or(rule.severity, |(_, severity)| *severity);
        let mut findings = Findings { text: document.text, rule, severity, last: (0, 0), diagnostics };
        (rule.run)(&cx, &mut findings);
    }
    suppress(document, diagnostics, first);
}

/// Removes findings (from index `first` on) that a comment allows.
///
/// `# rekindle: allow(code, code) reason` holds for the next line that is not a comment; before an
/// empty line at the head of the file (above all commands) it holds for all of it.
fn suppress(document: &Document<'_>, diagnostics: &mut Vec<Diagnostic>, first: usize) {
    let mut everywhere: Vec<&str> = Vec::new();
    let mut here: Vec<(usize, &str)> = Vec::new();
    let mut pending: Vec<&str> = Vec::new();
    let mut in_head = true;
    for item in &document.items {
        match &item.kind {
            ItemKind::Comment => pending.extend(allowed(item.span.of(document.text))),
            ItemKind::Blank => {
                if in_head {
                    everywhere.append(&mut pending);
                }
            }
            _ => {
                in_head = false;
                here.extend(pending.drain(..).map(|code| (item.line, code)));
            }
        }
    }
    if everywhere.is_empty() && here.is_empty() {
        return;
    }
    let mut index = 0;
    diagnostics.retain(|diagnostic| {
        index += 1;
        let from = here.partition_point(|(line, _)| *line < diagnostic.line);
        let mut on_line = here[from..].iter().take_while(|(line, _)| *line == diagnostic.line);
        let is_allowed = everywhere.contains(&diagnostic.code) || on_line.any(|(_, code)| *code == diagnostic.code);
        index <= first || !is_allowed
    });
}

/// The codes that a comment allows.
fn allowed(comment: &str) -> impl Iterator<Item = &str> {
    let list = comment.trim_start().trim_start_matches('#').trim_start();
    let list = list.strip_prefix("rekindle:").map(str::trim_start).and_then(|rest| rest.strip_prefix("allow("));
    let list = list.and_then(|rest| rest.split_once(')')).map_or("", |(list, _)| list);
    list.split(',').map(str::trim).filter(|code| !code.is_empty())
}
