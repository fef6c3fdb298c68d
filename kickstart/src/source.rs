//! Places in a kickstart: byte spans, and the line and column a person counts.
//!
//! Used by every other module; knows nothing of kickstart syntax.

/// A range of bytes in the text that was parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Span {
    /// The bytes from `start` up to, but not including, `end`.
    pub const fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// The text under this span; empty if the span does not fit the text.
    pub fn of(self, text: &str) -> &str {
        text.get(self.start..self.end).unwrap_or_default()
    }

    /// Number of bytes.
    pub const fn len(self) -> usize {
        self.end.saturating_sub(self.start)
    }

    /// Whether nothing is under the span.
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }
}

/// The line that holds byte `at`, as `(number from 1, span without its line end)`.
///
/// Linear in `at`; meant for the few places that are reported, not for every word.
pub(crate) fn line_at(text: &str, at: usize) -> (usize, Span) {
    let mut number = 1;
    let mut start = 0;
    loop {
        let end = crate::python::line_end(text, start);
        if at < end || end == text.len() {
            let line = text.get(start..end).unwrap_or_default();
            let bare = crate::python::trim_line_end(line).len();
            // A text that ends in a line break has an empty last line after it.
            if at >= end && bare < line.len() && end > start {
                return (number + 1, Span::new(end, end));
            }
            return (number, Span::new(start, start + bare));
        }
        number += 1;
        start = end;
    }
}

/// Column of byte `at` in the line that starts at `line_start`: characters, from 1.
pub(crate) fn column_at(text: &str, line_start: usize, at: usize) -> usize {
    text.get(line_start..at).map_or(1, |before| before.chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_line(text: &str, at: usize, number: usize, line: &str) {
        let (found, span) = line_at(text, at);
        assert_eq!((found, span.of(text)), (number, line));
    }

    #[test]
    fn a_byte_belongs_to_the_line_that_holds_it() {
        check_line("one\ntwo\r\nthree", 0, 1, "one");
        check_line("one\ntwo\r\nthree", 3, 1, "one");
        check_line("one\ntwo\r\nthree", 4, 2, "two");
        check_line("one\ntwo\r\nthree", 9, 3, "three");
        check_line("one\ntwo\r\nthree", 14, 3, "three");
        check_line("one\n", 4, 2, "");
        check_line("", 0, 1, "");
    }

    #[test]
    fn columns_count_characters_not_bytes() {
        assert_eq!(column_at("äö x", 0, 5), 4);
    }
}
