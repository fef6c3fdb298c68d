//! Text from strangers made safe to show: escapes, shortened lines, hidden secrets.
//!
//! Everything that a report quotes goes through here, so that a file cannot move the cursor, reorder a line by bidirectional
//! control characters, or make a password hash appear in a log.

use std::fmt::Write as _;

/// Longest piece of a line that a report quotes, in characters.
const LINE_MAX: usize = 120;
/// Longest value that a message quotes, in characters.
const VALUE_MAX: usize = 60;
/// Shown in place of a secret.
const HIDDEN: &str = "(hidden)";

/// Whether a terminal or a browser may do something with `c` other than draw it.
pub(crate) fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00ad}' | '\u{061c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// `text` with control, bidirectional and invisible characters written as `\u{…}`.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        push_escaped(&mut out, c);
    }
    out
}

fn push_escaped(out: &mut String, c: char) {
    match c {
        '\t' => out.push_str("\\t"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        c if is_unsafe(c) => {
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        }
        c => out.push(c),
    }
}

/// A value as a message quotes it: escaped, in backticks, cut after 60 characters.
pub(crate) fn quote(value: &str) -> String {
    let mut out = String::from("`");
    for (n, c) in value.chars().enumerate() {
        if n == VALUE_MAX {
            out.push('…');
            break;
        }
        push_escaped(&mut out, c);
    }
    out.push('`');
    out
}

/// Whether `line` may hold a secret: by the name of its key, or by the look of its value.
fn holds_secret(line: &str) -> bool {
    let lower = line.to_ascii_lowercase();
    ["password", "passwd", "passphrase", "secret", "token", "private", "credential"].iter().any(|word| lower.contains(word))
        || ["$1$", "$5$", "$6$", "$y$", "$2a$", "$2b$", "$2y$", "$gy$", "$7$", "ENC[", "BEGIN "]
            .iter()
            .any(|mark| line.contains(mark))
}

/// A source line ready to print, with the carets that go under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Excerpt {
    /// The line, safe to print.
    pub(crate) line: String,
    /// Columns before the carets.
    pub(crate) indent: usize,
    /// Number of carets, at least one.
    pub(crate) carets: usize,
}

/// The line `line` with bytes `from..to` of it marked. Offsets are cut to the line.
pub(crate) fn excerpt(line: &str, from: usize, to: usize) -> Excerpt {
    let floor = |mut at: usize| {
        at = at.min(line.len());
        while !line.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let (from, to) = (floor(from), floor(to.max(from)));
    if holds_secret(line) {
        // The key may be shown, and nothing right of it; without a key, nothing at all.
        let key = line.split_once('=').map(|(key, _)| key.trim_end()).filter(|key| is_plain_key(key));
        let line = key.map_or_else(|| HIDDEN.to_owned(), |key| format!("{key} = {HIDDEN}"));
        let indent = line.len() - HIDDEN.len();
        return Excerpt { line, indent, carets: HIDDEN.len() };
    }
    // A long line is cut to a window that begins shortly before the mark.
    let before = line[..from].chars().count();
    let skip = if before > LINE_MAX * 2 / 3 { before - LINE_MAX / 3 } else { 0 };
    let mut out = String::new();
    if skip > 0 {
        out.push('…');
    }
    let (mut indent, mut end) = (None, None);
    for (taken, (at, c)) in line.char_indices().skip(skip).enumerate() {
        if at >= from && indent.is_none() {
            indent = Some(out.chars().count());
        }
        if at >= to && end.is_none() {
            end = Some(out.chars().count());
        }
        if taken == LINE_MAX {
            out.push('…');
            break;
        }
        // A tab becomes one blank: the caret below must line up on any terminal.
        if c == '\t' { out.push(' ') } else { push_escaped(&mut out, c) }
    }
    let width = out.chars().count();
    let indent = indent.unwrap_or(width);
    let end = end.unwrap_or(width);
    Excerpt { carets: end.saturating_sub(indent).max(1), line: out, indent }
}

fn is_plain_key(key: &str) -> bool {
    key.len() <= 60 && key.chars().all(|c| c.is_ascii_alphanumeric() || "_-. \"".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_excerpt(line: &str, marked: &str, expected: &str, under: &str) {
        let from = line.find(marked).expect("marked text is in the line");
        let got = excerpt(line, from, from + marked.len());
        assert_eq!(got.line, expected);
        let covered: String = got.line.chars().skip(got.indent).take(got.carets).collect();
        assert_eq!(covered, under);
    }

    #[test]
    fn the_mark_covers_the_value_also_after_tabs_and_escapes() {
        check_excerpt("role = \"x\"", "\"x\"", "role = \"x\"", "\"x\"");
        check_excerpt("\trole\t= 'é' # ü", "'é'", " role = 'é' # ü", "'é'");
        check_excerpt("a = '\u{202e}' b", "b", "a = '\\u{202e}' b", "b");
    }

    #[test]
    fn secrets_are_never_in_an_excerpt() {
        check_excerpt("password_hash = \"$6$abc$def\" # hi", "$6$abc", "password_hash = (hidden)", "(hidden)");
        check_excerpt("x = [ \"$6$abc$def\" ]", "$6$abc", "x = (hidden)", "(hidden)");
        check_excerpt("  \"$y$j9T$abc\",", "$y$", "(hidden)", "(hidden)");
        check_excerpt("db_token='abc'", "abc", "db_token = (hidden)", "(hidden)");
        // `=` inside the value must not make the value's head look like a key.
        check_excerpt("$6$rounds=5000$abc", "abc", "(hidden)", "(hidden)");
    }

    #[test]
    fn a_long_line_is_cut_around_the_mark() {
        let line = format!("{}MARK{}", "a".repeat(5000), "b".repeat(5000));
        let got = excerpt(&line, 5000, 5004);
        assert!(got.line.chars().count() < 130, "{}", got.line);
        assert_eq!(got.line.chars().skip(got.indent).take(got.carets).collect::<String>(), "MARK");
    }

    #[test]
    fn offsets_outside_the_line_or_inside_a_character_do_not_panic() {
        for (from, to) in [(0, 0), (1, 2), (100, 200), (2, 1)] {
            let got = excerpt("é = 1", from, to);
            assert!(got.carets >= 1);
        }
        assert_eq!(excerpt("", 0, 0), Excerpt { line: String::new(), indent: 0, carets: 1 });
    }

    #[test]
    fn quoted_values_are_escaped_and_short() {
        assert_eq!(quote("a\u{1b}[31mb\n\u{202e}c\u{0}"), "`a\\u{1b}[31mb\\n\\u{202e}c\\u{0}`");
        assert_eq!(quote(&"x".repeat(300)).chars().count(), 63);
    }
}
