//! What the lines of a kickstart say, option by option, for the rules to look at.
//!
//! Made by `crate::lint` from a [`Document`]. Lines that do not fit their options are left out: the
//! checks have reported them. Never decides whether something is good or bad.

use crate::argparse::{Matched, Matcher, Taken};
use crate::document::{Document, ItemKind, Section, SectionKind};
use crate::grammar::{self, CommandRow};
use crate::lexer::Word;
use crate::python::{first_word, line_end, parse_int, trim_end, trim_line_end, trim_start};
use crate::release::Release;
use crate::source::Span;

/// A finding's place: its line number and bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) span: Span,
}

/// All of a kickstart.
#[derive(Debug)]
pub(crate) struct Model<'d> {
    pub(crate) commands: Vec<Command<'d>>,
    pub(crate) scripts: Vec<Script<'d>>,
    /// `%packages` sections.
    pub(crate) packages: Vec<Packages<'d>>,
    /// `%addon` and `%anaconda` headers.
    pub(crate) others: Vec<(SectionKind, Place)>,
    /// Something is pulled in that the model does not see, so nothing can be said to be missing.
    pub(crate) is_partial: bool,
    /// Nothing in it is about disks, packages or accounts: a piece of a kickstart, or one for a rescue.
    pub(crate) is_fragment: bool,
    /// The last line that is neither blank nor a comment: where something missing is reported.
    pub(crate) end: Place,
}

/// One command with its options.
#[derive(Debug)]
pub(crate) struct Command<'d> {
    /// The first of the command's names: `part` for `partition` too.
    pub(crate) object: &'static str,
    pub(crate) name: &'d str,
    pub(crate) place: Place,
    pub(crate) words: &'d [Word<'d>],
    pub(crate) matched: Matched<'d>,
}

/// A script section.
#[derive(Debug)]
pub(crate) struct Script<'d> {
    pub(crate) kind: SectionKind,
    pub(crate) place: Place,
    pub(crate) header: Matched<'d>,
    pub(crate) body: &'d str,
    pub(crate) body_span: Span,
    pub(crate) body_line: usize,
}

/// A `%packages` section.
#[derive(Debug)]
pub(crate) struct Packages<'d> {
    pub(crate) place: Place,
    pub(crate) header: Matched<'d>,
    pub(crate) entries: Vec<(&'d str, Place)>,
    /// The same, with the lines that include a file.
    pub(crate) lines: Vec<(&'d str, Place)>,
}

impl<'d> Command<'d> {
    /// The text of option `dest`; empty if it was not given.
    pub(crate) fn text(&self, dest: &str) -> &'d str {
        self.matched.text(dest)
    }

    /// The first text given for `dest`: of the names and volumes of a `volgroup` line, its name.
    pub(crate) fn first(&self, dest: &str) -> &'d str {
        self.matched.all(dest).next().and_then(|taken| taken.value).unwrap_or_default()
    }

    /// Whether option `dest` was given.
    pub(crate) fn has(&self, dest: &str) -> bool {
        self.matched.has(dest)
    }

    /// The number given for option `dest`.
    pub(crate) fn number(&self, dest: &str) -> Option<i64> {
        self.matched.last(dest).and_then(|taken| taken.value).and_then(parse_int)
    }

    /// Where option or argument `dest` stands, or the command's name.
    pub(crate) fn place_of(&self, dest: &str) -> Place {
        match self.matched.last(dest) {
            Some(taken) => self.word_place(taken.word),
            None => self.place,
        }
    }

    /// Where the argument with this index stands.
    pub(crate) fn word_place(&self, word: usize) -> Place {
        Place { line: self.place.line, span: self.words.get(word).map_or(self.place.span, |word| word.span) }
    }

    /// The parts of a list between commas.
    pub(crate) fn list(&self, dest: &str) -> impl Iterator<Item = &'d str> + use<'d> {
        self.text(dest).split(',').map(str::trim).filter(|part| !part.is_empty())
    }

    /// The members of a `raid` or `volgroup` line, with the index of their word.
    pub(crate) fn members(&self) -> Vec<(&'d str, usize)> {
        let value = |taken: Taken<'d>| taken.value.map(|value| (value, taken.word));
        let mut members: Vec<_> = self.matched.all("partitions").filter_map(value).collect();
        members.extend(self.matched.extras.iter().map(|word| (self.words[*word].value.as_ref(), *word)));
        if self.object == "volgroup" && members.is_empty() {
            members.extend(self.matched.all("name").skip(1).filter_map(value));
        }
        members
    }

    /// Whether this `bootloader` line is about GRUB: it is where nothing else is asked for.
    pub(crate) fn is_grub(&self) -> bool {
        self.text("location") != "none" && !["disabled", "extlinux", "sdboot"].iter().any(|dest| self.has(dest))
    }

    /// Whether the line uses something that exists on disk and keeps its content.
    pub(crate) fn keeps_content(&self) -> bool {
        self.has("preexist") || self.has("format") || self.has("onPart")
    }
}

impl Script<'_> {
    /// The lines of the body with their places; line breaks are cut off.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (&str, Place)> {
        let mut at = 0;
        let mut line = self.body_line;
        std::iter::from_fn(move || {
            if at >= self.body.len() {
                return None;
            }
            let end = line_end(self.body, at);
            let text = trim_line_end(&self.body[at..end]);
            let start = self.body_span.start + at;
            let place = Place { line, span: Span::new(start, start + text.len()) };
            at = end;
            line += 1;
            Some((text, place))
        })
    }

    /// The interpreter named by the header, else the shell.
    pub(crate) fn interpreter(&self) -> &str {
        match self.header.text("interpreter") {
            "" => "/bin/sh",
            interpreter => interpreter,
        }
    }
}

impl<'d> Model<'d> {
    /// All lines of the command `object`.
    pub(crate) fn all(&self, object: &'static str) -> impl Iterator<Item = &Command<'d>> {
        self.commands.iter().filter(move |command| command.object == object)
    }

    /// Whether one of these commands is used.
    pub(crate) fn uses(&self, objects: &[&str]) -> bool {
        self.commands.iter().any(|command| objects.contains(&command.object))
    }

    /// Lines that put something at a mount point: `part`, `logvol`, `raid`, `mount`, `btrfs`.
    pub(crate) fn mounts(&self) -> impl Iterator<Item = (&'d str, &Command<'d>)> {
        self.commands.iter().filter_map(|command| match command.object {
            "part" | "logvol" | "raid" | "mount" => Some((command.text("mntpoint"), command)),
            "btrfs" => command.matched.extras.first().map(|word| (command.words[*word].value.as_ref(), command)),
            _ => None,
        })
    }

    /// Whether disks are laid out line by line, so that what no line defines does not exist.
    pub(crate) fn has_custom_layout(&self) -> bool {
        self.uses(&["part", "logvol", "raid", "btrfs", "mount"])
    }

    /// Whether what is on the disks goes away, so that no old volume can be meant.
    pub(crate) fn wipes_disks(&self) -> bool {
        self.all("clearpart").any(|command| command.text("drives").is_empty() && given_as(command, "--all"))
    }
}

/// Whether the last option for `type` was `option`; options may be cut short.
fn given_as(command: &Command<'_>, option: &str) -> bool {
    command.matched.last("type").is_some_and(|taken| taken.row.names.contains(&option))
}

/// Reads `document` under the grammar of `release`.
pub(crate) fn read<'d>(document: &'d Document<'d>, release: Release) -> Model<'d> {
    let text = document.text;
    let mut matcher = Matcher::default();
    let mut model = Model {
        commands: Vec::new(),
        scripts: Vec::new(),
        packages: Vec::new(),
        others: Vec::new(),
        is_partial: false,
        is_fragment: false,
        end: Place { line: 1, span: Span::default() },
    };
    for item in &document.items {
        let words = match &item.kind {
            ItemKind::Blank | ItemKind::Comment => continue,
            ItemKind::Include(_) | ItemKind::Append | ItemKind::Broken => {
                model.is_partial = true;
                continue;
            }
            ItemKind::Command(words) => document.words(*words),
            ItemKind::Section(section) => document.words(section.header),
        };
        let Some((name, arguments)) = words.split_first() else { continue };
        let place = Place { line: item.line, span: name.span };
        model.end = place;
        let fit = |matcher: &mut Matcher, row: &'static CommandRow| {
            let mut matched = Matched::default();
            let is_free = row.free.has(release);
            let fits = is_free || matcher.run(row, release, arguments, &mut matched).is_ok();
            fits.then_some(matched)
        };
        if let ItemKind::Section(section) = &item.kind {
            let row = grammar::section(&name.value);
            let header = row.and_then(|row| fit(&mut matcher, row)).unwrap_or_default();
            model.add_section(text, section, header, place);
            continue;
        }
        let row = grammar::command(&name.value).map(|(_, row)| row);
        let row = row.filter(|row| row.releases.has(release) && !row.removed.has(release));
        match row.and_then(|row| Some((row, fit(&mut matcher, row)?))) {
            Some((row, matched)) => {
                let name = name.value.as_ref();
                model.commands.push(Command { object: row.object, name, place, words: arguments, matched });
            }
            None => model.is_partial = true,
        }
    }
    model.is_fragment = !model.is_partial && model.packages.is_empty() && !model.uses(INSTALLING);
    model
}

/// Commands of which every installation has one.
const INSTALLING: &[&str] = &[
    "part",
    "raid",
    "volgroup",
    "logvol",
    "btrfs",
    "mount",
    "autopart",
    "reqpart",
    "clearpart",
    "zerombr",
    "ignoredisk",
    "bootloader",
    "rootpw",
    "user",
];

impl<'d> Model<'d> {
    fn add_section(&mut self, text: &'d str, section: &Section, header: Matched<'d>, place: Place) {
        let body = section.body.of(text);
        match section.kind {
            SectionKind::Packages => {
                let lines = entries(text, section);
                let entries = lines.iter().filter(|(line, _)| first_word(line) != "%include").copied().collect();
                self.packages.push(Packages { place, header, entries, lines });
            }
            kind if kind.is_script() => {
                let (body_span, body_line) = (section.body, section.body_line);
                self.scripts.push(Script { kind, place, header, body, body_span, body_line });
            }
            kind => self.others.push((kind, place)),
        }
    }
}

/// The lines of a `%packages` body that say something, comments cut off.
fn entries<'d>(text: &'d str, section: &Section) -> Vec<(&'d str, Place)> {
    let mut entries = Vec::new();
    let mut at = section.body.start;
    let mut line = section.body_line;
    while at < section.body.end {
        let end = line_end(text, at);
        let bare = trim_start(&text[at..end]);
        if !bare.is_empty() && !bare.starts_with('#') {
            let start = end - bare.len();
            let entry = trim_end(trim_line_end(bare.split('#').next().unwrap_or_default()));
            entries.push((entry, Place { line, span: Span::new(start, start + entry.len()) }));
        }
        at = end;
        line += 1;
    }
    entries
}
