//! Reads kickstart files as Anaconda understands them: no I/O, no async, no unsafe code.
//!
//! [`check()`] says whether a kickstart is valid for a release, [`parse()`] gives the document itself:
//! every line and word with its place, comments and blank lines included.
//!
//! ```
//! use kickstart::{Release, Severity, check, report};
//!
//! let text = "\
//! text
//! timezone Europe/Berlin --isUtc
//! part / --fstype=xfs --size=lots
//! %packages
//! @core
//! %end
//! ";
//! let found = check(text, Release::Rhel9);
//! assert!(!found.is_ok());
//!
//! let error = found.errors().next().expect("one error");
//! assert_eq!((error.code, error.line, error.column), ("invalid-integer", 3, 21));
//! assert_eq!(error.severity, Severity::Error);
//! println!("{}", report::text::render("web1.ks", text, found.diagnostics()));
//! ```
//!
//! A [`Release`] parses from what people type: `"alma9".parse::<Release>()`.
//!
//! What `check` answers is what `ksvalidator` of pykickstart 3.78 answers, three-valued: an
//! [`Severity::Error`] where it refuses the file, a [`Severity::Warning`] whose code starts with
//! `deprecated` where all it has against the file is something deprecated, else nothing. Unlike
//! it, `check` goes on after the first error. `%include` and `%ksappend` are not followed.
//!
//! Where to start reading: `parser` cuts the text into lines and sections, `lexer` cuts a line into
//! words, `grammar` is the data of all releases, `argparse` matches words with options, `check`
//! goes over the document. Nothing is built at run time: a check of a 100-line kickstart takes
//! some tens of microseconds from the first call on.
#![forbid(unsafe_code)]

mod argparse;
mod check;
mod command;
mod describe;
mod diagnostic;
mod document;
mod fix;
mod format;
mod grammar;
mod lexer;
mod lint;
pub mod model;
mod order;

mod parser;
mod python;
mod reading;
mod release;
pub mod report;
mod rules;
mod source;
mod suggest;
mod upgrade;
mod zones;

pub use diagnostic::{Applicability, Diagnostic, Edit, Fix, Severity};
pub use document::{Document, Item, ItemKind, Section, SectionKind, Words};
pub use fix::Fixed;
pub use lexer::Word;
pub use lint::{Firmware, LintOptions};
pub use release::{Release, UnknownRelease};
pub use source::Span;
pub use upgrade::{Change, Upgraded};

/// Reads a kickstart. Never fails: what is wrong with the shape of the text (an open quote or
/// section, an unknown section) is in the diagnostics, in the order of the lines.
///
/// ```
/// let text = "# disks\nzerombr\n\nautopart --type=lvm # all\n";
/// let (document, diagnostics) = kickstart::parse(text);
/// assert!(diagnostics.is_empty());
/// assert_eq!(document.write(), text);
/// let (line, words) = document.commands().nth(1).expect("autopart");
/// assert_eq!((line, words[1].value.as_ref()), (4, "--type=lvm"));
/// ```
pub fn parse(text: &str) -> (Document<'_>, Vec<Diagnostic>) {
    parser::parse(text)
}

/// The bytes of a file as the text that the other functions take, or why they are none.
///
/// Anaconda reads kickstarts as UTF-8 and ends with an error at any other byte.
///
/// ```
/// assert_eq!(kickstart::decode(b"text\n"), Ok("text\n"));
/// let found = kickstart::decode(b"text\nlang \xff\n").expect_err("not UTF-8");
/// assert_eq!((found.code, found.line, found.column), ("not-utf-8", 2, 6));
/// ```
pub fn decode(bytes: &[u8]) -> Result<&str, Box<Diagnostic>> {
    std::str::from_utf8(bytes).map_err(|error| {
        let valid = error.valid_up_to();
        let before = std::str::from_utf8(&bytes[..valid]).unwrap_or_default();
        let mut line = 1;
        let mut start = 0;
        // The line that holds the bad byte is the first that has no line break before it.
        while let end = python::line_end(before, start)
            && python::trim_line_end(&before[start..end]).len() < end - start
        {
            line += 1;
            start = end;
        }
        Box::new(Diagnostic {
            severity: Severity::Error,
            code: "not-utf-8",
            message: format!("byte 0x{:02x} is not UTF-8", bytes.get(valid).copied().unwrap_or_default()),
            span: Span::new(valid, valid + 1),
            line,
            column: source::column_at(before, start, valid),
            help: Some("save the file as UTF-8".to_owned()),
            fix: None,
        })
    })
}

/// Checks a kickstart against the grammar of a release.
pub fn check(text: &str, release: Release) -> Report {
    let (document, mut diagnostics) = parser::parse(text);
    check::check_document(&document, release, &mut diagnostics);
    // The parser's findings come first; one list in the order of the lines reads better.
    diagnostics.sort_by_key(|diagnostic| (diagnostic.line, diagnostic.column));
    Report { diagnostics }
}

/// Checks a kickstart as [`check()`] does, and looks for what the installer would refuse, stop at or do
/// wrong: the rules of `docs/rules.md`.
///
/// A comment `# rekindle: allow(code) reason` keeps a rule quiet about the line after it; before an
/// empty line at the head of the file it holds for the whole file.
///
/// ```
/// use kickstart::{LintOptions, Release, lint};
/// let text = "part /home --size=1024\n# rekindle: allow(firewall-disabled) a lab\nfirewall --disabled\n";
/// let report = lint(text, Release::Rhel9, &LintOptions::default());
/// let codes: Vec<&str> = report.diagnostics().iter().map(|d| d.code).collect();
/// assert!(codes.contains(&"no-root-filesystem"));
/// assert!(!codes.contains(&"firewall-disabled"));
/// ```
pub fn lint(text: &str, release: Release, options: &LintOptions) -> Report {
    let (document, mut diagnostics) = parser::parse(text);
    check::check_document(&document, release, &mut diagnostics);
    lint::run(&document, release, options, &mut diagnostics);
    diagnostics.sort_by_key(|diagnostic| (diagnostic.line, diagnostic.column));
    Report { diagnostics }
}

/// Lints a kickstart and makes the changes that its findings suggest, until there are no more of them.
///
/// `most` says whether only [`Applicability::Safe`] changes are made, after which the kickstart means
/// the same, or also those that somebody should look at.
///
/// ```
/// use kickstart::{Applicability, LintOptions, Release, fix};
/// let fixed = fix("timezone UTC --isUtc\n", Release::Rhel9, &LintOptions::default(), Applicability::Safe);
/// assert_eq!(fixed.text, "timezone UTC --utc\n");
/// assert_eq!(fixed.applied, ["deprecated-option"]);
/// ```
pub fn fix(text: &str, release: Release, options: &LintOptions, most: Applicability) -> Fixed {
    fix::fix(text, release, options, most)
}

/// Writes a kickstart in one order and spelling: commands by subject and sections after them, options in full and as
/// `--option=value`, the usual ones first and the others by name, quotes only where they are needed, one space between words, no
/// space around lines, at most one empty line in a row, Unix line ends.
///
/// Comments go with the line below them. What the order of matters keeps it: lines about one thing, scripts of one kind,
/// whatever stands around an `%include`. The bodies of scripts stay as they are, and so does a line that does not fit its command;
/// a kickstart with an error keeps the order of its lines. It means the same afterwards: [`model::Kickstart::read`] gives the same.
///
/// ```
/// use kickstart::{Release, format};
/// let text = "  part   '/' --gr --si 1024   # root\r\n\n\n\ntext";
/// assert_eq!(format(text, Release::Rhel9), "text\n\npart / --size=1024 --grow  # root\n");
/// ```
pub fn format(text: &str, release: Release) -> String {
    format::format(text, release)
}

/// Rewrites a kickstart for another release: what is gone is dropped or replaced, and each change is
/// named, with whether a person must decide. The result is checked for the new release.
///
/// ```
/// use kickstart::{Release, upgrade};
/// let text = "install\ntimezone Europe/Berlin --isUtc --ntpservers=ntp.example.com\n";
/// let upgraded = upgrade(text, Release::Rhel7, Release::Rhel9);
/// assert_eq!(upgraded.text, "timezone Europe/Berlin --utc\ntimesource --ntp-server=ntp.example.com\n");
/// assert!(upgraded.report.is_ok() && !upgraded.report.is_deprecated());
/// ```
pub fn upgrade(text: &str, from: Release, to: Release) -> Upgraded {
    upgrade::upgrade(&parser::parse(text).0, from, to)
}

/// The manual of a rule, or of a code that [`check()`] reports: what it finds, why, an example and a fix, as Markdown.
///
/// ```
/// assert!(kickstart::explain("no-root-filesystem").is_some_and(|text| text.contains("# Fix")));
/// assert!(kickstart::explain("unknown-option").is_some_and(|text| text.contains("# Fix")));
/// assert_eq!(kickstart::explain("no-such-rule"), None);
/// ```
pub fn explain(code: &str) -> Option<String> {
    let rule = rules::RULES.iter().find(|rule| rule.code == code).map(rules::Rule::manual);
    rule.or_else(|| check::manual::PAGES.iter().find(|page| page.code == code).map(check::manual::Page::manual))
}

/// The codes that [`check()`] reports, by name; those that start with `deprecated` are warnings, the others errors.
pub fn check_codes() -> impl Iterator<Item = &'static str> {
    check::manual::PAGES.iter().map(|page| page.code)
}

/// The names of all commands and sections that `release` knows, or any release.
pub fn commands(release: Option<Release>) -> impl Iterator<Item = &'static str> {
    let wanted = move |row: &&grammar::CommandRow| release.is_none_or(|release| row.releases.has(release));
    grammar::commands().iter().chain(grammar::sections()).filter(wanted).map(|row| row.name)
}

/// What the `#version=` line of a kickstart says, if it has one: the name of a release, as its writer spelt it.
///
/// ```
/// assert_eq!(kickstart::version_comment("# web\n#version=RHEL9\ntext\n"), Some("RHEL9"));
/// assert_eq!(kickstart::version_comment("text\n"), None);
/// ```
pub fn version_comment(text: &str) -> Option<&str> {
    text.lines().find_map(|line| line.strip_prefix("#version=")).map(str::trim)
}

/// The manual of a command or section: its options and arguments, in which releases it is known,
/// deprecated and removed. With a release only what that release has; `None` if it is not known there.
///
/// ```
/// use kickstart::{Release, describe};
/// let text = describe("timesource", Some(Release::Rhel9)).expect("rhel9 has it");
/// assert!(text.contains("--ntp-server=VALUE"));
/// assert_eq!(describe("timesource", Some(Release::Rhel8)), None);
/// ```
pub fn describe(name: &str, release: Option<Release>) -> Option<String> {
    describe::describe(name, release)
}

/// The manual of one option: its type, what it belongs to, in which releases it is known, deprecated and removed. Names may be
/// cut short as in a kickstart. `None` if the command or section has no such option (in `release`, where one is given).
///
/// ```
/// use kickstart::{Release, describe_option};
/// let text = describe_option("timezone", "--isUtc", None).expect("older releases have it");
/// assert!(text.contains("Known in: rhel8 rhel9"), "{text}");
/// assert_eq!(describe_option("timezone", "--isUtc", Some(Release::Rhel10)), None);
/// ```
pub fn describe_option(command: &str, option: &str, release: Option<Release>) -> Option<String> {
    describe::describe_option(command, option, release)
}

/// The names of all options of a command or section, in any release; those that have two are given twice.
pub fn options(command: &str) -> impl Iterator<Item = &'static str> {
    let row = if command.starts_with('%') { grammar::section(command) } else { grammar::command(command).map(|(_, row)| row) };
    row.into_iter().flat_map(|row| row.options).flat_map(|option| option.names.iter().copied())
}

/// The codes of all rules with their families and severities, in the order they run.
pub fn rules() -> impl Iterator<Item = (&'static str, &'static str, Severity)> {
    rules::RULES.iter().map(|rule| (rule.code, rule.family, rule.severity))
}

impl From<Vec<Diagnostic>> for Report {
    fn from(diagnostics: Vec<Diagnostic>) -> Self {
        Self { diagnostics }
    }
}

/// What [`check()`] or [`lint()`] found, in the order of the lines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    diagnostics: Vec<Diagnostic>,
}

impl Report {
    /// Whether there is no error; warnings do not count.
    pub fn is_ok(&self) -> bool {
        self.errors().next().is_none()
    }

    /// All findings.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// All findings, to keep.
    pub fn into_diagnostics(self) -> Vec<Diagnostic> {
        self.diagnostics
    }

    /// The findings for which the kickstart is refused.
    pub fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.diagnostics.iter().filter(|diagnostic| diagnostic.is_error())
    }

    /// Whether something deprecated is used.
    pub fn is_deprecated(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.code.starts_with("deprecated"))
    }
}
