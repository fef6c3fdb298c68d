//! One line as the checks of its command see it, and where they put their findings.

use crate::diagnostic::{Diagnostic, Severity};
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

/// Takes findings; knows the line they are about.
pub(crate) struct Sink<'c> {
    text: &'c str,
    line: usize,
    line_span: Span,
    diagnostics: &'c mut Vec<Diagnostic>,
}

impl<'c> Sink<'c> {
    pub(crate) fn new(text: &'c str, diagnostics: &'c mut Vec<Diagnostic>) -> Self {
        Self { text, line: 1, line_span: Span::default(), diagnostics }
    }

    /// What follows is about line `number`, which starts where `span` starts.
    pub(crate) fn at_line(&mut self, number: usize, span: Span) {
        self.line = number;
        self.line_span = span;
    }

    /// Number of the line that findings are about.
    pub(crate) fn line(&self) -> usize {
        self.line
    }

    /// That line as written.
    pub(crate) fn line_text(&self) -> &'c str {
        self.line_span.of(self.text)
    }

    pub(crate) fn push(&mut self, severity: Severity, code: &'static str, message: String, span: Span, help: Option<String>) {
        let column = column_at(self.text, self.line_span.start, span.start);
        self.diagnostics.push(Diagnostic { severity, code, message, span, line: self.line, column, help });
    }
}
