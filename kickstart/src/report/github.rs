//! Workflow commands that GitHub shows beside the lines of a pull request.

use std::fmt::Write as _;

use crate::diagnostic::{Diagnostic, Severity, visible};

/// Renders one `::error …` line for each finding in the file `name`.
///
/// ```
/// use kickstart::{Release, check, report};
/// let found = check("lagn en_US\n", Release::Rhel9);
/// let lines = report::github::render("web1.ks", found.diagnostics());
/// assert!(lines.starts_with("::error file=web1.ks,line=1,col=1,title=unknown-command::unknown command"));
/// ```
pub fn render(name: &str, diagnostics: &[Diagnostic]) -> String {
    let mut out = String::new();
    for diagnostic in diagnostics {
        let command = match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => "notice",
        };
        let help = diagnostic.help.as_ref().map_or(String::new(), |help| format!("; {help}"));
        let Diagnostic { line, column, code, message, .. } = diagnostic;
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "::{command} file={},line={line},col={column},title={code}::{}",
            property(name),
            data(&format!("{message}{help}"))
        );
    }
    out
}

/// Text after the `::`.
fn data(text: &str) -> String {
    visible(text).replace('%', "%25")
}

/// The value of a property, where commas and colons mean something.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
