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
    diagnostics: &'c mut Vec<Diagnostic>,
}

impl<'c> Sink<'c> {
    pub(crate) fn new(text: &'c str, diagnostics: &'c mut Vec<Diagnostic>) -> Self {
        Self { text, line: 1, diagnostics }
    }

    /// What follows is about line `number`.
    pub(crate) fn at_line(&mut self, number: usize) {
        self.line = number;
    }

    pub(crate) fn push(&mut self, severity: Severity, code: &'static str, message: String, span: Span, help: Option<String>) {
        let line_start = self.text[..span.start].rfind(['\n', '\r']).map_or(0, |before| before + 1);
        let column = column_at(self.text, line_start, span.start);
        self.diagnostics.push(Diagnostic { severity, code, message, span, line: self.line, column, help });
    }
}
