//! `rekindle ks upgrade`: a kickstart for another release.

use std::fmt::Write as _;

use kickstart::{LintOptions, Release, Severity, report};

use super::input::{FileError, Source};
use super::lint::print;
use super::summary::colored;
use crate::cli::error::CliError;
use crate::cli::screen::{Paint, Screen};
use crate::exit::Exit;

/// Rewrite a kickstart for another release, and say each change and what a person must decide
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  rekindle ks upgrade --from rhel7 --to rhel9 web1.ks > web1-el9.ks
  rekindle ks upgrade --to alma10 --write web1.ks            in place; its #version= line says where it comes from
  rekindle ks upgrade --from el8 --to el9 - < a.ks

The new kickstart goes to standard output, what was changed to standard error.

Exit status: 0, 1 where a person must decide something or the new release would refuse the result, 2 for wrong arguments and
files that cannot be read or written.")]
pub(crate) struct UpgradeArgs {
    /// The kickstart; `-` is standard input
    file: Source,
    /// The release it was written for; without it, what its `#version=` line says
    #[arg(long, value_name = "RELEASE")]
    from: Option<Release>,
    /// The release to install
    #[arg(long, value_name = "RELEASE")]
    to: Release,
    /// Rewrite the file in place
    #[arg(long)]
    write: bool,
}

/// Runs `rekindle ks upgrade`.
pub(crate) fn run(screen: Screen, args: &UpgradeArgs) -> Result<Exit, CliError> {
    let fail = |error: FileError| {
        screen.note(&error.text());
        CliError::silent(Exit::Usage)
    };
    let input = args.file.read().map_err(fail)?;
    let from = input.release(args.from, "--from").map_err(fail)?;
    let text = input.text().map_err(|found| {
        let because = anyhow::anyhow!("{found}").context(format!("`{}` cannot be upgraded", input.name));
        CliError::usage(because).help("save it as UTF-8")
    })?;
    let upgraded = kickstart::upgrade(text, from, args.to);
    if args.write && !args.file.is_stdin() {
        args.file.write(&upgraded.text).map_err(fail)?;
    } else {
        print(screen, &upgraded.text)?;
    }
    let paint = screen.err();
    let mut said = String::new();
    for change in &upgraded.changes {
        let mark = if change.needs_decision { paint.yellow("decide:") } else { paint.green("changed:") };
        // Writing to a String cannot fail.
        let _ = writeln!(said, "{mark} {}:{}: {}", input.name, change.line, change.message);
    }
    let decisions = upgraded.changes.iter().filter(|change| change.needs_decision).count();
    let options = LintOptions::default();
    let report = kickstart::lint(&upgraded.text, args.to, &options);
    let wrong: Vec<_> = report.into_diagnostics().into_iter().filter(|found| found.severity == Severity::Error).collect();
    if !wrong.is_empty() {
        let _ = writeln!(said, "\n{} still wrong for {}:\n", paint.red("what is"), args.to);
        said.push_str(&colored(&report::text::render(&input.name, &upgraded.text, &wrong), paint));
    }
    said.push_str(&last_line(paint, from, args.to, upgraded.changes.len() - decisions, decisions, wrong.len()));
    screen.note(&said);
    Ok(if decisions + wrong.len() > 0 { Exit::No } else { Exit::Ok })
}

fn last_line(paint: Paint, from: Release, to: Release, changed: usize, decisions: usize, wrong: usize) -> String {
    let head = if decisions + wrong > 0 { paint.yellow("look at it:") } else { paint.green("ok:") };
    let decide = match decisions {
        0 => "nothing to decide".to_owned(),
        1 => "1 thing to decide".to_owned(),
        _ => format!("{decisions} things to decide"),
    };
    let clean = match wrong {
        0 => format!("{to} takes it"),
        1 => "1 error".to_owned(),
        _ => format!("{wrong} errors"),
    };
    let changes = if changed == 1 { "change" } else { "changes" };
    format!("{head} {from} to {to}: {changed} {changes}, {decide}, {clean}\n")
}
