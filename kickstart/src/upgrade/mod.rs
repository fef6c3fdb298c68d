//! Rewrites a kickstart for another release, and says each change and what a person must decide.
//!
//! Called by [`crate::upgrade()`]. Goes by the grammar of both releases; what takes the place of a
//! command or option that is gone is in [`successor`]. A line that the old release does not
//! understand is left alone.

mod successor;

use crate::Report;
use crate::argparse::{Matched, Matcher, Taken};
use crate::diagnostic::Edit;
use crate::document::{Document, Item, ItemKind, Section, SectionKind};
use crate::grammar::{self, CommandRow, OptionRow};
use crate::lexer::Word;
use crate::python::{first_word, line_end, trim_line_end};
use crate::release::Release;
use crate::source::Span;
use successor::{Command, Option as Successor};
pub(crate) use successor::{command_successor, is_outdated, option_successor};

/// A kickstart for another release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upgraded {
    /// The new text.
    pub text: String,
    /// What was changed, and what was not but should be looked at, in the order of the old lines.
    pub changes: Vec<Change>,
    /// What [`crate::check()`] says of the new text.
    pub report: Report,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Line of the old text, from 1.
    pub line: usize,
    /// What was done, or has to be.
    pub message: String,
    /// Whether a person must decide whether this is right.
    pub needs_decision: bool,
}

/// Rewrites `document` from one release to another.
pub(crate) fn upgrade(document: &Document<'_>, from: Release, to: Release) -> Upgraded {
    let mut upgrade = Upgrade { document, from, to, edits: Vec::new(), changes: Vec::new(), matcher: Matcher::default() };
    for item in &document.items {
        upgrade.item(item);
    }
    let text = upgrade.text();
    let report = crate::check(&text, to);
    Upgraded { text, changes: upgrade.changes, report }
}

struct Upgrade<'u, 't> {
    document: &'u Document<'t>,
    from: Release,
    to: Release,
    /// In the order of the text.
    edits: Vec<Edit>,
    changes: Vec<Change>,
    matcher: Matcher,
}

impl Upgrade<'_, '_> {
    fn text(&mut self) -> String {
        let text = self.document.text;
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        self.edits.sort_by_key(|edit| edit.span.start);
        for edit in &self.edits {
            out.push_str(text.get(at..edit.span.start).unwrap_or_default());
            out.push_str(&edit.replacement);
            at = edit.span.end;
        }
        out.push_str(text.get(at..).unwrap_or_default());
        out
    }

    fn edit(&mut self, span: Span, replacement: impl Into<String>) {
        self.edits.push(Edit { span, replacement: replacement.into() });
    }

    fn change(&mut self, line: usize, message: impl Into<String>, needs_decision: bool) {
        self.changes.push(Change { line, message: message.into(), needs_decision });
    }

    fn item(&mut self, item: &Item) {
        let text = item.span.of(self.document.text);
        match &item.kind {
            ItemKind::Comment => {
                if let Some(version) = text.strip_prefix("#version=")
                    && version.trim().parse() == Ok(self.from)
                {
                    let bare = trim_line_end(text).len();
                    let span = Span::new(item.span.start, item.span.start + bare);
                    self.edit(span, format!("#version={}", self.to.name().to_uppercase()));
                    self.change(item.line, format!("`#version` names {}", self.to), false);
                }
            }
            ItemKind::Command(words) => self.command(item, self.document.words(*words)),
            ItemKind::Section(section) => self.section(item, section),
            ItemKind::Include(_) => self.change(item.line, "what this includes is not looked at", true),
            ItemKind::Blank | ItemKind::Append | ItemKind::Broken => {}
        }
    }

    fn command(&mut self, item: &Item, words: &[Word<'_>]) {
        let Some((name, arguments)) = words.split_first() else { return };
        let row = grammar::command(&name.value).map(|(_, row)| row).filter(|row| row.releases.has(self.from));
        let Some(row) = row else {
            self.change(item.line, format!("{} does not know this command; it is left as it is", self.from), true);
            return;
        };
        let is_gone = !row.releases.has(self.to) || row.removed.has(self.to) || row.deprecated.has(self.to);
        if is_gone || row.object == "auth" && self.to != Release::Rhel7 {
            self.gone(item, row, arguments);
        } else if !row.free.has(self.from) {
            self.options(item, row, name, arguments);
        }
    }

    /// A command that the new release does not have.
    fn gone(&mut self, item: &Item, row: &CommandRow, arguments: &[Word<'_>]) {
        let text = item.span.of(self.document.text);
        match successor::of_command(row.object, arguments, self.to) {
            Command::Drop(why) => {
                self.edit(item.span, "");
                self.change(item.line, format!("`{}` is dropped: {why}", row.name), false);
            }
            Command::Write { line, needs_decision } => {
                let bare = Span::new(item.span.start, item.span.start + trim_line_end(text).len());
                self.change(item.line, format!("`{}` becomes `{line}`", row.name), needs_decision);
                self.edit(bare, line);
            }
            Command::Ask(what) => {
                self.edit(Span::new(item.span.start, item.span.start), "# ");
                self.change(item.line, format!("`{}` is gone and is now a comment: {what}", row.name), true);
            }
        }
    }

    /// The options of a command or section that both releases have.
    fn options(&mut self, item: &Item, row: &'static CommandRow, name: &Word<'_>, arguments: &[Word<'_>]) {
        let mut matched = Matched::default();
        if self.matcher.run(row, self.from, arguments, &mut matched).is_err() {
            self.change(item.line, format!("{} does not understand this line; it is left as it is", self.from), true);
            return;
        }
        let line_end = line_end(self.document.text, name.span.start);
        for taken in matched.taken.iter().filter(|taken| !taken.row.names.is_empty()) {
            let option = used_name(taken.row, &arguments[taken.word].value);
            let is_known =
                |new: &&OptionRow| new.names.contains(&option) && new.releases.has(self.to) && !new.deprecated.has(self.to);
            if row.options.iter().any(|new| is_known(&new)) && !successor::is_outdated(row.object, option, self.to) {
                continue;
            }
            self.option(item, row, option, taken, &arguments[taken.word], arguments.get(taken.word + 1), line_end);
        }
    }

    #[expect(clippy::too_many_arguments, reason = "one option with all that surrounds it")]
    fn option(
        &mut self,
        item: &Item,
        row: &CommandRow,
        option: &'static str,
        taken: &Taken<'_>,
        word: &Word<'_>,
        next: Option<&Word<'_>>,
        line_end: usize,
    ) {
        // A value in a word of its own goes with its option.
        let own_value = taken.value.is_some() && !word.value.contains('=');
        let end = next.filter(|_| own_value).map_or(word.span.end, |next| next.span.end);
        let before = self.document.text[..word.span.start].trim_end_matches([' ', '\t']).len();
        let all = Span::new(before, end);
        match successor::of_option(row.object, option, taken.value.unwrap_or_default(), self.to) {
            Successor::Rename(new) => {
                let rest = word.value.find('=').map_or("", |at| &word.value[at..]);
                let is_plain = word.span.of(self.document.text) == word.value;
                if is_plain {
                    self.edit(word.span, format!("{new}{rest}"));
                }
                self.change(item.line, format!("`{option}` of `{}` becomes `{new}`", row.name), !is_plain);
            }
            Successor::Lines(lines) => {
                self.edit(all, "");
                let at = Span::new(line_end, line_end);
                let has_end = self.document.text[..line_end].ends_with(['\n', '\r']);
                let shown = lines.join("` and `");
                let block = lines.iter().map(String::as_str).flat_map(|line| [line, "\n"]).collect::<String>();
                self.edit(at, if has_end { block } else { format!("\n{}", block.trim_end()) });
                self.change(item.line, format!("`{option}` of `{}` becomes `{shown}`", row.name), false);
            }
            Successor::Drop => {
                self.edit(all, "");
                self.change(item.line, format!("`{option}` of `{}` is dropped: it did nothing", row.name), false);
            }
            Successor::Ask => {
                self.edit(all, "");
                let message = format!("`{option}` of `{}` is gone from {} and is removed", row.name, self.to);
                self.change(item.line, message, true);
            }
        }
    }

    fn section(&mut self, item: &Item, section: &Section) {
        let words = self.document.words(section.header);
        let Some((name, arguments)) = words.split_first() else { return };
        if section.kind == SectionKind::Anaconda && self.to == Release::Rhel10 {
            self.edit(item.span, "");
            self.change(item.line, "`%anaconda` is gone: password policies are set in the installer's configuration", true);
            return;
        }
        if section.kind == SectionKind::Traceback && !matches!(self.to, Release::Rhel7 | Release::Rhel8) {
            self.change(item.line, "`%traceback` is deprecated: `%onerror` runs at every error", true);
        }
        if section.kind.is_script() && self.from == Release::Rhel7 && self.to != Release::Rhel7 {
            let header = Span::new(name.span.start, section.body.start).of(self.document.text);
            if header.contains("/usr/bin/python") && !header.contains("python3") {
                self.change(item.line, format!("{} has no `/usr/bin/python`: port the script to Python 3", self.to), true);
            }
        }
        if let Some(row) = grammar::section(&name.value).filter(|row| !row.free.has(self.from)) {
            self.options(item, row, name, arguments);
        }
        if section.kind == SectionKind::Packages && self.from == Release::Rhel7 && self.to != Release::Rhel7 {
            self.packages(section);
        }
    }

    /// Environments that have another name from RHEL 8 on.
    fn packages(&mut self, section: &Section) {
        let text = self.document.text;
        let (mut at, mut line) = (section.body.start, section.body_line);
        while at < section.body.end {
            let end = line_end(text, at);
            if first_word(&text[at..end]) == "@^minimal" {
                let start = at + text[at..end].find('@').unwrap_or(0);
                self.edit(Span::new(start, start + "@^minimal".len()), "@^minimal-environment");
                self.change(line, "`@^minimal` becomes `@^minimal-environment`", false);
            }
            at = end;
            line += 1;
        }
    }
}

/// Which of the names of `row` the word means; it may be cut short.
fn used_name(row: &'static OptionRow, word: &str) -> &'static str {
    let typed = word.split('=').next().unwrap_or(word);
    let exact = row.names.iter().find(|name| **name == typed);
    exact.or_else(|| row.names.iter().find(|name| name.starts_with(typed))).copied().unwrap_or(row.names[0])
}
