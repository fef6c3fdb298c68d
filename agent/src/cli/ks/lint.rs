//! `rekindle ks lint`: what is wrong with kickstarts.

use std::collections::BTreeSet;

use clap::ValueEnum;
use kickstart::{Applicability, Diagnostic, LintOptions, Release, Severity, report};

use super::input::{FileError, Source, report_of};
use super::machine::{Disk, Firmware};
use super::summary::{Summary, colored};
use super::{outcome, parallel};
use crate::cli::error::CliError;
use crate::cli::screen::{Paint, Screen};
use crate::exit::Exit;

/// Check kickstarts: what the release refuses, and what the installer would stop at or do wrong
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  rekindle ks lint --release alma9 web1.ks
  rekindle ks lint --disk vda=20GiB --firmware uefi *.ks     what does not fit the machine too
  rekindle ks lint --available names.txt web1.ks             packages and groups that no repository has too
  rekindle ks lint --format json *.ks                        one JSON object a file and line
  rekindle ks lint --fix web1.ks                             mend what can be mended without asking
  generate | rekindle ks lint --release rhel9 -
  rekindle ks lint --ignore security --severity no-final-reboot=error web1.ks

`# rekindle: allow(CODE) reason` keeps a rule quiet about the next line; before an empty line at the head of a file, about all of
it. `rekindle ks explain` lists the rules, `rekindle ks explain CODE` is the manual of one.

Exit status: 0, 1 for an error in a file, 2 for wrong arguments and files that cannot be read.")]
pub(crate) struct LintArgs {
    /// Kickstarts; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<Source>,
    /// The release to install, such as rhel9, alma9, f42; without it, what the file's `#version=` line says
    #[arg(long, value_name = "RELEASE")]
    release: Option<Release>,
    /// How to write what is found
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    /// A disk of the machine, such as 20GiB or vda=20GiB; once for each
    #[arg(long, value_name = "[NAME=]SIZE")]
    disk: Vec<Disk>,
    /// How the machine starts
    #[arg(long, value_name = "FIRMWARE")]
    firmware: Option<Firmware>,
    /// What the repositories have, one name a line: packages as `dnf repoquery --qf '%{name}\n'` prints them, groups as @id,
    /// environments as @^id
    #[arg(long, value_name = "FILE")]
    available: Option<Source>,
    /// Make the changes after which the kickstart means the same; standard input is printed with them
    #[arg(long, conflicts_with = "parity")]
    fix: bool,
    /// Make also the changes that somebody should look at
    #[arg(long, conflicts_with = "parity")]
    unsafe_fixes: bool,
    /// Only what ksvalidator checks: no rules of ours
    #[arg(long, conflicts_with_all = ["select", "ignore", "severity", "available"])]
    parity: bool,
    /// Only these rules, by code or family
    #[arg(long, value_name = "RULE", value_delimiter = ',', value_parser = rule)]
    select: Vec<String>,
    /// Not these rules, by code or family; deprecations by their code too
    #[arg(long, value_name = "RULE", value_delimiter = ',', value_parser = rule_or_deprecation)]
    ignore: Vec<String>,
    /// Another severity for a rule: CODE=error, warning or info
    #[arg(long, value_name = "CODE=SEVERITY", value_delimiter = ',', value_parser = severity)]
    severity: Vec<(String, Severity)>,
}

/// `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people: the source line, what is wrong, what to do
    Text,
    /// One JSON object a file, one a line
    Json,
    /// Workflow commands, shown beside a pull request
    Github,
    /// One SARIF log
    Sarif,
}

/// One file's answer.
struct Linted {
    name: String,
    diagnostics: Vec<Diagnostic>,
    /// What goes to standard output for this file.
    rendered: String,
    /// The mended text of standard input.
    mended: Option<String>,
    changes: usize,
}

/// Runs `rekindle ks lint`.
pub(crate) fn run(screen: Screen, args: &LintArgs) -> Result<Exit, CliError> {
    let options = options(args).map_err(|error| {
        screen.note(&error.text());
        CliError::silent(Exit::Usage)
    })?;
    let paint = screen.out();
    let mut summary = Summary::default();
    let (mut failed, mut refused) = (false, false);
    let mut sarif: Vec<(String, Vec<Diagnostic>)> = Vec::new();
    parallel::in_order(
        &args.files,
        |source| lint_one(source, args, &options, paint),
        |linted| -> Result<(), CliError> {
            let linted = match linted {
                Ok(linted) => linted,
                Err(error) => {
                    failed = true;
                    screen.note(&error.text());
                    return Ok(());
                }
            };
            summary.add(&linted.diagnostics);
            summary.mended += linted.changes;
            refused |= linted.diagnostics.iter().any(Diagnostic::is_error);
            match linted.mended {
                Some(text) => {
                    print(screen, &text)?;
                    screen.note(&linted.rendered);
                }
                None => print(screen, &linted.rendered)?,
            }
            if args.format == Format::Sarif {
                sarif.push((linted.name, linted.diagnostics));
            }
            Ok(())
        },
    )?;
    match args.format {
        Format::Text if summary.files > 0 => screen.note(&summary.text(screen.err())),
        Format::Sarif => {
            let files: Vec<(&str, &[Diagnostic])> = sarif.iter().map(|(name, found)| (name.as_str(), found.as_slice())).collect();
            print(screen, &report::sarif::render(&files))?;
        }
        Format::Text | Format::Json | Format::Github => {}
    }
    outcome(failed, refused)
}

/// A reader that goes away changes nothing about the answer; any other failure is one of the output.
pub(super) fn print(screen: Screen, text: &str) -> Result<(), CliError> {
    match screen.print(text) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(CliError::usage(anyhow::Error::new(error).context("write the output")))
        }
        _ => Ok(()),
    }
}

fn options(args: &LintArgs) -> Result<LintOptions, FileError> {
    let available = match &args.available {
        Some(source) => {
            source.read()?.lossy().lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
        }
        None => BTreeSet::new(),
    };
    Ok(LintOptions {
        available,
        firmware: args.firmware.map(Into::into),
        // What is known of one disk holds only where there is no other.
        disk_mib: if let [disk] = args.disk.as_slice() { Some(disk.mib) } else { None },
        disks: args.disk.iter().filter_map(|disk| disk.name.clone()).collect(),
        select: args.select.clone(),
        ignore: args.ignore.clone(),
        severities: args.severity.clone(),
    })
}

fn lint_one(source: &Source, args: &LintArgs, options: &LintOptions, paint: Paint) -> Result<Linted, FileError> {
    let input = source.read()?;
    let release = input.release(args.release, "--release")?;
    let (mut mended, mut changes) = (None, 0);
    let report = match input.text() {
        Err(found) => report_of(*found),
        Ok(text) if args.parity => kickstart::check(text, release),
        Ok(text) if args.fix || args.unsafe_fixes => {
            let most = if args.unsafe_fixes { Applicability::Unsafe } else { Applicability::Safe };
            let fixed = kickstart::fix(text, release, options, most);
            changes = fixed.applied.len();
            if changes > 0 && !source.is_stdin() {
                source.write(&fixed.text)?;
            }
            let report = kickstart::lint(&fixed.text, release, options);
            mended = Some(fixed.text);
            report
        }
        Ok(text) => kickstart::lint(text, release, options),
    };
    let found = report.diagnostics();
    let name = &input.name;
    let rendered = match args.format {
        Format::Text if found.is_empty() => String::new(),
        Format::Text => {
            let shown = mended.as_deref().map_or_else(|| input.lossy(), Into::into);
            colored(&report::text::render(name, &shown, found), paint)
        }
        Format::Json => report::json::render(name, found) + "\n",
        Format::Github => report::github::render(name, found),
        Format::Sarif => String::new(),
    };
    let mended = mended.filter(|_| source.is_stdin());
    Ok(Linted { name: input.name, diagnostics: report.into_diagnostics(), rendered, mended, changes })
}

/// A rule's code or a family of rules.
fn rule(name: &str) -> Result<String, String> {
    known_name(name, kickstart::rules().flat_map(|(code, family, _)| [code, family]))
}

fn rule_or_deprecation(name: &str) -> Result<String, String> {
    let rules = kickstart::rules().flat_map(|(code, family, _)| [code, family]);
    known_name(name, rules.chain(kickstart::check_codes().filter(|code| code.starts_with("deprecated"))))
}

fn severity(text: &str) -> Result<(String, Severity), String> {
    let (code, severity) = text.split_once('=').ok_or("write CODE=error, CODE=warning or CODE=info")?;
    let severity = match severity {
        "error" => Severity::Error,
        "warning" => Severity::Warning,
        "info" => Severity::Info,
        other => return Err(format!("`{other}` is no severity; write error, warning or info")),
    };
    Ok((rule_or_deprecation(code)?, severity))
}

fn known_name<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Result<String, String> {
    let mut nearest = (usize::MAX, "");
    for known in known {
        if known == name {
            return Ok(name.to_owned());
        }
        nearest = nearest.min((strsim::damerau_levenshtein(name, known), known));
    }
    let guess = if nearest.0 <= name.len() / 3 + 1 { format!("did you mean `{}`? ", nearest.1) } else { String::new() };
    Err(format!("there is no such rule; {guess}`rekindle ks explain` lists them"))
}
