//! One line as the checks of its command see it, and where they put their findings.

use crate::diagnostic::{Diagnostic, Fix, Severity};
use crate::grammar::CommandRow;
use crate::lexer::Word;
use crate::release::Release;
use crate::source::{Span, column_at};

/// A command or section header with its words.
pub(crate) struct Line<'d, 't> {
    pub(crate) release: Release,
    pub(crate) row: &'static CommandRow,
    pub(crate) name: &'d Word<'t>,
    pub(crate) arguments: &'d [Word<'t>],
}

impl Line<'_, '_> {
    /// The span of an argument, or of the command's name if there is no such argument.
    pub(crate) fn span(&self, argument: usize) -> Span {
        self.arguments.get(argument).map_or(self.name.span, |word| word.span)
    }
}

/// The most findings about one line that are no errors: a line of a megabyte must not take for ever.
const MOST_MILD: usize = 16;

/// With more findings than this nobody is helped by another guess at what was meant.
const MOST_GUESSES: usize = 200;

/// Takes findings; knows the line they are about.
pub(crate) struct Sink<'c> {
    text: &'c str,
    line: usize,
    line_span: Span,
    /// Findings about this line that are no errors.
    mild: usize,
    /// The last finding was kept.
    is_kept: bool,
    diagnostics: &'c mut Vec<Diagnostic>,
}

impl<'c> Sink<'c> {
    pub(crate) fn new(text: &'c str, diagnostics: &'c mut Vec<Diagnostic>) -> Self {
        Self { text, line: 1, line_span: Span::default(), mild: 0, is_kept: false, diagnostics }
    }

    /// What follows is about line `number`, which starts where `span` starts.
    pub(crate) fn at_line(&mut self, number: usize, span: Span) {
        self.line = number;
        self.line_span = span;
        self.mild = 0;
    }

    /// Number of the line that findings are about.
    pub(crate) fn line(&self) -> usize {
        self.line
    }

    /// Whether a guess at what was meant is worth its time.
    pub(crate) fn may_guess(&self) -> bool {
        self.diagnostics.len() < MOST_GUESSES
    }

    /// That line as written.
    pub(crate) fn line_text(&self) -> &'c str {
        self.line_span.of(self.text)
    }

    pub(crate) fn push(&mut self, severity: Severity, code: &'static str, message: String, span: Span, help: Option<String>) {
        self.mild += usize::from(severity < Severity::Error);
        self.is_kept = severity == Severity::Error || self.mild <= MOST_MILD;
        if !self.is_kept {
            return;
        }
        let column = column_at(self.text, self.line_span.start, span.start);
        self.diagnostics.push(Diagnostic { severity, code, message, span, line: self.line, column, help, fix: None });
    }

    /// Adds to the last finding the change that mends it.
    pub(crate) fn fix(&mut self, fix: Fix) {
        if let Some(last) = self.diagnostics.last_mut().filter(|_| self.is_kept) {
            last.fix = Some(fix);
        }
    }

    /// The span of the whole line, its line break included.
    pub(crate) fn line_span(&self) -> Span {
        self.line_span
    }

    /// The text that is checked.
    pub(crate) fn text(&self) -> &'c str {
        self.text
    }
}
