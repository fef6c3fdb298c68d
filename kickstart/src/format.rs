//! Writes a document in one spelling; see [`crate::format()`] for what changes and what does not.
//!
//! Called by [`crate::format()`]. A line is only written anew if its words fit its command, so that a
//! broken line comes out as broken as it was.

use std::borrow::Cow;

use crate::argparse::{Matched, Matcher, Shape, classify};
use crate::document::{Document, ItemKind, Section, SectionKind, Words};
use crate::grammar::{self, CommandRow, Count};
use crate::lexer::Word;
use crate::python::{is_space, line_end, trim_end, trim_line_end, trim_start};
use crate::release::Release;
use crate::source::Span;

/// The document as text in one spelling.
pub(crate) fn format(document: &Document<'_>, release: Release) -> String {
    let mut writer = Writer { out: String::with_capacity(document.text.len()), document, release, matcher: Matcher::default() };
    for item in &document.items {
        let text = item.span.of(document.text);
        match &item.kind {
            ItemKind::Blank => writer.blank(),
            ItemKind::Comment => writer.line(text.trim_matches(is_space)),
            ItemKind::Command(words) => writer.command(*words, item.span),
            ItemKind::Section(section) => writer.section(section, item.span),
            ItemKind::Include(_) | ItemKind::Append | ItemKind::Broken => writer.as_it_was(item.span),
        }
    }
    // One line end at the end, and no empty lines before it.
    while writer.out.ends_with("\n\n") {
        writer.out.pop();
    }
    writer.out
}

struct Writer<'w, 't> {
    out: String,
    document: &'w Document<'t>,
    release: Release,
    matcher: Matcher,
}

impl Writer<'_, '_> {
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
        let mut line = String::from(name.value.as_ref());
        write_arguments(row, self.release, arguments, &mut line);
        let end = arguments.last().unwrap_or(name).span.end;
        let comment = Span::new(end, span.end).of(text).trim_matches(is_space);
        if !comment.is_empty() {
            line.push_str("  ");
            line.push_str(comment);
        }
        Some(line)
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
            } else {
                self.line(entry);
                is_first = false;
            }
            at = end;
        }
    }
}

fn is_break(c: char) -> bool {
    matches!(c, '\n'..='\r' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn write_arguments(row: &'static CommandRow, release: Release, arguments: &[Word<'_>], line: &mut String) {
    let mut rest = arguments.iter().map(|word| word.value.as_ref());
    let mut after_dashes = false;
    while let Some(word) = rest.next() {
        line.push(' ');
        after_dashes |= word == "--";
        let shape = if after_dashes { None } else { classify(row, release, word) };
        let Some(Shape::Option { row: Some(option), value }) = shape else {
            line.push_str(&quote(word));
            continue;
        };
        let typed = word.split('=').next().unwrap_or(word);
        let full = option.names.iter().find(|name| **name == typed);
        let full = full.or_else(|| option.names.iter().find(|name| name.starts_with(typed)));
        line.push_str(full.copied().unwrap_or(typed));
        let value = match value {
            Some(from) => Some(&word[from..]),
            None if option.count == Count::One => rest.next(),
            None => None,
        };
        if let Some(value) = value {
            line.push('=');
            line.push_str(&quote(value));
        }
    }
}

/// The word with quotes where it needs them.
fn quote(word: &str) -> Cow<'_, str> {
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
