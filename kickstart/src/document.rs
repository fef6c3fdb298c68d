//! A kickstart as written: every line in order, comments and blank lines kept, a span for every word.
//!
//! Made by the parser, read by the checks. Lossless: the spans of the items cover the text without
//! gaps, so [`Document::write`] gives back the text byte for byte.

use std::ops::Range;

use crate::lexer::Word;
use crate::source::Span;

/// A parsed kickstart; borrows the text it was parsed from.
#[derive(Debug, Clone)]
pub struct Document<'t> {
    pub(crate) text: &'t str,
    pub(crate) words: Vec<Word<'t>>,
    pub(crate) items: Vec<Item>,
}

/// One line, or one section from its header to its `%end`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// All of its bytes, the last line break included.
    pub span: Span,
    /// Number of its first line, from 1.
    pub line: usize,
    /// What it is.
    pub kind: ItemKind,
}

/// What an item is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ItemKind {
    /// Nothing but space.
    Blank,
    /// `# …`
    Comment,
    /// A command and its arguments.
    Command(Words),
    /// `%include FILE` among the commands.
    Include(Words),
    /// `%ksappend URL`, which Anaconda replaces before it reads anything else.
    Append,
    /// `%packages`, `%post` and so on, up to `%end`.
    Section(Section),
    /// A line that cannot be split into words; the parser has said why.
    Broken,
}

/// The words of one line; read them with [`Document::words`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words {
    pub(crate) first: usize,
    pub(crate) end: usize,
}

impl Words {
    pub(crate) fn range(self) -> Range<usize> {
        self.first..self.end
    }
}

/// A section: its header line, its body, its `%end`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Which section the header opens.
    pub kind: SectionKind,
    /// The words of the header line, the opening word first.
    pub header: Words,
    /// Everything between the header line and the `%end` line.
    pub body: Span,
    /// Number of the first body line.
    pub body_line: usize,
    /// The `%end` line; `None` if the section is never closed.
    pub end: Option<Span>,
}

/// The sections Anaconda knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SectionKind {
    /// `%packages`
    Packages,
    /// `%pre`
    Pre,
    /// `%pre-install`
    PreInstall,
    /// `%post`
    Post,
    /// `%onerror`
    OnError,
    /// `%traceback`
    Traceback,
    /// `%addon`
    Addon,
    /// `%anaconda`
    Anaconda,
    /// `%certificate`
    Certificate,
    /// Anything else that starts with `%`; the parser has reported it.
    Unknown,
}

impl SectionKind {
    const KNOWN: [(&'static str, Self); 9] = [
        ("%packages", Self::Packages),
        ("%pre", Self::Pre),
        ("%pre-install", Self::PreInstall),
        ("%post", Self::Post),
        ("%onerror", Self::OnError),
        ("%traceback", Self::Traceback),
        ("%addon", Self::Addon),
        ("%anaconda", Self::Anaconda),
        ("%certificate", Self::Certificate),
    ];

    /// The section that `word` opens, if it is one that Anaconda knows.
    pub fn from_opener(word: &str) -> Option<Self> {
        Self::KNOWN.iter().find(|(opener, _)| *opener == word).map(|(_, kind)| *kind)
    }

    /// The word that opens a section of this kind.
    pub fn opener(self) -> &'static str {
        Self::KNOWN.iter().find(|(_, kind)| *kind == self).map_or("%", |(opener, _)| opener)
    }

    /// The words that open a section.
    pub fn openers() -> impl Iterator<Item = &'static str> {
        Self::KNOWN.iter().map(|(opener, _)| *opener)
    }

    /// Whether the body is a script.
    pub fn is_script(self) -> bool {
        matches!(self, Self::Pre | Self::PreInstall | Self::Post | Self::OnError | Self::Traceback)
    }
}

impl<'t> Document<'t> {
    /// The text this was parsed from.
    pub fn text(&self) -> &'t str {
        self.text
    }

    /// Lines and sections in order.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// The words of a command or a section header.
    pub fn words(&self, words: Words) -> &[Word<'t>] {
        self.words.get(words.range()).unwrap_or_default()
    }

    /// All commands: the line number and the words, the name of the command first.
    pub fn commands(&self) -> impl Iterator<Item = (usize, &[Word<'t>])> {
        self.items.iter().filter_map(|item| match item.kind {
            ItemKind::Command(words) => Some((item.line, self.words(words))),
            _ => None,
        })
    }

    /// All sections with the items they came from.
    pub fn sections(&self) -> impl Iterator<Item = (&Item, &Section)> {
        self.items.iter().filter_map(|item| match &item.kind {
            ItemKind::Section(section) => Some((item, section)),
            _ => None,
        })
    }

    /// The kickstart as text again, byte for byte what was parsed.
    pub fn write(&self) -> String {
        self.items.iter().map(|item| item.span.of(self.text)).collect()
    }
}
