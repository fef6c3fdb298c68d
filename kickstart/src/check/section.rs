//! What sections demand beyond the options of their header: `%packages`, `%certificate`, `%traceback`.

use super::{Line, Sink, misfit};
use crate::argparse::{Matched, Matcher};
use crate::diagnostic::Severity::{Error, Warning};
use crate::diagnostic::{Applicability, Fix};
use crate::document::{Document, Section, SectionKind};
use crate::grammar::{CommandRow, Count, Kind, OptionRow, Releases};
use crate::lexer::Word;
use crate::python::{first_word, line_end, trim_end, trim_line_end, trim_start};
use crate::release::Release;
use crate::source::Span;

/// Checks a header whose words fit its options.
pub(super) fn check_header(line: &Line<'_, '_>, matched: &Matched<'_>, sink: &mut Sink<'_>) {
    let span = |dest| matched.last(dest).map_or(line.name.span, |taken| line.span(taken.word));
    match line.row.name {
        "%packages" if matched.has("defaultPackages") => {
            for (dest, option) in [("nobase", "--nobase"), ("nocore", "--nocore")] {
                if matched.has(dest) {
                    let message = format!("`--default` and `{option}` exclude each other");
                    sink.push(Error, "conflicting-options", message, span(dest), None);
                }
            }
        }
        "%certificate" if matched.text("dir").is_empty() && matched.text("type").is_empty() => {
            let message = "`%certificate` needs `--dir` or `--type`".to_owned();
            sink.push(Error, "missing-option", message, line.name.span, None);
        }
        "%traceback" if !matches!(line.release, Release::Rhel7 | Release::Rhel8) => {
            let message = format!("section `%traceback` is deprecated in {}", line.release);
            let help = "`%onerror` runs at every error, tracebacks included".to_owned();
            sink.push(Warning, "deprecated-section", message, line.name.span, Some(help));
        }
        _ => {}
    }
    if line.row.name == "%packages" && line.release == Release::Rhel9 {
        warn_of_old_spellings(line, sink);
    }
}

/// RHEL 9 takes both spellings and warns of the ones that RHEL 10 dropped.
fn warn_of_old_spellings(line: &Line<'_, '_>, sink: &mut Sink<'_>) {
    for (old, new) in [("--instLangs", "--inst-langs"), ("--excludeWeakdeps", "--exclude-weakdeps")] {
        let is_old = |word: &Word<'_>| word.value.strip_prefix(old).is_some_and(|rest| rest.is_empty() || rest.starts_with('='));
        if let Some(word) = line.arguments.iter().find(|word| is_old(word)) {
            let message = format!("option `{old}` of `%packages` is deprecated in rhel9");
            sink.push(Warning, "deprecated-option", message, word.span, Some(format!("write `{new}`")));
            if word.span.of(sink.text()).starts_with(old) {
                let span = Span::new(word.span.start, word.span.start + old.len());
                sink.fix(Fix::replace(span, new, Applicability::Safe));
            }
        }
    }
}

/// Checks the lines between a header and its `%end`.
pub(super) fn check_body(document: &Document<'_>, section: &Section, sink: &mut Sink<'_>) {
    match section.kind {
        SectionKind::Packages => check_packages(document.text, section, sink),
        SectionKind::Certificate if section.end.is_some() && !has_content(section.body.of(document.text)) => {
            let span = document.words(section.header)[0].span;
            sink.push(Error, "empty-certificate", "`%certificate` holds no certificate".to_owned(), span, None);
        }
        _ => {}
    }
}

/// Whether a body has a line that is neither blank nor an include.
fn has_content(body: &str) -> bool {
    let mut at = 0;
    while at < body.len() {
        let end = line_end(body, at);
        let word = first_word(&body[at..end]);
        if !word.is_empty() && word != "%include" {
            return true;
        }
        at = end;
    }
    false
}

const fn switch(name: &'static [&'static str], dest: &'static str) -> OptionRow {
    OptionRow {
        names: name,
        dest,
        kind: Kind::Text,
        count: Count::Zero,
        choices: &[],
        required: false,
        repeatable: false,
        releases: Releases(u16::MAX),
        deprecated: Releases(0),
    }
}

/// `@group` takes options of its own.
static GROUP: CommandRow = CommandRow {
    name: "@group",
    object: "@group",
    releases: Releases(u16::MAX),
    deprecated: Releases(0),
    removed: Releases(0),
    free: Releases(0),
    repeatable: Releases(0),
    conflicts: &[],
    options: &[switch(&["--nodefaults"], "nodefaults"), switch(&["--optional"], "optional")],
    positionals: &[],
};

fn check_packages(text: &str, section: &Section, sink: &mut Sink<'_>) {
    let mut at = section.body.start;
    let mut number = section.body_line;
    while at < section.body.end {
        let end = line_end(text, at);
        sink.at_line(number, Span::new(at, end));
        let line = &text[at..end];
        let bare = trim_start(line);
        let start = at + line.len() - bare.len();
        if !bare.is_empty() && !bare.starts_with('#') && first_word(bare) != "%include" {
            let entry = trim_end(trim_line_end(bare.split('#').next().unwrap_or_default()));
            check_package(text, Span::new(start, start + entry.len()), sink);
        }
        at = end;
        number += 1;
    }
}

fn check_package(text: &str, span: Span, sink: &mut Sink<'_>) {
    let entry = span.of(text);
    if entry == "-" {
        sink.push(Error, "invalid-package", "`-` excludes nothing".to_owned(), span, None);
    }
    // Only groups have options; most have none, and an option needs a dash.
    if !entry.starts_with('@') || entry.starts_with("@^") || !entry.contains("--") {
        return;
    }
    let mut words = Vec::new();
    let mut at = span.start + 1;
    for part in entry[1..].split(crate::python::is_space) {
        let part_span = Span::new(at, at + part.len());
        at = part_span.end + text[part_span.end..].chars().next().map_or(0, char::len_utf8);
        if !part.is_empty() {
            words.push(Word { span: part_span, value: part.into() });
        }
    }
    let name = Word { span, value: entry.into() };
    // The release does not matter: groups have had the same options in all of them.
    let line = Line { release: Release::Rhel9, row: &GROUP, name: &name, arguments: &words };
    let mut matched = Matched::default();
    match Matcher::default().run(&GROUP, line.release, &words, &mut matched) {
        Err(misfit) => misfit::report(&line, misfit, sink),
        Ok(()) if matched.has("nodefaults") && matched.has("optional") => {
            let message = "`--nodefaults` and `--optional` exclude each other".to_owned();
            sink.push(Error, "conflicting-options", message, span, None);
        }
        Ok(()) => {}
    }
}
