//! `rekindle ks`: kickstart tools that need no agent, no site, no libvirt and no configuration.
//!
//! Called by `cli::run` before anything of the host is looked at. Each subcommand reads files (`input`), asks the kickstart
//! library, and prints; what is wrong and what to write in its place is decided there. Exit status: 0, 1 where a kickstart is
//! refused or differs, 2 for wrong arguments and files that cannot be read or written.

mod explain;
mod fmt;
mod input;
mod lint;
mod machine;
mod parallel;
mod summary;
mod upgrade;

use clap::{Args, Subcommand};

use super::error::CliError;
use super::screen::Screen;
use crate::exit::Exit;

/// Read, check, format, explain and upgrade kickstarts, as Anaconda understands them
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  rekindle ks lint --release alma9 web1.ks
  rekindle ks fmt *.ks
  rekindle ks explain logvol/--grow --release rhel9

Nothing but the files named is read: no site, no configuration, no libvirt, no network.

Exit status:
  0  nothing is wrong
  1  a kickstart is refused, is not formatted, or needs a decision
  2  wrong arguments, or a file that cannot be read or written")]
pub(crate) struct KsArgs {
    #[command(subcommand)]
    command: KsCommand,
}

#[derive(Debug, Subcommand)]
enum KsCommand {
    Lint(lint::LintArgs),
    Fmt(fmt::FmtArgs),
    Explain(explain::ExplainArgs),
    Upgrade(upgrade::UpgradeArgs),
}

/// Runs `rekindle ks`.
pub(crate) fn run(screen: Screen, args: &KsArgs) -> Result<Exit, CliError> {
    match &args.command {
        KsCommand::Lint(args) => lint::run(screen, args),
        KsCommand::Fmt(args) => fmt::run(screen, args),
        KsCommand::Explain(args) => explain::run(screen, args),
        KsCommand::Upgrade(args) => upgrade::run(screen, args),
    }
}

/// The end of a run over many files: what could not be read or written weighs most.
fn outcome(failed: bool, refused: bool) -> Result<Exit, CliError> {
    match (failed, refused) {
        (true, _) => Err(CliError::silent(Exit::Usage)),
        (false, true) => Ok(Exit::No),
        (false, false) => Ok(Exit::Ok),
    }
}
