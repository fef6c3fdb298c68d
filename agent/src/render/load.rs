//! Loads and checks templates: what can be known to be wrong before a VM is rendered is found here, all at once.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};
use tera::{ErrorKind, Tera};

use super::error::{TemplateError, TemplateErrors};
use super::functions;
use super::scan::{self, Names};
use super::schema::{Kind, Schema};
use super::shipped;

/// Compiled templates, and what they were compiled from.
pub(super) struct Loaded {
    pub(super) tera: Tera,
    /// Name and text of each.
    pub(super) templates: Vec<(String, String)>,
}

/// Compiles the shipped templates and those of the directory.
pub(super) fn load(directory: Option<&Utf8Path>) -> Result<Loaded, TemplateErrors> {
    let mut tera = Tera::new();
    functions::register(&mut tera);
    let mut errors = Vec::new();
    let mut templates: Vec<(String, String)> =
        shipped::TEMPLATES.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    if let Some(directory) = directory {
        read_directory(directory, directory, &mut templates, &mut errors);
    }
    tera.set_fallback_prefixes([shipped::PREFIX]).map_err(|error| one(shipped::PREFIX, &error))?;
    let site = Site { directory, templates };
    site.compile(&mut tera, &mut errors);
    errors.extend(site.unknown_names(&tera));
    if errors.is_empty() {
        return Ok(Loaded { tera, templates: site.templates });
    }
    errors.sort();
    errors.dedup();
    Err(TemplateErrors(errors))
}

/// All templates by name, those of a directory among them.
struct Site<'d> {
    directory: Option<&'d Utf8Path>,
    templates: Vec<(String, String)>,
}

impl Site<'_> {
    /// Compiles all. One bad file must not hide another: it is emptied, and the rest tried again.
    fn compile(&self, tera: &mut Tera, errors: &mut Vec<TemplateError>) {
        let mut left: Vec<(&str, &str)> = self.templates.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        while let Err(error) = tera.add_raw_templates(left.iter().copied()) {
            let bad: Vec<String> = match error.kind() {
                ErrorKind::SyntaxError(report) => {
                    errors.push(self.error(report.filename(), Some(report.span().start_line), report.message()));
                    vec![report.filename().to_owned()]
                }
                ErrorKind::MissingParent { current, parent } => {
                    let line = left.iter().find(|(name, _)| name == current).and_then(|(_, text)| scan::names(text).extends);
                    let message = format!("extends `{parent}`, which does not exist");
                    errors.push(self.error(current, line.map(|(line, _)| line), &message));
                    vec![current.clone()]
                }
                other => {
                    let reports = reports(&other.to_string());
                    errors.extend(reports.iter().map(|report| self.error(&report.name, report.line, &report.message)));
                    reports.into_iter().map(|report| report.name).collect()
                }
            };
            let before = left.iter().filter(|(_, text)| !text.is_empty()).count();
            for (name, text) in &mut left {
                if bad.iter().any(|bad| bad == name) {
                    *text = "";
                }
            }
            if left.iter().filter(|(_, text)| !text.is_empty()).count() == before {
                return;
            }
        }
    }

    /// Uses of variables and fields that do not exist.
    fn unknown_names(&self, tera: &Tera) -> Vec<TemplateError> {
        let schema = Schema::new();
        let scanned: Vec<(&str, Names)> = self.templates.iter().map(|(name, text)| (name.as_str(), scan::names(text))).collect();
        // A partial may use what the template that includes it has set.
        let bound: BTreeSet<&str> =
            scanned.iter().flat_map(|(_, names)| names.bindings.iter().map(|binding| binding.name.as_str())).collect();
        let mut errors = Vec::new();
        for (name, names) in &scanned {
            for used in &names.uses {
                if let Some(message) = unknown(&schema, names, &bound, &used.path) {
                    errors.push(self.error(name, Some(used.line), &message));
                }
            }
        }
        // What Tera finds and the scan did not, without a line.
        for (name, _) in &scanned {
            for variable in tera.get_template_variables(name).unwrap_or_default() {
                let seen = scanned.iter().any(|(_, names)| names.uses.iter().any(|used| used.path[0] == variable));
                if !seen && schema.variable(variable).is_none() && !bound.contains(variable) {
                    errors.push(self.error(name, None, &no_variable(&schema, variable)));
                }
            }
        }
        errors
    }

    /// An error about a template, with the file that a person can open.
    fn error(&self, name: &str, line: Option<usize>, message: &str) -> TemplateError {
        TemplateError { file: file_of(self.directory, name), line, message: message.to_owned() }
    }
}

/// The file of a template: a path that a person can open, or the name of a shipped one.
pub(super) fn file_of(directory: Option<&Utf8Path>, name: &str) -> String {
    match directory {
        Some(directory) if !name.starts_with(shipped::PREFIX) => directory.join(name).to_string(),
        _ => name.to_owned(),
    }
}

/// Why a path is unknown; none: it is known, or nothing can be said.
fn unknown(schema: &Schema, names: &Names, bound: &BTreeSet<&str>, path: &[String]) -> Option<String> {
    let (first, fields) = path.split_first()?;
    let mut kind = match binding(schema, names, first, 0) {
        Some(kind) => kind,
        None if bound.contains(first.as_str()) && schema.variable(first).is_none() => return None,
        None => match schema.variable(first) {
            Some(kind) => kind,
            None => return Some(no_variable(schema, first)),
        },
    };
    let mut so_far = first.clone();
    for field in fields {
        kind = match schema.field(&kind, field) {
            Some(kind) => kind,
            None => {
                let known = schema.names(Some(&kind));
                let has = if known.is_empty() { "it is no structure".to_owned() } else { format!("it has {}", known.join(", ")) };
                return Some(format!("`{so_far}` has no `{field}`{}; {has}", did_you_mean(field, &known)));
            }
        };
        so_far = format!("{so_far}.{field}");
    }
    None
}

/// What a name bound in this template stands for: an element of a known list, or unknown.
fn binding(schema: &Schema, names: &Names, name: &str, depth: usize) -> Option<Kind> {
    let mut found = names.bindings.iter().filter(|binding| binding.name == name);
    let first = found.next()?;
    // Bound to different things in different places: nothing can be said. Nor where bindings refer to each other.
    if depth > 8 || found.any(|other| other.element_of != first.element_of) {
        return Some(Kind::Unknown);
    }
    let Some((root, fields)) = first.element_of.as_ref().and_then(|path| path.split_first()) else { return Some(Kind::Unknown) };
    let mut kind = match binding(schema, names, root, depth + 1).or_else(|| schema.variable(root)) {
        Some(kind) => kind,
        None => return Some(Kind::Unknown),
    };
    for field in fields {
        kind = schema.field(&kind, field).unwrap_or(Kind::Unknown);
    }
    match kind {
        Kind::List(element) => Some(*element),
        _ => Some(Kind::Unknown),
    }
}

fn no_variable(schema: &Schema, name: &str) -> String {
    let known = schema.names(None);
    format!("there is no variable `{name}`{}; there are {}", did_you_mean(name, &known), known.join(", "))
}

fn did_you_mean(name: &str, known: &[&str]) -> String {
    let nearest = known.iter().map(|known| (strsim::damerau_levenshtein(name, known), known)).min();
    match nearest {
        Some((distance, known)) if distance <= 2 => format!(" (did you mean `{known}`?)"),
        _ => String::new(),
    }
}

/// One finding in Tera's text for several.
struct TeraReport {
    name: String,
    line: Option<usize>,
    message: String,
}

/// Tera joins findings about references into one text: paragraphs of `error: MESSAGE` and `--> NAME:LINE:COLUMN`.
fn reports(text: &str) -> Vec<TeraReport> {
    let one = |paragraph: &str| {
        let message = paragraph.lines().next().unwrap_or_default();
        let place = paragraph.lines().find_map(|line| line.trim_start().strip_prefix("--> ")).unwrap_or_default();
        let mut parts = place.rsplitn(3, ':');
        let line = parts.nth(1).and_then(|line| line.parse().ok());
        TeraReport {
            name: parts.next().unwrap_or("templates").to_owned(),
            line,
            message: message.strip_prefix("error: ").unwrap_or(message).to_owned(),
        }
    };
    text.split("\n\n").map(one).collect()
}

/// The text of `docs/template-variables.md`.
pub fn template_variables_markdown() -> String {
    Schema::new().markdown()
}

/// Names that a role can ask for.
pub(super) fn template_names(tera: &Tera) -> Vec<String> {
    let mut names: Vec<String> = tera
        .get_template_names()
        .map(|name| name.strip_prefix(shipped::PREFIX).unwrap_or(name))
        .filter(|name| !name.contains('/'))
        .filter_map(|name| name.strip_suffix(".ks.tera"))
        .map(|name| format!("`{name}`"))
        .collect();
    names.sort();
    names.dedup();
    names
}

fn read_directory(root: &Utf8Path, directory: &Utf8Path, into: &mut Vec<(String, String)>, errors: &mut Vec<TemplateError>) {
    let entries = match directory.read_dir_utf8() {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && root == directory => return,
        Err(error) => {
            errors.push(TemplateError { file: directory.to_string(), line: None, message: format!("cannot be read: {error}") });
            return;
        }
    };
    let mut paths: Vec<Utf8PathBuf> = entries.filter_map(Result::ok).map(|entry| entry.path().to_owned()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            read_directory(root, &path, into, errors);
        } else if path.as_str().ends_with(".ks.tera") {
            match std::fs::read_to_string(&path) {
                Ok(text) => into.push((path.strip_prefix(root).unwrap_or(&path).to_string(), text)),
                Err(error) => {
                    errors.push(TemplateError {
                        file: path.to_string(),
                        line: None,
                        message: format!("cannot be read: {error}"),
                    });
                }
            }
        }
    }
}

fn one(file: &str, error: &tera::Error) -> TemplateErrors {
    TemplateErrors(vec![TemplateError { file: file.to_owned(), line: None, message: error.to_string() }])
}
