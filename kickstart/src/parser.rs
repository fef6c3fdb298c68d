//! Text → [`Document`], as Anaconda cuts a kickstart into commands and sections. Never fails.
//!
//! Called by [`crate::parse()`] and [`crate::check()`]. It knows the shape only: which words open a
//! section, where a section ends, how a line splits. What a command means is for the checks.
//! Where Anaconda gives up at a line, the parser reports an error there and reads on.

use crate::diagnostic::{Diagnostic, Severity};
use crate::document::{Document, Item, ItemKind, Section, SectionKind, Words};
use crate::lexer::{Comments, Flaw, Word, split};
use crate::python::{first_word, is_space, line_end, trim_line_end, trim_start};
use crate::source::Span;
use crate::suggest::nearest;

/// Reads a kickstart. The diagnostics are in the order of the lines they are about.
pub(crate) fn parse(text: &str) -> (Document<'_>, Vec<Diagnostic>) {
    let mut parser = Parser { text, at: 0, line: 0, words: Vec::with_capacity(text.len() / 12 + 8), diagnostics: Vec::new() };
    let items = parser.items();
    if items.iter().all(|item| item.kind == ItemKind::Blank) {
        parser.line = 1;
        parser.report("empty-kickstart", "the kickstart is empty", Span::new(0, 0), None);
    }
    (Document { text, words: parser.words, items }, parser.diagnostics)
}

struct Parser<'t> {
    text: &'t str,
    /// Where the next line starts.
    at: usize,
    /// Number of the line read last.
    line: usize,
    words: Vec<Word<'t>>,
    diagnostics: Vec<Diagnostic>,
}

impl Parser<'_> {
    /// The next line with its line break.
    fn next_line(&mut self) -> Option<Span> {
        if self.at >= self.text.len() {
            return None;
        }
        let span = Span::new(self.at, line_end(self.text, self.at));
        self.at = span.end;
        self.line += 1;
        Some(span)
    }

    fn report(&mut self, code: &'static str, message: &str, span: Span, help: Option<String>) {
        let line_start = self.text[..span.start].rfind(['\n', '\r']).map_or(0, |before| before + 1);
        let column = crate::source::column_at(self.text, line_start, span.start);
        self.diagnostics.push(Diagnostic {
            severity: Severity::Error,
            code,
            message: message.to_owned(),
            span,
            line: self.line.max(1),
            column,
            help,
            fix: None,
        });
    }

    /// Splits a line; on a flaw reports it and gives nothing.
    fn split(&mut self, line: Span, comments: Comments) -> Option<Words> {
        let first = self.words.len();
        match split(self.text, line, comments, &mut self.words) {
            Ok(()) => Some(Words { first, end: self.words.len() }),
            Err(flaw) => {
                self.words.truncate(first);
                match flaw {
                    Flaw::OpenQuote(at) => self.report(
                        "unclosed-quote",
                        "this quote is never closed",
                        Span::new(at, at + 1),
                        Some("close it on the same line, or put a backslash before it".to_owned()),
                    ),
                    Flaw::LoneBackslash(at) => self.report(
                        "lone-backslash",
                        "nothing follows this backslash",
                        Span::new(at, at + 1),
                        Some("a kickstart command cannot go on in the next line".to_owned()),
                    ),
                }
                None
            }
        }
    }

    fn items(&mut self) -> Vec<Item> {
        let mut items = Vec::with_capacity(self.text.len() / 24 + 4);
        while let Some(span) = self.next_line() {
            let line = self.line;
            let kind = self.item(span);
            items.push(Item { span: Span::new(span.start, self.at), line, kind });
        }
        items
    }

    fn item(&mut self, span: Span) -> ItemKind {
        let bare = trim_start(span.of(self.text));
        match bare.as_bytes().first() {
            None => return ItemKind::Blank,
            Some(b'#') => return ItemKind::Comment,
            Some(b'%') if bare.starts_with("%ksappend") => return self.append(span, bare),
            Some(_) => {}
        }
        let Some(words) = self.split(span, Comments::Cut) else {
            return ItemKind::Broken;
        };
        let name = match self.words.get(words.first) {
            Some(word) if word.value.is_empty() => {
                let span = word.span;
                self.report("empty-command", "the line starts with an empty word", span, None);
                return ItemKind::Broken;
            }
            Some(word) => word.value.clone(),
            None => return ItemKind::Blank,
        };
        if name == "%include" {
            self.include(words);
            return ItemKind::Include(words);
        }
        if name.starts_with('%') {
            return self.section(words, &name);
        }
        ItemKind::Command(words)
    }

    fn append(&mut self, span: Span, bare: &str) -> ItemKind {
        // Anaconda splits this line at single spaces, before it looks at anything else.
        if crate::python::trim_end(bare).split(' ').nth(1).is_none() {
            let span = Span::new(span.start, span.start + trim_line_end(span.of(self.text)).len());
            self.report(
                "append-without-address",
                "`%ksappend` needs an address",
                span,
                Some("write `%ksappend URL`, or remove the line".to_owned()),
            );
        }
        ItemKind::Append
    }

    fn include(&mut self, words: Words) {
        let file = self.words.get(words.first + 1).filter(|w| words.end > words.first + 1 && !w.value.is_empty());
        if file.is_none() {
            let span = self.words[words.first].span;
            self.report(
                "include-without-file",
                "`%include` needs a file",
                span,
                Some("write `%include FILE` or `%include URL`".to_owned()),
            );
        }
    }

    /// Reads on from a header line to the section's end.
    fn section(&mut self, header: Words, opener: &str) -> ItemKind {
        let opener_span = self.words[header.first].span;
        let opener_line = self.line;
        if opener == "%end" {
            self.report(
                "stray-end",
                "`%end` closes nothing: no section is open here",
                opener_span,
                Some("remove it, or open a section before it".to_owned()),
            );
            return ItemKind::Broken;
        }
        let kind = SectionKind::from_opener(opener).unwrap_or_else(|| {
            let help = nearest(opener, SectionKind::openers()).map_or_else(
                || {
                    "sections are %packages, %pre, %pre-install, %post, %onerror, %traceback, %addon, %anaconda and %certificate"
                        .to_owned()
                },
                |known| format!("did you mean `{known}`?"),
            );
            self.report("unknown-section", &format!("unknown section `{opener}`"), opener_span, Some(help));
            SectionKind::Unknown
        });
        let body_start = self.at;
        let body_line = self.line + 1;
        let (body_end, end) = self.body(opener);
        // A section that another one interrupts has been reported there.
        if end.is_none() && self.at >= self.text.len() {
            let reading = std::mem::replace(&mut self.line, opener_line);
            self.report(
                "unclosed-section",
                &format!("section `{opener}` does not end with `%end`"),
                opener_span,
                Some("put a line `%end` after its last line".to_owned()),
            );
            self.line = reading;
        }
        let body = Span::new(body_start, body_end);
        ItemKind::Section(Section { kind, header, body, body_line, end })
    }

    /// Skips the body of a section; gives its end and the line `%end` if there is one.
    fn body(&mut self, opener: &str) -> (usize, Option<Span>) {
        loop {
            let before = (self.at, self.line);
            let Some(span) = self.next_line() else {
                return (self.text.len(), None);
            };
            let line = span.of(self.text);
            // The common case first: a line of a script that does not start with `%`.
            match line.as_bytes()[0] {
                b'%' => {}
                byte if byte.is_ascii() && !is_space(char::from(byte)) => continue,
                _ if trim_start(line).starts_with('%') => {}
                _ => continue,
            }
            let word = first_word(line);
            let opens = SectionKind::from_opener(word).is_some();
            if word != "%end" && word != "%include" && !opens {
                continue;
            }
            let kept = self.words.len();
            let Some(words) = self.split(span, Comments::Keep) else {
                continue;
            };
            let first = self.words[words.first].value.clone();
            if first == "%include" {
                self.include(words);
            }
            self.words.truncate(kept);
            if first == "%end" {
                return (span.start, Some(span));
            }
            if SectionKind::from_opener(&first).is_some() {
                self.report(
                    "section-in-section",
                    &format!("`{first}` opens a section inside `{opener}`"),
                    Span::new(span.start, span.start + trim_line_end(line).len()),
                    Some(format!("close `{opener}` with `%end` first")),
                );
                (self.at, self.line) = before;
                return (span.start, None);
            }
        }
    }
}
