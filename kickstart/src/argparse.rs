//! Matches the words of a line with a command's options, as Python's `argparse` (3.11) does.
//!
//! Called by the checks for each command and section header. What it must get right, since
//! Anaconda does it: unambiguous prefixes of long options, `--opt=value` and `--opt value`, `--`,
//! negative numbers as arguments, positional arguments that are taken once and greedily.

use crate::grammar::{CommandRow, Count, Kind, OptionRow};
use crate::lexer::Word;
use crate::python::parse_int;
use crate::release::Release;

/// What a line's words mean to its command.
#[derive(Debug, Default)]
pub(crate) struct Matched<'d> {
    /// Options and positional arguments in the order they were taken.
    pub(crate) taken: Vec<Taken<'d>>,
    /// Words nobody wanted, as indices into the words.
    pub(crate) extras: Vec<usize>,
    /// Deprecated options that were used, with the index of their word.
    pub(crate) deprecated: Vec<(&'static OptionRow, usize)>,
}

/// One option or positional argument with one value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taken<'d> {
    pub(crate) row: &'static OptionRow,
    pub(crate) value: Option<&'d str>,
    /// The value as a number where the row's kind is `Int`.
    pub(crate) number: i64,
    /// Index of the option's word, or of the positional argument.
    pub(crate) word: usize,
}

/// Why the words do not fit; `word` is an index into the words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Misfit {
    /// The prefix at `word` could be several options.
    Ambiguous { word: usize },
    /// The option wants an argument and gets none.
    NoArgument { word: usize, option: &'static str },
    /// The option takes no argument and gets one with `=`.
    UnwantedArgument { word: usize, option: &'static str },
    /// The argument is no integer.
    NotAnInt { word: usize, option: &'static str },
    /// The argument is no boolean.
    NotABool { word: usize, option: &'static str },
    /// The argument is none of the choices.
    NotAChoice { word: usize, row: &'static OptionRow },
    /// A required option or positional argument is missing.
    Missing { row: &'static OptionRow },
}

impl<'d> Matched<'d> {
    /// The last value of `dest`, if an option or argument gave one.
    pub(crate) fn last(&self, dest: &str) -> Option<Taken<'d>> {
        self.taken.iter().rev().find(|taken| taken.row.dest == dest).copied()
    }

    /// The last text given for `dest`, or the empty string.
    pub(crate) fn text(&self, dest: &str) -> &'d str {
        self.last(dest).and_then(|taken| taken.value).unwrap_or_default()
    }

    /// The last number given for `dest`.
    pub(crate) fn number(&self, dest: &str) -> Option<i64> {
        self.last(dest).map(|taken| taken.number)
    }

    /// Whether anything was given for `dest`.
    pub(crate) fn has(&self, dest: &str) -> bool {
        self.last(dest).is_some()
    }

    /// All that was given for `dest`.
    pub(crate) fn all<'m>(&'m self, dest: &'m str) -> impl Iterator<Item = Taken<'d>> + 'm {
        self.taken.iter().filter(move |taken| taken.row.dest == dest).copied()
    }

    /// Forgets the line before.
    pub(crate) fn clear(&mut self) {
        self.taken.clear();
        self.extras.clear();
        self.deprecated.clear();
    }
}

/// What a word is, before it is known whether the words fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A positional argument or an option's value.
    Argument,
    /// The first `--`.
    Dashes,
    /// An option; `value` is the byte after its `=`.
    Option { row: Option<&'static OptionRow>, value: Option<usize> },
}

impl PartialEq for OptionRow {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Eq for OptionRow {}

/// Matches lines one after the other; keeps its buffers between them.
#[derive(Debug, Default)]
pub(crate) struct Matcher {
    shapes: Vec<Shape>,
}

impl Matcher {
    /// Matches `words` (without the command's name) with the options `row` has in `release`.
    /// What was found up to a misfit stays in `out`.
    pub(crate) fn run<'d>(
        &mut self,
        row: &'static CommandRow,
        release: Release,
        words: &'d [Word<'_>],
        out: &mut Matched<'d>,
    ) -> Result<(), Misfit> {
        out.clear();
        self.classify(row, release, words, out)?;
        let mut run = Run { row, release, words, shapes: &self.shapes, out, positional: 0 };
        run.consume()?;
        run.require()
    }

    fn classify<'d>(
        &mut self,
        row: &'static CommandRow,
        release: Release,
        words: &'d [Word<'_>],
        out: &mut Matched<'d>,
    ) -> Result<(), Misfit> {
        self.shapes.clear();
        let mut after_dashes = false;
        for (index, word) in words.iter().enumerate() {
            let shape = if after_dashes {
                Shape::Argument
            } else if word.value == "--" {
                after_dashes = true;
                Shape::Dashes
            } else {
                classify(row, release, &word.value).ok_or(Misfit::Ambiguous { word: index })?
            };
            if let Shape::Option { row: Some(option), .. } = shape
                && option.deprecated.has(release)
            {
                out.deprecated.push((option, index));
            }
            self.shapes.push(shape);
        }
        Ok(())
    }
}

/// What one word is; `None` if it is the prefix of several options.
pub(crate) fn classify(row: &'static CommandRow, release: Release, word: &str) -> Option<Shape> {
    let bytes = word.as_bytes();
    if bytes.len() < 2 || bytes[0] != b'-' {
        return Some(Shape::Argument);
    }
    let here = || row.options.iter().filter(|option| option.releases.has(release));
    if bytes[1] == b'-' {
        let equals = word.find('=');
        let name = &word[..equals.unwrap_or(word.len())];
        let value = equals.map(|at| at + 1);
        if let Some(option) = here().find(|option| option.names.contains(&name)) {
            return Some(Shape::Option { row: Some(option), value });
        }
        let mut found = None;
        for option in here() {
            for _ in option.names.iter().filter(|known| known.starts_with(name)) {
                if found.replace(option).is_some() {
                    return None;
                }
            }
        }
        if found.is_some() {
            return Some(Shape::Option { row: found, value });
        }
    }
    if is_negative_number(bytes) || word.contains(' ') {
        return Some(Shape::Argument);
    }
    Some(Shape::Option { row: None, value: None })
}

/// `-12`, `-.5`, `-1.5`: an argument, not an option. A line break may follow, as `$` allows.
fn is_negative_number(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let digits = |part: &[u8]| part.iter().all(u8::is_ascii_digit);
    let body = &bytes[1..];
    match body.iter().position(|b| *b == b'.') {
        None => !body.is_empty() && digits(body),
        Some(dot) => dot + 1 < body.len() && digits(&body[..dot]) && digits(&body[dot + 1..]),
    }
}

struct Run<'r, 'd, 'w> {
    row: &'static CommandRow,
    release: Release,
    words: &'d [Word<'w>],
    shapes: &'r [Shape],
    out: &'r mut Matched<'d>,
    /// How many positional arguments have been taken.
    positional: usize,
}

impl<'d> Run<'_, 'd, '_> {
    fn positionals(&self) -> impl Iterator<Item = &'static OptionRow> + use<> {
        let release = self.release;
        self.row.positionals.iter().filter(move |row| row.releases.has(release))
    }

    fn consume(&mut self) -> Result<(), Misfit> {
        let is_option = |shape: &Shape| matches!(shape, Shape::Option { .. });
        let past_options = self.shapes.iter().rposition(is_option).map_or(0, |last| last + 1);
        let mut at = 0;
        while at < past_options {
            let next = at + self.shapes[at..].iter().take_while(|s| !is_option(s)).count();
            if at != next {
                let end = self.take_positionals(at)?;
                if end > at {
                    at = end;
                    continue;
                }
                self.out.extras.extend(at..next);
                at = next;
            }
            at = self.take_option(at)?;
        }
        let end = self.take_positionals(at)?;
        self.out.extras.extend(end..self.words.len());
        Ok(())
    }

    fn take_option(&mut self, at: usize) -> Result<usize, Misfit> {
        let Shape::Option { row: Some(row), value } = self.shapes[at] else {
            self.out.extras.push(at);
            return Ok(at + 1);
        };
        let option = row.names[0];
        if let Some(from) = value {
            if row.count == Count::Zero {
                return Err(Misfit::UnwantedArgument { word: at, option });
            }
            let given = &self.words[at].value[from..];
            if given == "--" {
                // argparse takes every `--` for its own: the option is there, with nothing in it.
                self.out.taken.push(Taken { row, value: None, number: 0, word: at });
            } else {
                self.take(row, at, at, given)?;
            }
            return Ok(at + 1);
        }
        let next_is_argument = self.shapes.get(at + 1) == Some(&Shape::Argument);
        match row.count {
            Count::One | Count::Maybe | Count::Any if next_is_argument => {
                let given = self.words[at + 1].value.as_ref();
                self.take(row, at, at + 1, given)?;
                Ok(at + 2)
            }
            Count::One => Err(Misfit::NoArgument { word: at, option }),
            Count::Zero | Count::Maybe | Count::Any => {
                self.out.taken.push(Taken { row, value: None, number: 0, word: at });
                Ok(at + 1)
            }
        }
    }

    /// Takes as many of the remaining positional arguments as fit from `at` on; gives where it stops.
    fn take_positionals(&mut self, at: usize) -> Result<usize, Misfit> {
        let left: Vec<&'static OptionRow> = self.positionals().skip(self.positional).collect();
        let shapes = &self.shapes[at..];
        let Some((taken, lengths)) = (1..=left.len()).rev().find_map(|n| Some((n, fit(&left[..n], shapes)?))) else {
            return Ok(at);
        };
        let mut start = at;
        for (row, length) in left.iter().zip(lengths) {
            let mut dashes_gone = false;
            for index in start..start + length {
                let value = self.words[index].value.as_ref();
                if value == "--" && !dashes_gone {
                    dashes_gone = true;
                    continue;
                }
                self.take(row, index, index, value)?;
            }
            start += length;
        }
        self.positional += taken;
        Ok(start)
    }

    /// Checks a value against its row and keeps it. `word` is the option's word, `at` the value's.
    fn take(&mut self, row: &'static OptionRow, word: usize, at: usize, value: &'d str) -> Result<(), Misfit> {
        let option = row.names.first().copied().unwrap_or(row.dest);
        let mut number = 0;
        match row.kind {
            Kind::Int => number = parse_int(value).ok_or(Misfit::NotAnInt { word: at, option })?,
            Kind::Bool => {
                let known = ["on", "yes", "true", "1", "off", "no", "false", "0"];
                if !known.iter().any(|k| k.eq_ignore_ascii_case(value)) {
                    return Err(Misfit::NotABool { word: at, option });
                }
            }
            Kind::Keyword => {
                if !row.choices.iter().any(|choice| choice.eq_ignore_ascii_case(value)) {
                    return Err(Misfit::NotAChoice { word: at, row });
                }
            }
            Kind::Text | Kind::List => {
                if !row.choices.is_empty() && !row.choices.contains(&value) {
                    return Err(Misfit::NotAChoice { word: at, row });
                }
            }
        }
        self.out.taken.push(Taken { row, value: Some(value), number, word });
        Ok(())
    }

    fn require(&self) -> Result<(), Misfit> {
        for row in self.row.options.iter().filter(|row| row.required) {
            let given = || self.out.taken.iter().any(|taken| std::ptr::eq(taken.row, row));
            if row.releases.has(self.release) && !given() {
                return Err(Misfit::Missing { row });
            }
        }
        // A positional argument that may be empty is always there.
        match self.positionals().skip(self.positional).find(|row| row.required) {
            Some(row) => Err(Misfit::Missing { row }),
            None => Ok(()),
        }
    }
}

/// How many words each of `rows` takes from the front of `shapes`, greedily; `None` if they do not fit.
fn fit(rows: &[&'static OptionRow], shapes: &[Shape]) -> Option<Vec<usize>> {
    let Some((row, rest)) = rows.split_first() else {
        return Some(Vec::new());
    };
    let run = |from: usize, dashes_only: bool| {
        let goes_on = |s: &&Shape| match s {
            Shape::Dashes => true,
            Shape::Argument => !dashes_only,
            Shape::Option { .. } => false,
        };
        shapes.get(from..).unwrap_or_default().iter().take_while(goes_on).count()
    };
    let (least, most) = match row.count {
        Count::Zero => (0, 0),
        Count::Any => (0, run(0, false)),
        Count::One | Count::Maybe => {
            let before = run(0, true);
            if shapes.get(before) == Some(&Shape::Argument) {
                (before + 1, before + 1 + run(before + 1, true))
            } else if row.count == Count::Maybe {
                (0, before)
            } else {
                return None;
            }
        }
    };
    (least..=most).rev().find_map(|length| {
        let mut lengths = fit(rest, &shapes[length..])?;
        lengths.insert(0, length);
        Some(lengths)
    })
}
