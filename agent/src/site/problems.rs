//! What is wrong and where, while a site or a settings file is being read: sources, spans, and the growing list.
//!
//! Positions stay byte offsets until the end; lines, columns and excerpts are worked out by [`super::error`] for what is
//! reported only, so that a good site pays nothing for them.

use std::cell::RefCell;
use std::collections::BTreeSet;

use camino::Utf8PathBuf;

/// A text that was read.
#[derive(Debug)]
pub(crate) struct Source {
    /// Path relative to the site, as shown.
    pub(crate) path: Utf8PathBuf,
    /// Its text.
    pub(crate) text: String,
}

/// A piece of a source, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span {
    /// Index of the source.
    pub(crate) source: u32,
    /// First byte.
    pub(crate) start: u32,
    /// One past the last byte.
    pub(crate) end: u32,
}

/// A value and where it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct At<T> {
    /// The value.
    pub(crate) value: T,
    /// Its place.
    pub(crate) span: Span,
}

/// A key of a table: left out, wrong (and already reported), or given.
///
/// `Bad` is kept apart from `Absent` so that one mistake gives one error: a wrong `size` is not also a missing one.
#[derive(Debug, Clone)]
pub(crate) enum Key<T> {
    /// Not there.
    Absent,
    /// There, wrong, and reported.
    Bad,
    /// There.
    Given(At<T>),
}

impl<T> Key<T> {
    /// The value, if there is a good one.
    pub(crate) fn get(&self) -> Option<&At<T>> {
        match self {
            Self::Given(at) => Some(at),
            Self::Absent | Self::Bad => None,
        }
    }

    /// The value without its place, if there is a good one.
    pub(crate) fn value(&self) -> Option<&T> {
        self.get().map(|at| &at.value)
    }

    /// `self`, or where it is left out, `other`.
    pub(crate) fn or<'a>(&'a self, other: &'a Self) -> &'a Self {
        if matches!(self, Self::Absent) { other } else { self }
    }

    /// Nothing was written, not even something wrong.
    pub(crate) fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }
}

/// Where a problem is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// A whole file or directory, by path relative to the site.
    Path(Utf8PathBuf),
    /// A source as a whole: something is missing from it.
    Whole(u32),
    /// A piece of a source.
    Span(Span),
}

impl From<Span> for Place {
    fn from(span: Span) -> Self {
        Self::Span(span)
    }
}

/// What kind of problem it is, as far as the report treats kinds differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The text is not TOML.
    Syntax,
    /// A key is missing; not reported for a file with syntax errors, where it may well be what could not be read.
    Missing,
    /// Anything else.
    Other,
}

/// One problem.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    pub(crate) place: Place,
    pub(crate) kind: Kind,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

impl Problem {
    /// A problem at `place`.
    pub(crate) fn new(place: impl Into<Place>, message: impl Into<String>) -> Self {
        Self { place: place.into(), kind: Kind::Other, message: message.into(), help: None }
    }

    /// The next thing to try.
    #[must_use]
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The next thing to try, if there is one to name.
    #[must_use]
    pub(crate) fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help;
        self
    }

    /// Marks it.
    #[must_use]
    pub(crate) fn kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }
}

/// The list.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    list: RefCell<Vec<Problem>>,
    incomplete: RefCell<BTreeSet<Utf8PathBuf>>,
}

impl Problems {
    /// Adds one.
    pub(crate) fn push(&self, problem: Problem) {
        self.list.borrow_mut().push(problem);
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.list.borrow().is_empty()
    }

    /// Says that a directory's listing is not to be trusted as complete, so that names missing from it are not reported.
    pub(crate) fn mark_incomplete(&self, directory: impl Into<Utf8PathBuf>) {
        self.incomplete.borrow_mut().insert(directory.into());
    }

    /// See [`Self::mark_incomplete`].
    pub(crate) fn is_incomplete(&self, directory: &str) -> bool {
        self.incomplete.borrow().iter().any(|d| d == directory)
    }

    /// All of them.
    pub(crate) fn into_list(self) -> Vec<Problem> {
        self.list.into_inner()
    }
}
