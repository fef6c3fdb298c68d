//! The manual of a command or section, from the grammar: options, arguments, since when, until when.
//!
//! Called by [`crate::describe()`]; says nothing that the grammar does not hold.

use std::fmt::Write as _;

use crate::grammar::{self, CommandRow, Count, Kind, OptionRow, Releases};
use crate::release::Release;

/// The manual of `name`; with a release only what that release has.
pub(crate) fn describe(name: &str, release: Option<Release>) -> Option<String> {
    let is_section = name.starts_with('%');
    let row = if is_section { grammar::section(name) } else { grammar::command(name).map(|(_, row)| row) };
    let row = row.filter(|row| release.is_none_or(|release| row.releases.has(release)))?;
    let mut out = format!("{}\n\n", usage(row, release));
    let others: Vec<&str> = same_command(row).filter(|other| *other != row.name).collect();
    if !others.is_empty() {
        line(&mut out, "Also written", &others.join(", "));
    }
    line(&mut out, "Releases", &names(minus(row.releases, row.removed)));
    for (what, set) in [("Deprecated in", row.deprecated), ("Removed in", row.removed)] {
        if set.iter().next().is_some() {
            line(&mut out, what, &set.names());
        }
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
        describe_option(option, row, &mut out);
    }
    Some(out)
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

fn describe_option(option: &OptionRow, row: &CommandRow, out: &mut String) {
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
    if option.releases != minus(row.releases, Releases(row.removed.0 | row.deprecated.0)) {
        notes.push(names(option.releases));
    }
    if option.deprecated.iter().next().is_some() {
        notes.push(format!("deprecated in {}", option.deprecated.names()));
    }
    if !notes.is_empty() {
        let _ = write!(out, ": {}", notes.join("; "));
    }
    out.push('\n');
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
        assert!(text.starts_with("timezone [OPTIONS] [TIMEZONE…]\n"), "{text}");
        assert!(text.contains("  --utc: ") && !text.contains("--ntpservers"), "{text}");
        let text = describe("part", None).expect("a manual");
        assert!(text.contains("Also written: partition\n"), "{text}");
        assert!(text.contains("Not together with: autopart, mount\n"), "{text}");
        assert!(text.contains("  --size=NUMBER\n"), "{text}");
        assert!(text.contains("  --hw-passphrase=VALUE: f41 f42 f43 f44\n"), "{text}");
        let text = describe("install", None).expect("a manual");
        assert!(text.contains("Deprecated in: rhel8\nRemoved in: rhel9 rhel10"), "{text}");
        let text = describe("%post", None).expect("a manual");
        assert!(text.contains("  --log=VALUE (also --logfile)\n"), "{text}");
        assert_eq!(describe("frob", None), None);
        assert_eq!(describe("timesource", Some(Release::Rhel8)), None);
    }
}
