//! Checks a parsed kickstart against the grammar of one release.
//!
//! Called by [`crate::check()`]. Goes over the lines once, in order, as Anaconda does; each line is
//! matched with its command's options and then handed to the checks of that command.
//! Where to start reading: [`check_document`].

mod line;
pub(crate) mod manual;
mod misfit;
mod section;

pub(crate) use line::{Line, Sink};
pub(crate) use misfit::report_extras;

use crate::argparse::{Matched, Matcher};
use crate::command::{self, Call, State};
use crate::diagnostic::{Applicability, Diagnostic, Fix, Severity};
use crate::document::{Document, ItemKind, Words};
use crate::grammar::{self, CommandRow};
use crate::lexer::Word;
use crate::release::Release;
use crate::source::Span;
use crate::suggest::nearest;

/// Appends what is wrong with `document` under the grammar of `release`.
pub(crate) fn check_document(document: &Document<'_>, release: Release, diagnostics: &mut Vec<Diagnostic>) {
    let mut checker = Checker {
        document,
        release,
        sink: Sink::new(document.text, diagnostics),
        seen: [false; MOST_COMMANDS],
        matcher: Matcher::default(),
        matched: Matched::default(),
        state: State::default(),
    };
    for item in &document.items {
        checker.sink.at_line(item.line, item.span);
        match &item.kind {
            ItemKind::Command(words) => checker.command(*words),
            ItemKind::Section(section) => {
                let words = document.words(section.header);
                if let Some(row) = grammar::section(&words[0].value) {
                    checker.section_header(row, words);
                }
                section::check_body(document, section, &mut checker.sink);
            }
            _ => {}
        }
    }
}

/// At least the number of rows in the grammar; a test holds it to that.
const MOST_COMMANDS: usize = 96;

struct Checker<'c, 't> {
    document: &'c Document<'t>,
    release: Release,
    sink: Sink<'c>,
    /// Which commands (by the row of their first name) have been used so far.
    seen: [bool; MOST_COMMANDS],
    matcher: Matcher,
    matched: Matched<'c>,
    state: State<'c>,
}

impl<'c, 't> Checker<'c, 't> {
    fn command(&mut self, words: Words) {
        let words: &'c [Word<'t>] = self.document.words(words);
        let Some((name, arguments)) = words.split_first() else {
            return;
        };
        let found = grammar::command(&name.value).filter(|(_, row)| row.releases.has(self.release));
        let Some((index, row)) = found else {
            self.unknown_command(name);
            return;
        };
        let object = if row.object == row.name { index } else { grammar::command(row.object).map_or(index, |(index, _)| index) };
        self.seen[object] = true;
        if row.removed.has(self.release) {
            self.removed_command(row, name);
            return;
        }
        if row.deprecated.has(self.release) {
            self.deprecated_command(row, name);
            return;
        }
        if self.conflicts(row, name.span) {
            return;
        }
        if self.match_words(row, name, arguments) {
            let line = Line { release: self.release, row, name, arguments };
            command::check(&Call { line: &line, matched: &self.matched }, &mut self.state, &mut self.sink);
        }
    }

    fn section_header(&mut self, row: &'static CommandRow, words: &'c [Word<'t>]) {
        if let Some((name, arguments)) = words.split_first()
            && self.match_words(row, name, arguments)
        {
            let line = Line { release: self.release, row, name, arguments };
            section::check_header(&line, &self.matched, &mut self.sink);
        }
    }

    /// Matches a line with its options; true if it fits so far.
    fn match_words(&mut self, row: &'static CommandRow, name: &'c Word<'t>, arguments: &'c [Word<'t>]) -> bool {
        if row.free.has(self.release) {
            self.matched.clear();
            return true;
        }
        let result = self.matcher.run(row, self.release, arguments, &mut self.matched);
        let line = Line { release: self.release, row, name, arguments };
        for (option, word) in &self.matched.deprecated {
            misfit::deprecated_option(&line, option, *word, &mut self.sink);
        }
        if let Err(misfit) = result {
            misfit::report(&line, misfit, &mut self.sink);
            return false;
        }
        if !self.matched.extras.is_empty() && !takes_extras(row.object) {
            misfit::report_extras(&line, &self.matched.extras, &mut self.sink);
            return false;
        }
        true
    }

    fn unknown_command(&mut self, name: &Word<'_>) {
        let release = self.release;
        let known =
            grammar::commands().iter().filter(|row| row.releases.has(release) && !row.removed.has(release)).map(|row| row.name);
        let elsewhere = grammar::command(&name.value).map(|(_, row)| row.releases.names());
        let meant = if elsewhere.is_none() && self.sink.may_guess() { nearest(&name.value, known) } else { None };
        let help = match (elsewhere, meant) {
            _ if name.value.starts_with('\u{feff}') => {
                Some("the file starts with a byte order mark; save it without one".to_owned())
            }
            (Some(releases), _) => Some(format!("{release} does not have it; {releases} do")),
            (None, Some(known)) => Some(format!("did you mean `{known}`?")),
            (None, None) => None,
        };
        let shown: String = name.value.chars().take(40).collect();
        let message = format!("unknown command `{shown}` for {release}");
        self.sink.push(Severity::Error, "unknown-command", message, name.span, help);
        if let Some(known) = meant {
            self.sink.fix(Fix::replace(name.span, known, Applicability::Unsafe));
        }
    }

    fn removed_command(&mut self, row: &CommandRow, name: &Word<'_>) {
        let message = format!("command `{}` was removed before {}", row.name, self.release);
        let help = Some(replacement(row.name).unwrap_or("remove the line").to_owned());
        self.sink.push(Severity::Error, "removed-command", message, name.span, help);
        // What a kickstart does anyway.
        if row.name == "install" {
            self.sink.fix(Fix::remove(self.sink.line_span(), Applicability::Safe));
        }
    }

    fn deprecated_command(&mut self, row: &CommandRow, name: &Word<'_>) {
        let message = format!("command `{}` is deprecated in {} and does nothing", row.name, self.release);
        let help = Some(replacement(row.name).unwrap_or("remove the line").to_owned());
        self.sink.push(Severity::Warning, "deprecated-command", message, name.span, help);
        self.sink.fix(Fix::remove(self.sink.line_span(), Applicability::Safe));
    }

    /// Reports the commands before this one that exclude it.
    fn conflicts(&mut self, row: &CommandRow, span: Span) -> bool {
        let here = row.conflicts.iter().filter(|(releases, _)| releases.has(self.release));
        for other in here.flat_map(|(_, names)| names.iter()) {
            let Some((index, other_row)) = grammar::command(other) else {
                continue;
            };
            let object = grammar::command(other_row.object).map_or(index, |(index, _)| index);
            if self.seen[object] && other_row.releases.has(self.release) {
                let message = format!("`{}` and `{other}` cannot be used in the same kickstart", row.name);
                self.sink.push(Severity::Error, "conflicting-commands", message, span, None);
                return true;
            }
        }
        false
    }
}

/// Commands that look at the words their options did not take.
pub(crate) fn takes_extras(object: &str) -> bool {
    matches!(object, "raid" | "volgroup" | "btrfs" | "device")
}

/// What to write in place of a command that is gone or going.
fn replacement(command: &str) -> Option<&'static str> {
    Some(match command {
        "auth" | "authconfig" => "use `authselect`",
        "install" => "remove the line: to install is what a kickstart does",
        "method" => "use `url`, `nfs`, `cdrom` or `harddrive`",
        "vnc" => "use `rdp`",
        "btrfs" => "this release has no btrfs; use `part`, `volgroup` and `logvol`",
        "module" => "remove the line: modules are gone; choose packages in %packages",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_for_every_command() {
        assert!(grammar::commands().len() <= MOST_COMMANDS);
    }
}
