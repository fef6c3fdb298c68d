//! Why a kickstart could not be rendered.

use std::fmt;

use crate::spec::TemplateName;

/// Why one machine's kickstart could not be rendered. `target` names it, as in ``VM `web1` ``.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// No such template.
    #[error("{target}: there is no template `{template}.ks.tera` in the site's templates/ nor among the shipped ones ({known})")]
    NoTemplate {
        /// The machine.
        target: String,
        /// What was asked for.
        template: TemplateName,
        /// Templates that there are.
        known: String,
    },
    /// The release has no kickstart grammar here.
    #[error("{target}: the kickstart release `{release}` of OS `{os}` is unknown; known are {known}")]
    UnknownRelease {
        /// The machine.
        target: String,
        /// Its OS.
        os: String,
        /// What the OS names.
        release: String,
        /// Releases that there are.
        known: String,
    },
    /// The spec lacks what the kickstart needs.
    #[error("{target}: {problem}")]
    Incomplete {
        /// The machine.
        target: String,
        /// What is missing.
        problem: String,
    },
    /// The template failed.
    #[error("{target}: template {place} failed: {problem}")]
    Template {
        /// The machine.
        target: String,
        /// File and line where known.
        place: String,
        /// What is wrong.
        problem: String,
    },
    /// The result is no valid kickstart for the release.
    #[error("{target}: the kickstart from template `{template}.ks.tera` is refused for {release}:{}", list(.problems))]
    Rejected {
        /// The machine.
        target: String,
        /// Its template.
        template: TemplateName,
        /// The release.
        release: String,
        /// All that is wrong, by line of the rendered text.
        problems: Vec<Problem>,
    },
}

/// One thing wrong with a rendered kickstart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where in the templates it came from, where that is known.
    pub template: Option<TemplatePlace>,
    /// Line of the rendered text, from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.template {
            Some(place) => write!(f, "{}:{}: {} (line {} of the kickstart)", place.file, place.line, self.message, self.line),
            None => write!(f, "line {}: {}", self.line, self.message),
        }
    }
}

/// A line of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplatePlace {
    /// The file, as a path a person can open, or the name of a shipped template.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
}

fn list(problems: &[Problem]) -> String {
    problems.iter().fold(String::new(), |mut text, problem| {
        text.push_str("\n  ");
        text.push_str(&problem.to_string());
        text
    })
}

/// All that is wrong with a site's templates.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the site's templates cannot be used:{}", list_templates(.0))]
pub struct TemplateErrors(pub Vec<TemplateError>);

/// One thing wrong with one template.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TemplateError {
    /// The file, as a path a person can open, or the name of a shipped template.
    pub file: String,
    /// The line, from 1, where known.
    pub line: Option<usize>,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.message),
            None => write!(f, "{}: {}", self.file, self.message),
        }
    }
}

fn list_templates(errors: &[TemplateError]) -> String {
    errors.iter().fold(String::new(), |mut text, error| {
        text.push_str("\n  ");
        text.push_str(&error.to_string());
        text
    })
}
