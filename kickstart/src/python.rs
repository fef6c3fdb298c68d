//! What Python means by a line, a space and an integer, since Anaconda reads kickstarts in Python.
//!
//! Called by the lexer, the parser and the argument matcher. Pure functions on text.

/// Whether Python's `str.isspace` holds for `c`.
pub(crate) fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// `str.lstrip()`.
pub(crate) fn trim_start(text: &str) -> &str {
    match text.as_bytes().first() {
        Some(b) if b.is_ascii_graphic() => text,
        _ => text.trim_start_matches(is_space),
    }
}

/// `str.rstrip()`.
pub(crate) fn trim_end(text: &str) -> &str {
    text.trim_end_matches(is_space)
}

/// `str.split()[0]`: the first run without space, or the empty string.
pub(crate) fn first_word(text: &str) -> &str {
    let text = trim_start(text);
    text.find(is_space).map_or(text, |end| &text[..end])
}

/// Where the line that starts at byte `start` ends, its line break included.
///
/// A line ends where Python's `str.splitlines` says: not only at LF, CR and CR LF, but also at
/// vertical tab, form feed, the separators U+001C to U+001E, U+0085, U+2028 and U+2029.
pub(crate) fn line_end(text: &str, start: usize) -> usize {
    let bytes = text.as_bytes();
    let mut at = start;
    while at < bytes.len() {
        match bytes[at] {
            b'\r' if bytes.get(at + 1) == Some(&b'\n') => return at + 2,
            b'\n'..=b'\r' | 0x1c..=0x1e => return at + 1,
            0xc2 if bytes.get(at + 1) == Some(&0x85) => return at + 2,
            0xe2 if bytes.get(at + 1) == Some(&0x80) && matches!(bytes.get(at + 2), Some(0xa8 | 0xa9)) => {
                return at + 3;
            }
            _ => at += 1,
        }
    }
    bytes.len()
}

/// `line` without the line break at its end.
pub(crate) fn trim_line_end(line: &str) -> &str {
    let is_break = |c: char| matches!(c, '\n'..='\r' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}');
    match line.strip_suffix("\r\n") {
        Some(bare) => bare,
        None => line.strip_suffix(is_break).unwrap_or(line),
    }
}

/// First characters (digit zero) of every run of ten decimal digits in Unicode.
const ZEROS: &[u32] = &[
    0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50, 0xed0, 0xf20, 0x1040,
    0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0,
    0xa9f0, 0xaa50, 0xabf0, 0xff10,
];

/// The most digits that Python converts before it refuses the number.
const MOST_DIGITS: usize = 4300;

fn digit(c: char) -> Option<u32> {
    c.to_digit(10).or_else(|| {
        let code = u32::from(c);
        ZEROS.iter().find(|zero| (**zero..**zero + 10).contains(&code)).map(|zero| code - zero)
    })
}

/// `int(text)`: surrounding space, a sign and single underscores between digits are allowed.
///
/// Numbers beyond 64 bits are cut to the nearest one that fits: only their sign and order matter.
pub(crate) fn parse_int(text: &str) -> Option<i64> {
    let text = trim_end(trim_start(text));
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let mut value: i64 = 0;
    let mut count = 0;
    let mut after_digit = false;
    for c in digits.chars() {
        if c == '_' && after_digit {
            after_digit = false;
            continue;
        }
        value = value.saturating_mul(10).saturating_add(i64::from(digit(c)?));
        count += 1;
        after_digit = true;
    }
    if !after_digit || count > MOST_DIGITS {
        return None;
    }
    Some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_spelt_as_python_spells_them() {
        for (text, value) in [
            ("7", Some(7)),
            ("+5", Some(5)),
            ("-5", Some(-5)),
            (" 12\t", Some(12)),
            ("1_0", Some(10)),
            ("007", Some(7)),
            ("\u{ff11}\u{ff12}", Some(12)),
            ("99999999999999999999", Some(i64::MAX)),
            ("", None),
            ("_1", None),
            ("1_", None),
            ("1__0", None),
            ("+ 5", None),
            ("1.0", None),
            ("0x10", None),
        ] {
            assert_eq!(parse_int(text), value, "{text:?}");
        }
    }

    #[test]
    fn lines_end_where_splitlines_ends_them() {
        for (text, first) in [
            ("a\nb", "a\n"),
            ("a\r\nb", "a\r\n"),
            ("a\rb", "a\r"),
            ("a\u{b}b", "a\u{b}"),
            ("a\u{85}b", "a\u{85}"),
            ("a\u{2028}b", "a\u{2028}"),
            ("a\u{a0}b", "a\u{a0}b"),
        ] {
            assert_eq!(&text[..line_end(text, 0)], first);
        }
    }
}
