//! What the library has to say about a kickstart, and the place it says it about.

use std::fmt;

use crate::source::{Span, column_at, line_at};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Works today; deprecated commands and options are warnings whose code starts with `deprecated`.
    Warning,
    /// The kickstart is refused: by `ksvalidator`, or by the installer.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// One finding. Values that may be secrets are never part of `message` or `help`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// Stable name of the kind of finding, such as `unknown-option`.
    pub code: &'static str,
    /// One sentence without a full stop.
    pub message: String,
    /// The bytes it is about.
    pub span: Span,
    /// Line of the span's first byte, from 1, counted as Anaconda counts lines.
    pub line: usize,
    /// Column of the span's first byte, in characters from 1.
    pub column: usize,
    /// What to do about it.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A finding about `span` of `text`; line and column are looked up there (linear in the text).
    pub fn new(severity: Severity, code: &'static str, message: impl Into<String>, text: &str, span: Span) -> Self {
        let (line, line_span) = line_at(text, span.start);
        let column = column_at(text, line_span.start, span.start);
        Self { severity, code, message: message.into(), span, line, column, help: None }
    }

    /// The same finding with a help text.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Whether this is an error.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}[{}]: {}", self.line, self.column, self.severity, self.code, self.message)
    }
}
