//! One JSON object a file, one a line, for programs.

use std::fmt::Write as _;

use crate::diagnostic::{Applicability, Diagnostic};

/// Renders all that was found in the file `name` as one line of JSON, without a line break.
///
/// Fields: `file`, `ok` (false if there is an error) and `diagnostics`, each with `severity`, `code`,
/// `line`, `column`, `end` and `start` (bytes), `message`, `help` (or null) and `fix` (or null): its
/// `applicability` (`safe` or `unsafe`) and `edits` (`start`, `end`, `text`).
///
/// ```
/// use kickstart::{Release, check, report};
/// let found = check("lagn en_US\n", Release::Rhel9);
/// let line = report::json::render("web1.ks", found.diagnostics());
/// assert!(line.starts_with(r#"{"file":"web1.ks","ok":false,"diagnostics":[{"severity":"error","code":"unknown-command","line":1,"#));
/// ```
pub fn render(name: &str, diagnostics: &[Diagnostic]) -> String {
    let ok = !diagnostics.iter().any(Diagnostic::is_error);
    let mut out = format!("{{\"file\":{},\"ok\":{ok},\"diagnostics\":[", quote(name));
    for (index, diagnostic) in diagnostics.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        render_one(diagnostic, &mut out);
    }
    out.push_str("]}");
    out
}

fn render_one(diagnostic: &Diagnostic, out: &mut String) {
    let Diagnostic { severity, code, message, span, line, column, help, fix } = diagnostic;
    let help = help.as_deref().map_or("null".to_owned(), quote);
    // Writing to a String cannot fail.
    let _ = write!(
        out,
        "{{\"severity\":\"{severity}\",\"code\":\"{code}\",\"line\":{line},\"column\":{column},\"start\":{},\"end\":{},\"message\":{},\"help\":{help},\"fix\":",
        span.start,
        span.end,
        quote(message),
    );
    let Some(fix) = fix else {
        out.push_str("null}");
        return;
    };
    let applicability = match fix.applicability {
        Applicability::Safe => "safe",
        Applicability::Unsafe => "unsafe",
    };
    let _ = write!(out, "{{\"applicability\":\"{applicability}\",\"edits\":[");
    for (index, edit) in fix.edits.iter().enumerate() {
        let comma = if index > 0 { "," } else { "" };
        let _ = write!(
            out,
            "{comma}{{\"start\":{},\"end\":{},\"text\":{}}}",
            edit.span.start,
            edit.span.end,
            quote(&edit.replacement)
        );
    }
    out.push_str("]}}");
}

/// A JSON string.
pub(super) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_escaped_as_json_wants_them() {
        assert_eq!(quote("a\"b\\c\n\u{1}é"), "\"a\\\"b\\\\c\\n\\u0001é\"");
    }
}
