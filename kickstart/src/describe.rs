//! The manual of a command or section, from the grammar: options, arguments, since when, until when.
//!
//! Called by [`crate::describe()`]; says nothing that the grammar, the meanings beside it and the upgrade do not hold.

use std::fmt::Write as _;

use crate::grammar::{self, CommandRow, Count, Kind, OptionRow, Releases, meaning};
use crate::release::Release;
use crate::upgrade::{command_successor, is_outdated, option_successor};

/// The manual of `name`; with a release only what that release has.
pub(crate) fn describe(name: &str, release: Option<Release>) -> Option<String> {
    let is_section = name.starts_with('%');
    let row = if is_section { grammar::section(name) } else { grammar::command(name).map(|(_, row)| row) };
    let row = row.filter(|row| release.is_none_or(|release| row.releases.has(release)))?;
    let mut out = format!("{}\n\n{}\n\n", usage(row, release), meaning::of_command(row));
    let others: Vec<&str> = same_command(row).filter(|other| *other != row.name).collect();
    if !others.is_empty() {
        let is_other_meaning =
            |name: &&str| grammar::command(name).is_some_and(|(_, row)| row.object != row.name && !meaning::is_alias(row));
        let what = if others.iter().chain([&row.name]).any(is_other_meaning) { "Only one of it and" } else { "Also written" };
        line(&mut out, what, &others.join(", "));
    }
    line(&mut out, "Releases", &names(minus(row.releases, row.removed)));
    for (what, set) in [("Deprecated in", row.deprecated), ("Removed in", row.removed)] {
        if set.iter().next().is_some() {
            line(&mut out, what, &set.names());
        }
    }
    if let Some(gone) = release.filter(|release| gone_in(row).has(*release)).or_else(|| gone_in(row).iter().last()) {
        line(&mut out, "Replaced by", &command_successor(row.object, gone));
    }
    let is_live = release.map_or(gone_in(row) != row.releases, |release| !gone_in(row).has(release));
    if row.repeatable.iter().next().is_some() {
        line(&mut out, "Given again", "each adds one more");
    } else if !is_section && is_live {
        line(&mut out, "Given again", "the last line counts");
    }
    let wanted = |releases: Releases| release.is_none_or(|release| releases.has(release));
    for (_, conflicts) in row.conflicts.iter().filter(|(releases, _)| wanted(*releases)) {
        line(&mut out, "Not together with", &conflicts.join(", "));
    }
    let options: Vec<&OptionRow> = row.options.iter().filter(|option| wanted(option.releases)).collect();
    if !options.is_empty() {
        out.push_str("\nOptions:\n");
    }
    for option in options {
        option_line(option, row, &mut out);
    }
    Some(out)
}

/// The manual of one option; it has one form for each change between releases.
pub(crate) fn describe_option(command: &str, option: &str, release: Option<Release>) -> Option<String> {
    let row = if command.starts_with('%') { grammar::section(command) } else { grammar::command(command).map(|(_, row)| row) }?;
    let here = |form: &&OptionRow| release.is_none_or(|release| form.releases.has(release));
    let forms = || row.options.iter().filter(here);
    let exact: Vec<&OptionRow> = forms().filter(|form| form.names.contains(&option)).collect();
    let wanted = if exact.is_empty() {
        forms().filter(|form| form.names.iter().any(|name| name.starts_with(option))).collect()
    } else {
        exact
    };
    if wanted.is_empty() {
        return None;
    }
    let mut out = String::new();
    for form in wanted {
        if !out.is_empty() {
            out.push('\n');
        }
        option_page(row, form, &mut out);
    }
    Some(out)
}

fn option_page(row: &CommandRow, form: &OptionRow, out: &mut String) {
    let _ = writeln!(out, "{} {}\n\n{}\n", row.name, shape(form), meaning::of_option(row, form.names[0]));
    if let [_, others @ ..] = form.names
        && !others.is_empty()
    {
        line(out, "Also written", &others.join(", "));
    }
    let kind = match form.kind {
        _ if form.count == Count::Zero => "none: it is there or not",
        _ if !form.choices.is_empty() => "one of the words above",
        Kind::Int => "a whole number, without a unit",
        Kind::Bool => "on or off (yes, no, true, false, 1, 0)",
        Kind::List => "words between commas",
        Kind::Text | Kind::Keyword => "text",
    };
    line(out, "Value", kind);
    if form.required {
        line(out, "Required", "always");
    }
    if form.repeatable {
        line(out, "Given again", "adds to what was given before");
    } else if form.count != Count::Zero {
        line(out, "Given again", "the last one counts");
    }
    let is_same = |other: &&OptionRow| other.names.iter().any(|name| form.names.contains(name));
    let others = row.options.iter().filter(|other| other.dest == form.dest && !is_same(other));
    let mut others: Vec<&str> = others.map(|other| other.names[0]).collect();
    others.dedup();
    if !others.is_empty() {
        line(out, "Sets the same as", &others.join(", "));
    }
    line(out, "Known in", &form.releases.names());
    let mut deprecated = form.deprecated;
    for release in form.releases.iter().filter(|release| is_outdated(row.object, form.names[0], *release)) {
        deprecated.0 |= 1 << release.index();
    }
    if deprecated.iter().next().is_some() {
        line(out, "Deprecated in", &deprecated.names());
    }
    let known = row.options.iter().filter(is_same).fold(0, |bits, other| bits | other.releases.0);
    let without = minus(row.releases, Releases(known | row.removed.0));
    if without.iter().next().is_some() {
        line(out, "Not in", &without.names());
    }
    let gone = deprecated.iter().last().or_else(|| {
        // Only what was there before can have been replaced.
        without.iter().filter(|release| form.releases.iter().any(|known| known < *release)).last()
    });
    if let Some(successor) = gone.and_then(|to| option_successor(row.object, form.names[0], to)) {
        line(out, "Replaced by", &successor);
    }
}

/// One line a fact.
fn line(out: &mut String, what: &str, fact: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{what}: {fact}");
}

/// The names that mean the same command.
fn same_command(row: &CommandRow) -> impl Iterator<Item = &'static str> + use<> {
    let object = row.object;
    grammar::commands().iter().filter(move |other| other.object == object).map(|other| other.name)
}

fn usage(row: &CommandRow, release: Option<Release>) -> String {
    let here = |option: &&OptionRow| release.is_none_or(|release| option.releases.has(release));
    let mut usage = row.name.to_owned();
    for option in row.options.iter().filter(here).filter(|option| option.required) {
        let _ = write!(usage, " {}", shape(option));
    }
    if row.options.iter().filter(here).any(|option| !option.required) {
        usage.push_str(" [OPTIONS]");
    }
    for argument in row.positionals.iter().filter(here) {
        let name = argument.dest.to_uppercase();
        let _ = match argument.count {
            Count::Any => write!(usage, " [{name}…]"),
            Count::Maybe => write!(usage, " [{name}]"),
            Count::One | Count::Zero => write!(usage, " {name}"),
        };
    }
    usage
}

/// `--name=VALUE` as it is written.
fn shape(option: &OptionRow) -> String {
    let name = option.names[0];
    let value = match option.kind {
        _ if option.count == Count::Zero => return name.to_owned(),
        _ if !option.choices.is_empty() => option.choices.join("|"),
        Kind::Int => "NUMBER".to_owned(),
        Kind::Bool => "on|off".to_owned(),
        Kind::List => "A,B,…".to_owned(),
        Kind::Text | Kind::Keyword => "VALUE".to_owned(),
    };
    if option.count == Count::Maybe { format!("{name}[={value}]") } else { format!("{name}={value}") }
}

fn option_line(option: &OptionRow, row: &CommandRow, out: &mut String) {
    let _ = write!(out, "  {}", shape(option));
    if let [_, others @ ..] = option.names
        && !others.is_empty()
    {
        let _ = write!(out, " (also {})", others.join(", "));
    }
    let mut notes = Vec::new();
    if option.required {
        notes.push("required".to_owned());
    }
    if option.repeatable {
        notes.push("may be given again".to_owned());
    }
    if option.releases != minus(row.releases, gone_in(row)) {
        notes.push(names(option.releases));
    }
    if option.deprecated.iter().next().is_some() {
        notes.push(format!("deprecated in {}", option.deprecated.names()));
    }
    let notes = if notes.is_empty() { String::new() } else { format!(" [{}]", notes.join("; ")) };
    let _ = writeln!(out, "\n      {}{notes}", meaning::of_option(row, option.names[0]));
}

/// The releases in which the command does nothing any more.
fn gone_in(row: &CommandRow) -> Releases {
    Releases(row.removed.0 | row.deprecated.0)
}

fn minus(all: Releases, some: Releases) -> Releases {
    Releases(all.0 & !some.0)
}

fn names(releases: Releases) -> String {
    match releases.iter().count() {
        0 => "none".to_owned(),
        count if count == Release::ALL.len() => "all".to_owned(),
        _ => releases.names(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_says_what_the_grammar_holds() {
        let text = describe("timezone", Some(Release::Rhel10)).expect("a manual");
        assert!(text.starts_with("timezone [OPTIONS] [TIMEZONE…]\n\nThe time zone of the installed system.\n"), "{text}");
        assert!(text.contains("  --utc\n      The hardware clock") && !text.contains("--ntpservers"), "{text}");
        assert!(text.contains("\nGiven again: the last line counts\n"), "{text}");
        let text = describe("part", None).expect("a manual");
        assert!(text.contains("Also written: partition\n"), "{text}");
        assert!(text.contains("Not together with: autopart, mount\n"), "{text}");
        assert!(text.contains("\nGiven again: each adds one more\n"), "{text}");
        assert!(text.contains("  --size=NUMBER\n"), "{text}");
        assert!(
            text.contains("  --hw-passphrase=VALUE\n      Password of the disk's own encryption (OPAL). [f41 f42 f43 f44]\n"),
            "{text}"
        );
        let text = describe("install", None).expect("a manual");
        assert!(text.contains("Deprecated in: rhel8\nRemoved in: rhel9 rhel10"), "{text}");
        assert!(text.contains("\nReplaced by: nothing: to install is what a kickstart does\n"), "{text}");
        let text = describe("auth", None).expect("a manual");
        assert!(text.contains("\nReplaced by: authselect\n"), "{text}");
        let text = describe_option("timezone", "--ntpservers", None).expect("a manual");
        assert!(text.contains("\nReplaced by: timesource --ntp-server=VALUE\n"), "{text}");
        let text = describe_option("firewall", "--port", None).expect("a manual");
        assert!(text.contains("\nGiven again: adds to what was given before\n"), "{text}");
        let text = describe("%post", None).expect("a manual");
        assert!(text.contains("  --log=VALUE (also --logfile)\n"), "{text}");
        assert!(text.contains("\nGiven again: each adds one more\n"), "{text}");
        assert_eq!(describe("frob", None), None);
        assert_eq!(describe("timesource", Some(Release::Rhel8)), None);
    }
}
