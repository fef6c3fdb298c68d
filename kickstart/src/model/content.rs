//! What is installed and what is run: the sections of a kickstart.

use super::noun::{Line, Setting, Writer};
use crate::Release;
use crate::argparse::{Matched, Matcher};
use crate::document::SectionKind;
use crate::grammar;
use crate::lexer::Word;
use crate::python::is_space;
use crate::reading;

/// A `%packages` section.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub struct Packages {
    /// What is installed and what is not, in order.
    pub entries: Vec<Entry>,
    /// Packages that are not to be had are left out without a word.
    pub ignore_missing: bool,
    /// Without packages that others only recommend.
    pub exclude_weak_dependencies: bool,
    /// Without documentation.
    pub exclude_docs: bool,
    /// Without the group `core`.
    pub no_core: bool,
    /// Only these languages, between colons.
    pub languages: Option<String>,
    /// Options that have no field here.
    pub rest: Vec<Setting>,
}

/// One line of `%packages`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// `@^name`
    Environment(String),
    /// `@name`, with what follows it, such as `--optional`.
    Group(String),
    /// `name`, which may hold `*`.
    Package(String),
    /// `-@name`
    NotGroup(String),
    /// `-name`
    NotPackage(String),
    /// `%include file`
    Include(String),
}

impl Entry {
    fn read(text: &str) -> Self {
        let words = |text: &str| text.split(is_space).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
        if let Some(name) = text.strip_prefix("@^") {
            Self::Environment(words(name))
        } else if let Some(name) = text.strip_prefix('@') {
            Self::Group(words(name))
        } else if let Some(name) = text.strip_prefix("-@") {
            Self::NotGroup(words(name))
        } else if let Some(name) = text.strip_prefix('-') {
            Self::NotPackage(words(name))
        } else if let Some(file) = text.strip_prefix("%include") {
            Self::Include(words(file))
        } else {
            Self::Package(words(text))
        }
    }

    fn line(&self) -> String {
        match self {
            Self::Environment(name) => format!("@^{name}"),
            Self::Group(name) => format!("@{name}"),
            Self::Package(name) => name.clone(),
            Self::NotGroup(name) => format!("-@{name}"),
            Self::NotPackage(name) => format!("-{name}"),
            Self::Include(file) => format!("%include {file}"),
        }
    }
}

impl Packages {
    pub(super) fn read(packages: &reading::Packages<'_>) -> Self {
        let mut line = Line::of_header("%packages", &packages.header);
        Self {
            entries: packages.lines.iter().map(|(entry, _)| Entry::read(entry)).collect(),
            ignore_missing: line.switch("ignoremissing"),
            exclude_weak_dependencies: line.switch("excludeWeakdeps"),
            exclude_docs: line.switch("excludedocs"),
            no_core: line.switch("nocore"),
            languages: line.text("instLangs"),
            rest: line.rest(),
        }
    }

    /// The section as text, from its header to its `%end`.
    pub fn section(&self, release: Release) -> String {
        let mut out = Writer::new("%packages", release);
        out.rest(&self.rest);
        out.switch("ignoremissing", self.ignore_missing);
        out.switch("excludeWeakdeps", self.exclude_weak_dependencies);
        out.switch("excludedocs", self.exclude_docs);
        out.switch("nocore", self.no_core);
        out.text("instLangs", self.languages.as_ref());
        let mut text = out.line() + "\n";
        for entry in &self.entries {
            text.push_str(&entry.line());
            text.push('\n');
        }
        text + "%end\n"
    }
}

/// A script: `%pre`, `%pre-install`, `%post`, `%onerror` or `%traceback`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// When it runs.
    pub kind: SectionKind,
    /// What runs it, if not `/bin/sh`.
    pub interpreter: Option<String>,
    /// Outside of the installed system.
    pub no_chroot: bool,
    /// The installation ends when it fails.
    pub error_on_fail: bool,
    /// A file that gets what it prints.
    pub log: Option<String>,
    /// Its lines.
    pub body: String,
    /// Options that have no field here.
    pub rest: Vec<Setting>,
}

impl Script {
    /// A script that runs at this moment.
    ///
    /// # Panics
    /// Never; a kind that is no script makes a section that no release takes.
    pub fn new(kind: SectionKind, body: impl Into<String>) -> Self {
        let (interpreter, log) = (None, None);
        Self { kind, interpreter, no_chroot: false, error_on_fail: false, log, body: body.into(), rest: Vec::new() }
    }

    pub(super) fn read(script: &reading::Script<'_>) -> Self {
        let mut line = Line::of_header(script.kind.opener(), &script.header);
        Self {
            kind: script.kind,
            interpreter: line.text("interpreter"),
            no_chroot: line.switch("nochroot"),
            error_on_fail: line.switch("errorOnFail"),
            log: line.text("log"),
            body: script.body.to_owned(),
            rest: line.rest(),
        }
    }

    /// The section as text, from its header to its `%end`.
    pub fn section(&self, release: Release) -> String {
        let mut out = Writer::new(self.kind.opener(), release);
        out.rest(&self.rest);
        out.text("interpreter", self.interpreter.as_ref());
        out.switch("nochroot", self.no_chroot);
        out.switch("errorOnFail", self.error_on_fail);
        out.text("log", self.log.as_ref());
        closed(out.line(), &self.body)
    }
}

/// A section that is neither packages nor a script: `%addon`, `%anaconda`, `%certificate`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherSection {
    /// The word that opens it.
    pub opener: String,
    /// Words of its header that are no options; all of them, for an addon.
    pub words: Vec<String>,
    /// Options of its header.
    pub rest: Vec<Setting>,
    /// Its lines.
    pub body: String,
}

impl OtherSection {
    pub(super) fn read(header: &[Word<'_>], release: Release, body: &str) -> Self {
        let (opener, arguments) = header.split_first().map_or(("", header), |(first, rest)| (first.value.as_ref(), rest));
        let mut matched = Matched::default();
        let row = grammar::section(opener).filter(|row| !row.free.has(release));
        let fits = row.is_some_and(|row| Matcher::default().run(row, release, arguments, &mut matched).is_ok());
        let mut line = Line::of_header(opener, &matched);
        let mut words = line.words();
        if !fits || !matched.extras.is_empty() {
            words = arguments.iter().map(|word| word.value.clone().into_owned()).collect();
            line = Line::default();
        }
        Self { opener: opener.to_owned(), words, rest: line.rest(), body: body.to_owned() }
    }

    /// Which section this is.
    pub fn kind(&self) -> SectionKind {
        SectionKind::from_opener(&self.opener).unwrap_or(SectionKind::Unknown)
    }

    /// The section as text, from its header to its `%end`.
    pub fn section(&self, release: Release) -> String {
        let mut out = Writer::new(&self.opener, release);
        if self.rest.is_empty() {
            let words: String = self.words.iter().flat_map(|word| [" ".into(), crate::format::quote(word)]).collect();
            return closed(self.opener.clone() + &words, &self.body);
        }
        out.words(&self.words);
        out.rest(&self.rest);
        closed(out.line(), &self.body)
    }
}

fn closed(header: String, body: &str) -> String {
    let end = if body.is_empty() || body.ends_with('\n') { "%end\n" } else { "\n%end\n" };
    format!("{header}\n{body}{end}")
}
