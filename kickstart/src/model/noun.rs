//! How a command becomes a struct and a line again: [`Line`] and the macro `noun!`, which makes one struct a command.
//!
//! Called by the files beside this one. Whatever a struct has no field for is in its `rest`, so that nothing is lost.

use crate::argparse::Matched;
use crate::format::quote;
use crate::grammar::{self, CommandRow, Count, OptionRow};
use crate::lexer::Word;
use crate::order;
use crate::python::parse_int;
use crate::reading;
use crate::release::Release;
use crate::upgrade::is_outdated;

/// An option that a struct has no field for, as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The option in full, such as `--noverifyssl`.
    pub option: String,
    /// Its value, if it was given one.
    pub value: Option<String>,
}

/// The words and options of one command on their way into a struct.
#[derive(Debug, Default)]
pub(super) struct Line<'d> {
    row: Option<&'static CommandRow>,
    words: Vec<String>,
    options: Vec<(&'static OptionRow, Option<&'d str>)>,
}

impl<'d> Line<'d> {
    /// What `command` says.
    pub(super) fn of(command: &reading::Command<'d>) -> Self {
        Self::of_parts(grammar::command(command.name).map(|(_, row)| row), &command.matched, command.words)
    }

    /// What the header of a section says.
    pub(super) fn of_header(opener: &str, matched: &Matched<'d>) -> Self {
        Self::of_parts(grammar::section(opener), matched, &[])
    }

    fn of_parts(row: Option<&'static CommandRow>, matched: &Matched<'d>, words: &'d [Word<'d>]) -> Self {
        let mut line = Self { row, ..Self::default() };
        let mut plain: Vec<(usize, String)> = Vec::new();
        for taken in &matched.taken {
            if taken.row.names.is_empty() {
                plain.extend(taken.value.map(|value| (taken.word, value.to_owned())));
            } else {
                line.options.push((taken.row, taken.value));
            }
        }
        // A header that has any is refused, and they are not its own.
        let extra = |word: &usize| Some((*word, words.get(*word)?.value.as_ref().to_owned()));
        plain.extend(matched.extras.iter().filter_map(extra));
        plain.sort_by_key(|(word, _)| *word);
        line.words = plain.into_iter().map(|(_, word)| word).collect();
        line
    }

    /// The first word that is no option, once.
    pub(super) fn word(&mut self) -> Option<String> {
        if self.words.is_empty() { None } else { Some(self.words.remove(0)) }
    }

    /// All words that are no options and are left.
    pub(super) fn words(&mut self) -> Vec<String> {
        std::mem::take(&mut self.words)
    }

    fn last(&self, dest: &str) -> Option<usize> {
        self.options.iter().rposition(|(row, _)| row.dest == dest)
    }

    pub(super) fn text(&mut self, dest: &str) -> Option<String> {
        let at = self.last(dest).filter(|at| self.options[*at].1.is_some())?;
        self.options.remove(at).1.map(str::to_owned)
    }

    pub(super) fn number(&mut self, dest: &str) -> Option<i64> {
        let at = self.last(dest)?;
        let number = self.options[at].1.and_then(parse_int)?;
        self.options.remove(at);
        Some(number)
    }

    pub(super) fn list(&mut self, dest: &str) -> Vec<String> {
        let text = self.text(dest).unwrap_or_default();
        text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
    }

    pub(super) fn switch(&mut self, dest: &str) -> bool {
        self.last(dest).is_some_and(|at| {
            self.options.remove(at);
            true
        })
    }

    /// Which of the options that exclude each other was given last.
    pub(super) fn which(&mut self, dest: &str) -> Option<String> {
        let at = self.last(dest).filter(|at| self.options[*at].1.is_none())?;
        Some(self.options.remove(at).0.names[0].to_owned())
    }

    /// What no field has taken.
    pub(super) fn rest(mut self) -> Vec<Setting> {
        if let Some(row) = self.row {
            self.options.sort_by_key(|(option, _)| order::of_option(row, option));
        }
        let setting = |(row, value): (&OptionRow, Option<&str>)| Setting {
            option: row.names[0].to_owned(),
            value: value.map(str::to_owned),
        };
        self.options.into_iter().map(setting).collect()
    }
}

/// A line of a command or section header in the making.
pub(super) struct Writer {
    row: Option<&'static CommandRow>,
    release: Release,
    words: Vec<String>,
    options: String,
}

impl Writer {
    pub(super) fn new(name: &str, release: Release) -> Self {
        let row = if name.starts_with('%') { grammar::section(name) } else { grammar::command(name).map(|(_, row)| row) };
        Self { row, release, words: vec![name.to_owned()], options: String::new() }
    }

    pub(super) fn word(&mut self, word: Option<&String>) {
        self.words.extend(word.cloned());
    }

    pub(super) fn words(&mut self, words: &[String]) {
        self.words.extend(words.iter().cloned());
    }

    /// The name that the release has for what is known as `dest`; some options for it take a value, others take none.
    fn name(&self, dest: &str, takes_value: bool) -> &'static str {
        let fits = |option: &&OptionRow| option.dest == dest && (option.count != Count::Zero) == takes_value;
        let forms = || self.row.into_iter().flat_map(|row| row.options).filter(fits);
        let object = self.row.map_or("", |row| row.object);
        let is_current = |option: &&OptionRow| {
            option.releases.has(self.release)
                && !option.deprecated.has(self.release)
                && !is_outdated(object, option.names[0], self.release)
        };
        let form = forms().find(is_current).or_else(|| forms().find(|option| option.releases.has(self.release)));
        form.or_else(|| forms().next()).map_or("", |option| option.names[0])
    }

    fn option(&mut self, name: &str, value: Option<&str>) {
        self.options.push(' ');
        self.options.push_str(name);
        if let Some(value) = value {
            self.options.push('=');
            self.options.push_str(&quote(value));
        }
    }

    pub(super) fn text(&mut self, dest: &str, value: Option<&String>) {
        if let Some(value) = value {
            self.option(self.name(dest, true), Some(value));
        }
    }

    pub(super) fn number(&mut self, dest: &str, value: Option<i64>) {
        if let Some(value) = value {
            self.option(self.name(dest, true), Some(&value.to_string()));
        }
    }

    pub(super) fn list(&mut self, dest: &str, values: &[String]) {
        if !values.is_empty() {
            self.option(self.name(dest, true), Some(&values.join(",")));
        }
    }

    pub(super) fn switch(&mut self, dest: &str, is_on: bool) {
        if is_on {
            self.option(self.name(dest, false), None);
        }
    }

    pub(super) fn which(&mut self, name: Option<&String>) {
        if let Some(name) = name {
            self.option(name, None);
        }
    }

    pub(super) fn rest(&mut self, rest: &[Setting]) {
        for setting in rest {
            self.option(&setting.option, setting.value.as_deref());
        }
    }

    /// The line, without a line break. Words come before the options, unless one looks like an option itself.
    pub(super) fn line(self) -> String {
        let (name, words) = self.words.split_first().map_or(("", &[][..]), |(name, words)| (name.as_str(), words));
        let words_text: String = words.iter().flat_map(|word| [" ".into(), quote(word)]).collect();
        let is_plain = words.iter().all(|word| !word.starts_with('-'));
        if is_plain { format!("{name}{words_text}{}", self.options) } else { format!("{name}{} --{words_text}", self.options) }
    }
}

/// Makes the struct of a command: `NAME: "command" [words that are no options] { fields }`. A field has a kind (`text`, `number`,
/// `list`, `switch`, `which`) and the place where the grammar puts its option.
macro_rules! noun {
    ($(#[$doc:meta])* $name:ident: $command:literal
     [$($(#[$word_doc:meta])* $word:ident),*$(; $(#[$words_doc:meta])* $words:ident)?]
     {$($(#[$field_doc:meta])* $field:ident: $kind:ident = $dest:literal,)*}) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq, Eq)]
        pub struct $name {
            $($(#[$word_doc])* pub $word: Option<String>,)*
            $($(#[$words_doc])* pub $words: Vec<String>,)?
            $($(#[$field_doc])* pub $field: $crate::model::noun::field!($kind),)*
            /// Options that have no field here.
            pub rest: Vec<$crate::model::Setting>,
        }

        impl $name {
            pub(super) fn read(mut line: $crate::model::noun::Line<'_>) -> Self {
                Self {
                    $($word: line.word(),)*
                    $($words: line.words(),)?
                    $($field: line.$kind($dest),)*
                    rest: line.rest(),
                }
            }

            /// The command as a line of a kickstart, without a line break.
            pub fn line(&self, release: $crate::Release) -> String {
                let mut out = $crate::model::noun::Writer::new($command, release);
                $(out.word(self.$word.as_ref());)*
                $(out.words(&self.$words);)?
                out.rest(&self.rest);
                $($crate::model::noun::put!(out, $kind, $dest, self.$field);)*
                out.line()
            }
        }
    };
}

/// The type of a field of this kind.
macro_rules! field {
    (text) => { Option<String> };
    (which) => { Option<String> };
    (number) => { Option<i64> };
    (list) => { Vec<String> };
    (switch) => { bool };
}

/// Writes a field of this kind.
macro_rules! put {
    ($out:ident, text, $dest:literal, $value:expr) => {
        $out.text($dest, $value.as_ref())
    };
    ($out:ident, which, $dest:literal, $value:expr) => {
        $out.which($value.as_ref())
    };
    ($out:ident, number, $dest:literal, $value:expr) => {
        $out.number($dest, $value)
    };
    ($out:ident, list, $dest:literal, $value:expr) => {
        $out.list($dest, &$value)
    };
    ($out:ident, switch, $dest:literal, $value:expr) => {
        $out.switch($dest, $value)
    };
}

pub(super) use {field, noun, put};
