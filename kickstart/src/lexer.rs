//! Splits one line into words the way Python's `shlex.split` does in POSIX mode.
//!
//! Called by the parser for each command line and section header. Words without quotes or
//! backslashes are slices of the text; only the others are copied.

use std::borrow::Cow;

use crate::source::Span;

/// One word of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word<'t> {
    /// Where it stands in the text, quotes included.
    pub span: Span,
    /// What it means once quotes and backslashes are gone.
    pub value: Cow<'t, str>,
}

/// Why a line cannot be split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// A quote opened at this byte is never closed.
    OpenQuote(usize),
    /// The backslash at this byte is the last character.
    LoneBackslash(usize),
}

/// Whether `#` starts a comment, in the middle of a word too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comments {
    Cut,
    Keep,
}

/// Appends the words of `text[line]` to `words`; on a flaw the words before it stay there.
pub(crate) fn split<'t>(text: &'t str, line: Span, comments: Comments, words: &mut Vec<Word<'t>>) -> Result<(), Flaw> {
    let bytes = &text.as_bytes()[..line.end];
    let mut at = line.start;
    loop {
        while at < bytes.len() && matches!(bytes[at], b' ' | b'\t' | b'\r' | b'\n') {
            at += 1;
        }
        if at == bytes.len() || (bytes[at] == b'#' && comments == Comments::Cut) {
            return Ok(());
        }
        let start = at;
        while at < bytes.len() && is_plain(bytes[at], comments) {
            at += 1;
        }
        if at < bytes.len() && matches!(bytes[at], b'\'' | b'"' | b'\\') {
            let (value, end) = unquote(&text[..line.end], start, at, comments)?;
            words.push(Word { span: Span::new(start, end), value: Cow::Owned(value) });
            at = end;
        } else {
            words.push(Word { span: Span::new(start, at), value: Cow::Borrowed(&text[start..at]) });
        }
    }
}

fn is_plain(byte: u8, comments: Comments) -> bool {
    match byte {
        b' ' | b'\t' | b'\r' | b'\n' | b'\'' | b'"' | b'\\' => false,
        b'#' => comments == Comments::Keep,
        _ => true,
    }
}

/// Reads the word that starts at `start` and has its first quote or backslash at `at`.
/// Gives its value and its end.
fn unquote(text: &str, start: usize, mut at: usize, comments: Comments) -> Result<(String, usize), Flaw> {
    let bytes = text.as_bytes();
    let mut value = String::from(&text[start..at]);
    while at < bytes.len() {
        match bytes[at] {
            b' ' | b'\t' | b'\r' | b'\n' => break,
            b'#' if comments == Comments::Cut => break,
            b'\\' => {
                let next = text[at + 1..].chars().next().ok_or(Flaw::LoneBackslash(at))?;
                value.push(next);
                at += 1 + next.len_utf8();
            }
            quote @ (b'\'' | b'"') => at = unquote_run(text, at, quote, &mut value)?,
            _ => {
                let plain = bytes[at..].iter().take_while(|b| is_plain(**b, comments)).count();
                value.push_str(&text[at..at + plain]);
                at += plain;
            }
        }
    }
    Ok((value, at))
}

/// Reads a quoted run that opens at `open`; gives the byte after its closing quote.
fn unquote_run(text: &str, open: usize, quote: u8, value: &mut String) -> Result<usize, Flaw> {
    let bytes = text.as_bytes();
    let mut at = open + 1;
    loop {
        let run = at;
        while at < bytes.len() && bytes[at] != quote && bytes[at] != b'\\' {
            at += 1;
        }
        value.push_str(&text[run..at]);
        if at == bytes.len() {
            return Err(Flaw::OpenQuote(open));
        }
        if bytes[at] == quote {
            return Ok(at + 1);
        }
        if quote == b'\'' {
            value.push('\\');
            at += 1;
            continue;
        }
        // A backslash between double quotes goes away only before a quote or a backslash.
        let next = text[at + 1..].chars().next().ok_or(Flaw::LoneBackslash(at))?;
        if next != '"' && next != '\\' {
            value.push('\\');
        }
        value.push(next);
        at += 1 + next.len_utf8();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_split(line: &str, expected: &[&str]) {
        let mut words = Vec::new();
        split(line, Span::new(0, line.len()), Comments::Cut, &mut words).expect("splits");
        let values: Vec<&str> = words.iter().map(|w| w.value.as_ref()).collect();
        assert_eq!(values, expected, "{line:?}");
    }

    #[test]
    fn words_split_as_shlex_splits_them() {
        check_split("part / --size=1\n", &["part", "/", "--size=1"]);
        check_split("a 'b c' \"d e\"", &["a", "b c", "d e"]);
        check_split(r#"a"b"'c'd"#, &["abcd"]);
        check_split("'' \"\"", &["", ""]);
        check_split(r#""a\"b\\c\d""#, &[r#"a"b\c\d"#]);
        check_split(r"'a\b'", &[r"a\b"]);
        check_split(r"a\ b \#c", &["a b", "#c"]);
        check_split("rootpw a#b c", &["rootpw", "a"]);
        check_split("x '#' # y", &["x", "#"]);
        check_split("a\\\n", &["a\n"]);
        check_split("ä 'ö ü' é\\è", &["ä", "ö ü", "éè"]);
    }

    #[test]
    fn hash_is_an_ordinary_character_where_comments_are_kept() {
        let mut words = Vec::new();
        split("%end #x", Span::new(0, 7), Comments::Keep, &mut words).expect("splits");
        assert_eq!(words.len(), 2);
    }

    #[test]
    fn flaws_name_the_byte_where_they_start() {
        for (line, flaw) in [
            ("a 'b", Flaw::OpenQuote(2)),
            ("a \"b\\\"", Flaw::OpenQuote(2)),
            ("a b\\", Flaw::LoneBackslash(3)),
            ("a \"b\\", Flaw::LoneBackslash(4)),
        ] {
            let mut words = Vec::new();
            let got = split(line, Span::new(0, line.len()), Comments::Cut, &mut words);
            assert_eq!(got, Err(flaw), "{line:?}");
        }
    }
}
