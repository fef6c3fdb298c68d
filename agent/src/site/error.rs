//! The report: every mistake of every file, with place, source line and the next thing to try.
//!
//! Made once, at the end of a failed load, from what [`super::problems`] collected. Printed by `rekindle check` and whoever
//! else loads a site; `Display` is the text for people, [`SiteErrors::to_json`] the same for programs.

use std::fmt;

use camino::{Utf8Path, Utf8PathBuf};

use super::excerpt::{Excerpt, escape, excerpt};
use super::problems::{Kind, Place, Problem, Problems, Source};

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteError {
    /// The file, joined to the directory as the user gave it.
    pub file: Utf8PathBuf,
    /// Line and column, both from 1, the column in characters; none: the file as a whole.
    pub place: Option<(usize, usize)>,
    /// What is wrong.
    pub message: String,
    /// What to try.
    pub help: Option<String>,
    excerpt: Option<Excerpt>,
}

impl fmt::Display for SiteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "error: {}", self.message)?;
        let file = escape(self.file.as_str());
        let number = self.place.map_or_else(String::new, |(line, _)| line.to_string());
        let gutter = " ".repeat(number.len().max(1));
        match self.place {
            Some((line, column)) => writeln!(f, "{gutter}--> {file}:{line}:{column}")?,
            None => writeln!(f, "{gutter}--> {file}")?,
        }
        if let Some(excerpt) = &self.excerpt {
            writeln!(f, "{gutter} |")?;
            writeln!(f, "{}", format!("{number} | {}", excerpt.line).trim_end())?;
            writeln!(f, "{gutter} | {}{}", " ".repeat(excerpt.indent), "^".repeat(excerpt.carets))?;
        }
        if let Some(help) = &self.help {
            writeln!(f, "{gutter} = help: {help}")?;
        }
        Ok(())
    }
}

/// All mistakes of a site or of the agent's settings, by file and line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteErrors {
    errors: Vec<SiteError>,
}

impl SiteErrors {
    /// The report of `problems`, found in `sources` under `root`.
    pub(crate) fn new(root: &Utf8Path, sources: &[Source], problems: Problems) -> Self {
        let problems = without_echoes(sources, problems.into_list());
        let mut located: Vec<_> = problems.into_iter().map(|problem| locate(root, sources, problem)).collect();
        located.sort_by(|a, b| (&a.file, a.place, &a.message).cmp(&(&b.file, b.place, &b.message)));
        located.dedup();
        Self { errors: located }
    }

    /// A report of one mistake that has no place within a file.
    pub(crate) fn single(file: impl Into<Utf8PathBuf>, message: impl Into<String>, help: Option<String>) -> Self {
        Self { errors: vec![SiteError { file: file.into(), place: None, message: message.into(), help, excerpt: None }] }
    }

    /// The mistakes.
    pub fn errors(&self) -> &[SiteError] {
        &self.errors
    }

    /// Number of files that have mistakes.
    pub fn file_count(&self) -> usize {
        let mut files: Vec<_> = self.errors.iter().map(|e| &e.file).collect();
        files.dedup();
        files.len()
    }

    /// An array of `{file, line, column, message, help}`; `line`, `column` and `help` may be null.
    pub fn to_json(&self) -> serde_json::Value {
        self.errors
            .iter()
            .map(|e| {
                serde_json::json!({
                    "file": e.file.as_str(),
                    "line": e.place.map(|(line, _)| line),
                    "column": e.place.map(|(_, column)| column),
                    "message": e.message,
                    "help": e.help,
                })
            })
            .collect()
    }
}

impl fmt::Display for SiteErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for error in &self.errors {
            writeln!(f, "{error}")?;
        }
        let plural = |n: usize| if n == 1 { "" } else { "s" };
        let (errors, files) = (self.errors.len(), self.file_count());
        write!(f, "{errors} error{} in {files} file{}", plural(errors), plural(files))
    }
}

impl std::error::Error for SiteErrors {}

/// Drops what only echoes a syntax error: a key "missing" from a file that could not be read whole, and anything on the line
/// of a syntax error.
fn without_echoes(sources: &[Source], problems: Vec<Problem>) -> Vec<Problem> {
    let broken: Vec<(u32, Option<usize>)> = problems
        .iter()
        .filter(|p| p.kind == Kind::Syntax)
        .filter_map(|p| match p.place {
            Place::Span(span) => {
                Some((span.source, Some(position(&sources[span.source as usize].text, span.start as usize).line)))
            }
            Place::Whole(source) => Some((source, None)),
            Place::Path(_) => None,
        })
        .collect();
    if broken.is_empty() {
        return problems;
    }
    problems
        .into_iter()
        .filter(|problem| {
            let (source, line) = match problem.place {
                Place::Span(span) => {
                    let text = &sources[span.source as usize].text;
                    (span.source, Some(position(text, span.start as usize).line))
                }
                Place::Whole(source) => (source, None),
                Place::Path(_) => return true,
            };
            match problem.kind {
                Kind::Syntax => true,
                Kind::Missing => !broken.iter().any(|(s, _)| *s == source),
                Kind::Other => line.is_none() || !broken.contains(&(source, line)),
            }
        })
        .collect()
}

fn locate(root: &Utf8Path, sources: &[Source], problem: Problem) -> SiteError {
    let Problem { place, message, help, .. } = problem;
    let shown = |path: &Utf8Path| if root == "." || root == "" { path.to_owned() } else { root.join(path) };
    match place {
        Place::Path(path) if path == "" => SiteError { file: root.to_owned(), place: None, message, help, excerpt: None },
        Place::Path(path) => SiteError { file: shown(&path), place: None, message, help, excerpt: None },
        Place::Whole(source) => {
            SiteError { file: shown(&sources[source as usize].path), place: None, message, help, excerpt: None }
        }
        Place::Span(span) => {
            let Source { path, text } = &sources[span.source as usize];
            let at = position(text, span.start as usize);
            let line = &text[at.line_start..at.line_end];
            SiteError {
                file: shown(path),
                place: Some((at.line, at.column)),
                message,
                help,
                excerpt: Some(excerpt(line, span.start as usize - at.line_start, span.end as usize - at.line_start)),
            }
        }
    }
}

struct Position {
    line: usize,
    column: usize,
    line_start: usize,
    line_end: usize,
}

/// Line and column of the byte `at`; past the end counts as the end.
fn position(text: &str, at: usize) -> Position {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let line_start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let line_end = text[at..].find('\n').map_or(text.len(), |newline| at + newline);
    Position {
        line: text[..line_start].matches('\n').count() + 1,
        column: text[line_start..at].chars().count() + 1,
        line_start,
        line_end: if text[..line_end].ends_with('\r') && line_end > line_start { line_end - 1 } else { line_end },
    }
}
