//! Diagnostics for a terminal or a log, in the manner of rustc: place, source line, caret, help.
//!
//! Source lines are shown with passwords, passphrases and keys blotted out.

use std::fmt::Write as _;

use crate::diagnostic::{Diagnostic, visible};
use crate::python::trim_line_end;

/// The most characters of a source line that are shown.
const WIDEST: usize = 160;

/// Renders all `diagnostics` about `text`, which came from the file `name`.
///
/// ```
/// use kickstart::{Release, check, report};
/// let text = "timezone --utc\nlagn en_US.UTF-8\n";
/// let found = check(text, Release::Rhel9);
/// let shown = report::text::render("web1.ks", text, found.diagnostics());
/// assert!(shown.starts_with("error[unknown-command]: unknown command `lagn` for rhel9\n --> web1.ks:2:1\n"));
/// ```
pub fn render(name: &str, text: &str, diagnostics: &[Diagnostic]) -> String {
    let mut out = String::new();
    for diagnostic in diagnostics {
        render_one(name, text, diagnostic, &mut out);
        out.push('\n');
    }
    out
}

fn render_one(name: &str, text: &str, diagnostic: &Diagnostic, out: &mut String) {
    let Diagnostic { severity, code, message, line, column, .. } = diagnostic;
    let number = line.to_string();
    let margin = " ".repeat(number.len());
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{severity}[{code}]: {}", visible(message));
    let _ = writeln!(out, "{margin}--> {}:{line}:{column}", visible(name));
    let start = diagnostic.span.start.min(text.len());
    let line_start = text.get(..start).and_then(|before| before.rfind(['\n', '\r'])).map_or(0, |before| before + 1);
    let source = &text[line_start..];
    let source = trim_line_end(&source[..crate::python::line_end(source, 0)]);
    let shown: String = blot(source).chars().take(WIDEST).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let _ = writeln!(out, "{margin} |");
    let _ = writeln!(out, "{number} | {shown}");
    let width = diagnostic.span.of(text).chars().count().max(1);
    let before = column - 1;
    if before < WIDEST {
        let carets = "^".repeat(width.min(WIDEST - before));
        let _ = writeln!(out, "{margin} | {}{carets}", " ".repeat(before));
    }
    if let Some(help) = &diagnostic.help {
        let _ = writeln!(out, "{margin} = help: {}", visible(help));
    }
}

/// Words of an option's name that mean its argument is a secret.
const SECRET_OPTIONS: &[&str] = &["pass", "activation-key", "secret", "token"];
/// Commands whose bare arguments are secrets.
const SECRET_COMMANDS: &[&str] = &["rootpw", "sshpw"];

/// The line with every secret replaced by as many `*`.
pub(crate) fn blot(line: &str) -> String {
    let command = line.split_whitespace().next().unwrap_or_default();
    let command_is_secret = SECRET_COMMANDS.contains(&command);
    let mut out = String::with_capacity(line.len());
    let mut value_is_secret = false;
    let mut first = true;
    let mut rest = line;
    while !rest.is_empty() {
        let space = rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len());
        out.push_str(&rest[..space]);
        rest = &rest[space..];
        let word = &rest[..word_end(rest)];
        rest = &rest[word.len()..];
        let (name, value) = match word.split_once('=') {
            Some((name, value)) if word.starts_with("--") => (name, Some(value)),
            _ => (word, None),
        };
        let is_option = name.starts_with("--");
        let secret_option = is_option && SECRET_OPTIONS.iter().any(|part| name.contains(part));
        let stars = |text: &str| "*".repeat(text.chars().count());
        if let (true, Some(value)) = (secret_option, value) {
            out.push_str(name);
            out.push('=');
            out.push_str(&stars(value));
        } else if !is_option && !first && (value_is_secret || command_is_secret) {
            out.push_str(&stars(word));
        } else {
            out.push_str(word);
        }
        value_is_secret = secret_option && value.is_none();
        first = false;
    }
    out
}

/// Where the word at the start of `text` ends; a quoted run is part of it.
fn word_end(text: &str) -> usize {
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match quote {
            _ if escaped => escaped = false,
            None if c.is_whitespace() => return at,
            None | Some('"') if c == '\\' => escaped = true,
            None if c == '"' || c == '\'' => quote = Some(c),
            Some(open) if c == open => quote = None,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_blotted_out_of_source_lines() {
        for (line, shown) in [
            ("rootpw --plaintext hunter2 x", "rootpw --plaintext ******* *"),
            ("rootpw \"a b\"", "rootpw *****"),
            ("user --name=a --password=abc --plaintext", "user --name=a --password=*** --plaintext"),
            ("user --password abc --name a", "user --password *** --name a"),
            ("part / --passphrase='a b' --size=1", "part / --passphrase=***** --size=1"),
            ("timezone Europe/Berlin --utc", "timezone Europe/Berlin --utc"),
        ] {
            assert_eq!(blot(line), shown);
        }
    }
}
