//! Reads TOML tables key by key, reporting every wrong key and going on.
//!
//! serde stops at the first error of a document; a person who fixes a site wants all of them. So files are parsed into
//! `toml`'s spanned tree once and taken apart here: each key is asked for by name and type, [`Table::finish`] reports the keys
//! that nobody asked for.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::excerpt::quote;
use super::problems::{At, Key, Kind, Place, Problem, Problems, Span};
use super::suggest;

/// What every reading function needs: which source, where problems go, and the path of the table within the file.
#[derive(Debug, Clone)]
pub(crate) struct Cx<'a> {
    pub(crate) source: u32,
    pub(crate) problems: &'a Problems,
    path: String,
}

impl<'a> Cx<'a> {
    /// The top of `source`.
    pub(crate) fn top(source: u32, problems: &'a Problems) -> Self {
        Self { source, problems, path: String::new() }
    }

    /// Bytes `range` of this source.
    pub(crate) fn span(&self, range: &Range<usize>) -> Span {
        Span { source: self.source, start: offset(range.start), end: offset(range.end) }
    }

    /// Reports.
    pub(crate) fn report(&self, problem: Problem) {
        self.problems.push(problem);
    }

    /// `key` with the tables around it: `puppet.classes`.
    fn name_of(&self, key: &str) -> String {
        let mut name = self.path.clone();
        if !name.is_empty() {
            name.push('.');
        }
        name.push_str(key);
        quote(&name)
    }

    fn inside(&self, key: &str) -> Self {
        let path = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        Self { source: self.source, problems: self.problems, path }
    }
}

/// Files above 4 GiB do not exist here: the loader refuses them long before.
fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// A type that a TOML value can be read as.
pub(crate) trait FromToml: Sized {
    /// Reads `value`, which stands at the key that `cx` names as `key`; reports and gives `None` if it cannot be.
    fn from_toml(value: &Spanned<DeValue<'_>>, key: &str, cx: &Cx<'_>) -> Option<Self>;
}

/// Reports that `value` has the wrong type.
pub(crate) fn wrong_type(value: &Spanned<DeValue<'_>>, expected: &str, key: &str, cx: &Cx<'_>) {
    let found = describe(value.get_ref());
    cx.report(Problem::new(cx.span(&value.span()), format!("{} must be {expected}, not {found}", cx.name_of(key))));
}

/// Reports that `value` has the right type and is not acceptable; `expected` says what is.
pub(crate) fn wrong_value(value: &Spanned<DeValue<'_>>, shown: &str, what: &str, expected: &str, key: &str, cx: &Cx<'_>) {
    let message = format!("{shown} in {} is not a valid {what}", cx.name_of(key));
    cx.report(Problem::new(cx.span(&value.span()), message).help(format!("expected {expected}")));
}

/// Reports that `value` is a number that is too small or too large.
pub(crate) fn out_of_range(value: &Spanned<DeValue<'_>>, expected: &str, key: &str, cx: &Cx<'_>) {
    let shown = match value.get_ref() {
        DeValue::Integer(number) => quote(&number.to_string()),
        _ => "the value".to_owned(),
    };
    let message = format!("{shown} in {} is out of range", cx.name_of(key));
    cx.report(Problem::new(cx.span(&value.span()), message).help(format!("expected {expected}")));
}

fn describe(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}

#[derive(Debug)]
struct Entry<'a> {
    key: &'a str,
    key_span: Range<usize>,
    value: &'a Spanned<DeValue<'a>>,
    taken: bool,
}

/// A table that is being read.
#[derive(Debug)]
pub(crate) struct Table<'a> {
    cx: Cx<'a>,
    place: Place,
    entries: Vec<Entry<'a>>,
    known: Vec<&'static str>,
    missing: Vec<(&'static str, Problem)>,
}

impl<'a> Table<'a> {
    /// The top-level table of a source.
    pub(crate) fn top(table: &'a DeTable<'a>, cx: Cx<'a>) -> Self {
        let place = Place::Whole(cx.source);
        Self::over(table, place, cx)
    }

    /// The table that `value`, at `key` of the table `cx`, is.
    pub(crate) fn within(table: &'a DeTable<'a>, value: &Spanned<DeValue<'a>>, key: &str, cx: &Cx<'a>) -> Self {
        Self::over(table, Place::Span(cx.span(&value.span())), cx.inside(key))
    }

    fn over(table: &'a DeTable<'a>, place: Place, cx: Cx<'a>) -> Self {
        let entries = table
            .iter()
            .map(|(key, value)| Entry { key: key.get_ref().as_ref(), key_span: key.span(), value, taken: false })
            .collect();
        Self { cx, place, entries, known: Vec::new(), missing: Vec::new() }
    }

    /// Reading context of this table.
    pub(crate) fn cx(&self) -> &Cx<'a> {
        &self.cx
    }

    /// Where the table as a whole is.
    pub(crate) fn place(&self) -> Place {
        self.place.clone()
    }

    /// Whether `key` is there; does not count as asking for it.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|e| e.key == key)
    }

    fn entry(&mut self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.known.push(key);
        let entry = self.entries.iter_mut().find(|e| e.key == key)?;
        entry.taken = true;
        Some(entry.value)
    }

    /// The value at `key`.
    pub(crate) fn get<T: FromToml>(&mut self, key: &'static str) -> Key<T> {
        match self.entry(key) {
            None => Key::Absent,
            Some(value) => read(value, key, &self.cx),
        }
    }

    /// The value at `key`, which has to be there.
    pub(crate) fn need<T: FromToml>(&mut self, key: &'static str) -> Key<T> {
        let got = self.get(key);
        if got.is_absent() {
            self.report_missing(key, None);
            return Key::Bad;
        }
        got
    }

    /// Reports that `key` is missing, once [`Self::finish`] knows that it is not there under a misspelt name.
    pub(crate) fn report_missing(&mut self, key: &'static str, help: Option<String>) {
        let message = format!("{} is missing", self.cx.name_of(key));
        self.missing.push((key, Problem::new(self.place.clone(), message).kind(Kind::Missing).maybe_help(help)));
    }

    /// The good elements of the array at `key`; the others are reported.
    pub(crate) fn list<T: FromToml>(&mut self, key: &'static str) -> Vec<At<T>> {
        let Some(value) = self.entry(key) else { return Vec::new() };
        let DeValue::Array(array) = value.get_ref() else {
            wrong_type(value, "an array", key, &self.cx);
            return Vec::new();
        };
        array
            .iter()
            .filter_map(|element| match read(element, key, &self.cx) {
                Key::Given(at) => Some(at),
                Key::Absent | Key::Bad => None,
            })
            .collect()
    }

    /// The table at `key`, to be read next.
    pub(crate) fn table(&mut self, key: &'static str) -> Option<Table<'a>> {
        let value = self.entry(key)?;
        self.as_table(value, key)
    }

    /// The tables of the array of tables at `key`.
    pub(crate) fn tables(&mut self, key: &'static str) -> Vec<Table<'a>> {
        let Some(value) = self.entry(key) else { return Vec::new() };
        match value.get_ref() {
            DeValue::Array(array) => array.iter().filter_map(|element| self.as_table(element, key)).collect(),
            DeValue::Table(_) => {
                let problem =
                    Problem::new(self.cx.span(&value.span()), format!("{} must be an array of tables", self.cx.name_of(key)));
                self.cx.report(problem.help(format!("write `[[{key}]]` with two brackets")));
                Vec::new()
            }
            _ => {
                wrong_type(value, "an array of tables", key, &self.cx);
                Vec::new()
            }
        }
    }

    /// All remaining keys, each as a table of its own, for files whose keys are names.
    pub(crate) fn named_tables(&mut self) -> Vec<(At<&'a str>, Table<'a>)> {
        let mut tables = Vec::new();
        for index in 0..self.entries.len() {
            let Entry { key, ref key_span, value, taken } = self.entries[index];
            if taken {
                continue;
            }
            let name = At { value: key, span: self.cx.span(key_span) };
            self.entries[index].taken = true;
            if let Some(table) = self.as_table(value, key) {
                tables.push((name, table));
            }
        }
        tables
    }

    /// All remaining keys as they are, for free-form data.
    pub(crate) fn rest(&mut self) -> impl Iterator<Item = (At<&'a str>, &'a Spanned<DeValue<'a>>)> {
        let cx = self.cx.clone();
        self.entries.iter_mut().filter(|e| !e.taken).map(move |entry| {
            entry.taken = true;
            (At { value: entry.key, span: cx.span(&entry.key_span) }, entry.value)
        })
    }

    fn as_table(&self, value: &'a Spanned<DeValue<'a>>, key: &str) -> Option<Table<'a>> {
        if let DeValue::Table(table) = value.get_ref() {
            Some(Table::within(table, value, key, &self.cx))
        } else {
            wrong_type(value, "a table", key, &self.cx);
            None
        }
    }

    /// Reports the keys that nobody has asked for, and those that are missing.
    pub(crate) fn finish(mut self) {
        for entry in self.entries.iter().filter(|e| !e.taken) {
            let meant = suggest::nearest(entry.key, self.known.iter().copied());
            self.missing.retain(|(key, _)| Some(*key) != meant);
            let problem = Problem::new(self.cx.span(&entry.key_span), format!("unknown key {}", self.cx.name_of(entry.key)));
            self.cx.report(problem.maybe_help(suggest::help_for(entry.key, self.known.iter().copied())));
        }
        for (_, problem) in self.missing {
            self.cx.report(problem);
        }
    }
}

/// `value` as a `T`.
pub(crate) fn read<T: FromToml>(value: &Spanned<DeValue<'_>>, key: &str, cx: &Cx<'_>) -> Key<T> {
    match T::from_toml(value, key, cx) {
        Some(good) => Key::Given(At { value: good, span: cx.span(&value.span()) }),
        None => Key::Bad,
    }
}
