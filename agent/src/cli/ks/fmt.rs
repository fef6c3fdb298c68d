//! `rekindle ks fmt`: kickstarts in one order and spelling.

use kickstart::Release;

use super::input::{FileError, Source, likely_release};
use super::lint::print;
use super::{outcome, parallel};
use crate::cli::error::CliError;
use crate::cli::screen::Screen;
use crate::exit::Exit;

/// Write kickstarts in one order and spelling; comments stay with what they are about, and the meaning is the same
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  rekindle ks fmt web1.ks                          rewrite the file
  rekindle ks fmt --check *.ks                     name the files that would change, change none
  rekindle ks fmt --release rhel9 - < a.ks > b.ks  from standard input to standard output

A file with a mistake keeps its order; a line that its release does not understand stays as it is.

Exit status: 0, 1 with --check where a file would change, 2 for wrong arguments and files that cannot be read or written.")]
pub(crate) struct FmtArgs {
    /// Kickstarts, rewritten in place; `-` is standard input, written to standard output
    #[arg(required = true, value_name = "FILE")]
    files: Vec<Source>,
    /// The release to install, such as rhel9, alma9, f42; without it, what the file's `#version=` line says, else the newest that
    /// finds the fewest mistakes in it
    #[arg(long, value_name = "RELEASE")]
    release: Option<Release>,
    /// Change nothing; name the files that would change
    #[arg(long)]
    check: bool,
}

/// What became of one file.
struct Formatted {
    name: String,
    would_change: bool,
    /// Standard input in its new form.
    text: Option<String>,
}

/// Runs `rekindle ks fmt`.
pub(crate) fn run(screen: Screen, args: &FmtArgs) -> Result<Exit, CliError> {
    let (mut failed, mut refused) = (false, false);
    parallel::in_order(
        &args.files,
        |source| format_one(source, args),
        |formatted| -> Result<(), CliError> {
            match formatted {
                Err(error) => {
                    failed = true;
                    screen.note(&error);
                }
                Ok(Formatted { name, would_change: true, .. }) if args.check => {
                    refused = true;
                    print(screen, &format!("would change: {name}\n"))?;
                }
                Ok(Formatted { text: Some(text), .. }) if !args.check => print(screen, &text)?,
                Ok(Formatted { name, would_change: true, .. }) => print(screen, &format!("formatted: {name}\n"))?,
                Ok(_) => {}
            }
            Ok(())
        },
    )?;
    outcome(failed, refused)
}

fn format_one(source: &Source, args: &FmtArgs) -> Result<Formatted, String> {
    let one = || -> Result<Result<Formatted, String>, FileError> {
        let input = source.read()?;
        let text = match input.text() {
            Ok(text) => text,
            Err(found) => {
                return Ok(Err(format!(
                    "error: `{}` cannot be formatted\n  because: {found}\n  try: save it as UTF-8\n",
                    input.name
                )));
            }
        };
        // How a line is written hardly differs from release to release; what a lint says does, and so it asks.
        let release = input.release(args.release, "--release").unwrap_or_else(|_| likely_release(text));
        let formatted = kickstart::format(text, release);
        let would_change = formatted != text;
        if would_change && !args.check && !source.is_stdin() {
            source.write(&formatted)?;
        }
        let text = source.is_stdin().then_some(formatted);
        Ok(Ok(Formatted { name: input.name, would_change, text }))
    };
    one().map_err(|error| error.text())?
}
