//! Writes a document in one order and spelling; see [`crate::format()`] for what changes and what does not.
//!
//! Called by [`crate::format()`]. A line is only written anew if its words fit its command and mean the same afterwards, and lines
//! only change places where the whole kickstart is accepted, so that a broken one comes out as broken as it was. `order` says what
//! comes where.

use std::borrow::Cow;

use crate::argparse::{Matched, Matcher};
use crate::check;
use crate::document::{Document, Item, ItemKind, Section, SectionKind, Words};
use crate::grammar::{self, CommandRow, OptionRow};
use crate::lexer::{Comments, Word, split};
use crate::order::{self, Place};
use crate::python::{is_space, line_end, trim_end, trim_line_end, trim_start};
use crate::release::Release;
use crate::source::Span;

/// The text as it is read, in one order and spelling.
pub(crate) fn format(text: &str, release: Release) -> String {
    let (document, mut found) = crate::parser::parse(text);
    check::check_document(&document, release, &mut found);
    let is_ok = |found: &[crate::Diagnostic]| !found.iter().any(crate::Diagnostic::is_error);
    if is_ok(&found) {
        let ordered = in_order(&document, release);
        // An order that turns out to matter after all is kept.
        if crate::check(&ordered, release).is_ok() {
            return ordered;
        }
    }
    as_written(&document, release)
}

/// Every line where it is.
fn as_written(document: &Document<'_>, release: Release) -> String {
    let mut writer = Writer::new(document, release);
    for item in &document.items {
        match &item.kind {
            ItemKind::Blank => writer.blank(),
            ItemKind::Comment => writer.line(comment(document, item)),
            _ => writer.item(item),
        }
    }
    writer.finish()
}

fn comment<'t>(document: &Document<'t>, item: &Item) -> &'t str {
    item.span.of(document.text).trim_matches(is_space)
}

/// A command or section with the comments above it.
struct Entry<'t, 'd> {
    item: &'d Item,
    /// `None` stays where it is, and nothing passes it: what an included file says may count before or after a line.
    place: Option<Place>,
    comments: Vec<&'t str>,
    after_blank: bool,
}

/// Every line in its place.
fn in_order(document: &Document<'_>, release: Release) -> String {
    let mut entries: Vec<Entry<'_, '_>> = Vec::new();
    let mut comments = Vec::new();
    let mut after_blank = false;
    // What comes before the first entry, up to its last empty line, is about the whole file.
    let mut head: Vec<&str> = Vec::new();
    for item in &document.items {
        let place = match &item.kind {
            ItemKind::Blank if entries.is_empty() => {
                head.append(&mut comments);
                head.push("");
                continue;
            }
            ItemKind::Blank => {
                after_blank |= comments.is_empty();
                continue;
            }
            ItemKind::Comment => {
                comments.push(comment(document, item));
                continue;
            }
            ItemKind::Command(words) => document.words(*words).first().map(|name| order::of_command(&name.value)),
            ItemKind::Section(section) => Some(order::of_section(section.kind)),
            ItemKind::Include(_) | ItemKind::Append | ItemKind::Broken => None,
        };
        entries.push(Entry { item, place, comments: std::mem::take(&mut comments), after_blank });
        after_blank = false;
    }
    let first = entries.first().map(|entry| entry.item.line);
    for run in entries.chunk_by_mut(|a, b| a.place.is_some() && b.place.is_some()) {
        run.sort_by_key(|entry| entry.place);
    }
    // A comment at the head that is about the file stays there when the line below it moves.
    if entries.first().map(|entry| entry.item.line) != first
        && let Some(moved) = entries.iter_mut().find(|entry| Some(entry.item.line) == first)
        && !moved.comments.iter().any(|comment| comment.contains("rekindle:"))
    {
        head.append(&mut moved.comments);
        head.push("");
    }
    let mut writer = Writer::new(document, release);
    for line in head {
        if line.is_empty() { writer.blank() } else { writer.line(line) }
    }
    let mut last: Option<Place> = None;
    for (index, entry) in entries.iter().enumerate() {
        let is_section = matches!(entry.item.kind, ItemKind::Section(_));
        let same_group = last.zip(entry.place).is_some_and(|(last, place)| last.group == place.group) && !is_section;
        if index > 0 && (entry.after_blank || !same_group) {
            writer.blank();
        }
        entry.comments.iter().for_each(|comment| writer.line(comment));
        writer.item(entry.item);
        last = entry.place;
    }
    if !comments.is_empty() {
        writer.blank();
        comments.iter().for_each(|comment| writer.line(comment));
    }
    writer.finish()
}

struct Writer<'w, 't> {
    out: String,
    document: &'w Document<'t>,
    release: Release,
    matcher: Matcher,
}

impl<'w, 't> Writer<'w, 't> {
    fn new(document: &'w Document<'t>, release: Release) -> Self {
        Self { out: String::with_capacity(document.text.len()), document, release, matcher: Matcher::default() }
    }

    /// Anything but a comment or an empty line.
    fn item(&mut self, item: &Item) {
        match &item.kind {
            ItemKind::Command(words) => self.command(*words, item.span),
            ItemKind::Section(section) => self.section(section, item.span),
            _ => self.as_it_was(item.span),
        }
    }

    fn finish(mut self) -> String {
        // One line end at the end, and no empty lines before it.
        while self.out.ends_with("\n\n") {
            self.out.pop();
        }
        self.out
    }

    fn line(&mut self, text: &str) {
        self.out.push_str(text);
        self.out.push('\n');
    }

    /// At most one empty line, and none at the start.
    fn blank(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with("\n\n") {
            self.out.push('\n');
        }
    }

    /// A line unchanged but for its line end. A line end that Python knows and the lexer does not is
    /// part of the last word, and stays; so does one behind a backslash.
    fn as_it_was(&mut self, span: Span) {
        let text = span.of(self.document.text);
        let bare = trim_line_end(text);
        if matches!(&text[bare.len()..], "" | "\n" | "\r" | "\r\n") && !bare.ends_with('\\') {
            self.line(bare);
        } else {
            self.out.push_str(text);
        }
    }

    fn command(&mut self, words: Words, span: Span) {
        let row = self.document.words(words).first().and_then(|name| grammar::command(&name.value)).map(|(_, row)| row);
        match self.rewrite(row, words, span) {
            Some(line) => self.line(&line),
            None => self.as_it_was(span),
        }
    }

    /// A command line or section header in one spelling; nothing if its words do not fit.
    fn rewrite(&mut self, row: Option<&'static CommandRow>, words: Words, span: Span) -> Option<String> {
        let text = self.document.text;
        let (name, arguments) = self.document.words(words).split_first()?;
        let known = row.filter(|row| row.releases.has(self.release) && !row.free.has(self.release));
        let row = known.filter(|row| !row.removed.has(self.release) && !row.deprecated.has(self.release))?;
        let mut matched = Matched::default();
        let is_plain = |word: &Word<'_>| !word.value.contains(is_break);
        if self.matcher.run(row, self.release, arguments, &mut matched).is_err() || !arguments.iter().all(is_plain) {
            return None;
        }
        let mut line = self.canonical(row, name, arguments, &matched)?;
        let end = arguments.last().unwrap_or(name).span.end;
        let comment = Span::new(end, span.end).of(text).trim_matches(is_space);
        if !comment.is_empty() {
            line.push_str("  ");
            line.push_str(comment);
        }
        Some(line)
    }

    /// The line with its words first and its options after them, if that means the same.
    fn canonical(
        &mut self,
        row: &'static CommandRow,
        name: &Word<'_>,
        arguments: &[Word<'_>],
        matched: &Matched<'_>,
    ) -> Option<String> {
        // A word that no option took is a mistake, but for the members of an array or a group.
        let is_mistake = |word: &usize| !check::takes_extras(row.object) || arguments[*word].value.starts_with('-');
        if matched.extras.iter().any(is_mistake) {
            return None;
        }
        let (words, mut options) = parts(arguments, matched);
        options.sort_by_key(|(option, _)| order::of_option(row, option));
        let mut line = String::from(if name.value == "partition" { "part" } else { name.value.as_ref() });
        let has_dash = words.iter().any(|word| word.starts_with('-'));
        let put_words = |line: &mut String| words.iter().for_each(|word| line.extend([" ", &quote(word)]));
        if !has_dash {
            put_words(&mut line);
        }
        for (option, value) in &options {
            line.extend([" ", canonical_name(option)]);
            if let Some(value) = value {
                line.extend(["=", &quote(value)]);
            }
        }
        if has_dash {
            line.push_str(" --");
            put_words(&mut line);
        }
        let mut again = Vec::new();
        split(&line, Span::new(0, line.len()), Comments::Cut, &mut again).ok()?;
        let (_, again) = again.split_first()?;
        let mut rematched = Matched::default();
        self.matcher.run(row, self.release, again, &mut rematched).ok()?;
        let (new_words, new_options) = parts(again, &rematched);
        (new_words == words && new_options == options).then_some(line)
    }

    fn section(&mut self, section: &Section, span: Span) {
        let text = self.document.text;
        let opener = self.document.words(section.header).first().and_then(|name| grammar::section(&name.value));
        let header = Span::new(span.start, section.body.start);
        match self.rewrite(opener, section.header, header) {
            Some(line) => self.line(&line),
            None => self.as_it_was(header),
        }
        if section.kind == SectionKind::Packages {
            self.packages(section.body);
        } else {
            self.out.push_str(section.body.of(text));
            // Only a body that ends with the text has no line end.
            if !self.out.ends_with('\n') && section.end.is_none() {
                self.out.push('\n');
            }
        }
        if let Some(end) = section.end {
            let end = trim_line_end(end.of(text)).trim_matches(is_space);
            self.line(end);
        }
    }

    fn packages(&mut self, body: Span) {
        let text = self.document.text;
        let mut at = body.start;
        let mut is_first = true;
        while at < body.end {
            let end = line_end(text, at);
            let entry = trim_end(trim_start(&text[at..end]));
            if entry.is_empty() {
                if !is_first {
                    self.blank();
                }
            } else if entry.starts_with('%') {
                // Without the spaces around it this might become the section's end.
                self.as_it_was(Span::new(at, end));
                is_first = false;
            } else {
                self.line(entry);
                is_first = false;
            }
            at = end;
        }
    }
}

pub(crate) fn is_break(c: char) -> bool {
    matches!(c, '\n'..='\r' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

type Options<'d> = Vec<(&'static OptionRow, Option<&'d str>)>;

/// The words that are no options, and the options with their values.
fn parts<'d>(arguments: &'d [Word<'_>], matched: &Matched<'d>) -> (Vec<&'d str>, Options<'d>) {
    let mut words: Vec<(usize, &str)> = matched.extras.iter().map(|word| (*word, arguments[*word].value.as_ref())).collect();
    let mut options = Vec::new();
    for taken in &matched.taken {
        if taken.row.names.is_empty() {
            words.extend(taken.value.map(|value| (taken.word, value)));
        } else {
            options.push((taken.row, taken.value));
        }
    }
    words.sort_by_key(|(word, _)| *word);
    (words.into_iter().map(|(_, word)| word).collect(), options)
}

/// The name that the manuals use.
fn canonical_name(option: &OptionRow) -> &'static str {
    match option.names[0] {
        "--disable" => "--disabled",
        "--enable" => "--enabled",
        name => name,
    }
}

/// The word with quotes where it needs them.
pub(crate) fn quote(word: &str) -> Cow<'_, str> {
    let needs_quotes = |c: char| matches!(c, ' ' | '\t' | '\'' | '"' | '\\' | '#');
    if !word.is_empty() && !word.contains(needs_quotes) {
        return Cow::Borrowed(word);
    }
    let mut quoted = String::with_capacity(word.len() + 2);
    quoted.push('"');
    for c in word.chars() {
        if matches!(c, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    Cow::Owned(quoted)
}
