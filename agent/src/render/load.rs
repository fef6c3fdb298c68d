//! Loads and checks templates: what can be known to be wrong before a VM is rendered is found here, all at once.

use camino::{Utf8Path, Utf8PathBuf};
use tera::{ErrorKind, Tera};

use super::error::{TemplateError, TemplateErrors};
use super::functions;
use super::shipped;

/// Compiles the shipped templates and those of the directory.
pub(super) fn load(directory: Option<&Utf8Path>) -> Result<Tera, TemplateErrors> {
    let mut tera = Tera::new();
    functions::register(&mut tera);
    let mut errors = Vec::new();
    let mut templates: Vec<(String, String)> =
        shipped::TEMPLATES.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    if let Some(directory) = directory {
        read_directory(directory, directory, &mut templates, &mut errors);
    }
    tera.set_fallback_prefixes([shipped::PREFIX]).map_err(|error| one(shipped::PREFIX, &error))?;
    // One bad file must not hide another: empty it and try again.
    while let Err(error) = tera.add_raw_templates(templates.iter().map(|(name, text)| (name.as_str(), text.as_str()))) {
        errors.push(describe(directory, &error));
        let ErrorKind::SyntaxError(report) = error.kind() else { break };
        let Some((_, text)) = templates.iter_mut().find(|(name, _)| name == report.filename()) else { break };
        text.clear();
    }
    if errors.is_empty() {
        return Ok(tera);
    }
    errors.sort();
    Err(TemplateErrors(errors))
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

/// The file that a person can open behind a template's name.
pub(super) fn file_of(directory: Option<&Utf8Path>, name: &str) -> String {
    match directory {
        Some(directory) if !name.starts_with(shipped::PREFIX) => directory.join(name).to_string(),
        _ => name.to_owned(),
    }
}

fn describe(directory: Option<&Utf8Path>, error: &tera::Error) -> TemplateError {
    match error.kind() {
        ErrorKind::SyntaxError(report) => TemplateError {
            file: file_of(directory, report.filename()),
            line: Some(report.span().start_line),
            message: report.message().to_owned(),
        },
        ErrorKind::MissingParent { current, parent } => TemplateError {
            file: file_of(directory, current),
            line: None,
            message: format!("extends `{parent}`, which does not exist"),
        },
        other => TemplateError {
            file: directory.map_or_else(|| "shipped templates".to_owned(), ToString::to_string),
            line: None,
            message: other.to_string(),
        },
    }
}

fn one(file: &str, error: &tera::Error) -> TemplateErrors {
    TemplateErrors(vec![TemplateError { file: file.to_owned(), line: None, message: error.to_string() }])
}
