//! What the library has to say about a kickstart, and the place it says it about.

use std::borrow::Cow;
use std::fmt;

use crate::source::Span;

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
    /// A change to the text that mends it, where there is one.
    pub fix: Option<Fix>,
}

/// A change to the text that mends a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// The places that change, none touching another.
    pub edits: Vec<Edit>,
    /// Whether it may be made without asking.
    pub applicability: Applicability,
}

/// New text for one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// What goes away; empty where something is only added.
    pub span: Span,
    /// What comes in its place.
    pub replacement: String,
}

/// Whether a fix may be made without asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Applicability {
    /// The kickstart means the same afterwards.
    Safe,
    /// It probably means what was wanted; somebody should look.
    Unsafe,
}

impl Fix {
    /// Puts `replacement` in the place of `span`.
    pub(crate) fn replace(span: Span, replacement: impl Into<String>, applicability: Applicability) -> Self {
        Self { edits: vec![Edit { span, replacement: replacement.into() }], applicability }
    }

    /// Removes the whole line (or section) that `span` is.
    pub(crate) fn remove(span: Span, applicability: Applicability) -> Self {
        Self::replace(span, "", applicability)
    }

    /// Removes a word and the space before it.
    pub(crate) fn remove_word(text: &str, word: Span, applicability: Applicability) -> Self {
        let before = text.get(..word.start).unwrap_or_default();
        let start = before.trim_end_matches([' ', '\t']).len();
        Self::remove(Span::new(start, word.end), applicability)
    }

    /// Changes one more place too.
    pub(crate) fn and(mut self, span: Span, replacement: impl Into<String>) -> Self {
        self.edits.push(Edit { span, replacement: replacement.into() });
        self
    }
}

impl Diagnostic {
    /// Whether this is an error.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}[{}]: {}", self.line, self.column, self.severity, self.code, visible(&self.message))
    }
}

/// Text of a kickstart as people and terminals can be shown it: control characters are written as escapes.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let escape = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    Cow::Owned(text.chars().map(escape).collect())
}
