//! `rekindle repo`: the site's own stage repositories.
//!
//! One file a verb where it prints more than a line; `common` opens the repository, `view` is what is written as JSON. Every
//! decision is `execute::repo`'s.

mod board;
mod change;
mod common;
mod mirror;
mod os;
mod others;
mod owner;
mod timeline;
mod verify;
mod view;
mod vms;

use camino::Utf8PathBuf;
use clap::Subcommand;

use super::context::Context;
use super::error::CliError;
use crate::exit::Exit;
use crate::spec::{Digest, StageName};

/// Bring packages into the site's stage repositories, move them on, and prove what is where
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  rekindle repo add dev shop-web-2.1-1.x86_64.rpm
  rekindle repo promote shop-web --from dev --to testing
  rekindle repo promote --passed --from testing --to rc
  rekindle repo promote shop-web --from rc --to stable --approved-by alice
  rekindle repo status
  rekindle repo verify shop-web
  rekindle repo rollback stable 41 --approved-by alice

docs/repositories.md tells how it works. Exit status 1 when it may not happen, with the reason, and nothing has changed.")]
pub(crate) struct RepoArgs {
    #[command(subcommand)]
    command: RepoCommand,
}

#[derive(Debug, Subcommand)]
enum RepoCommand {
    Mirror(mirror::MirrorArgs),
    Os(os::OsArgs),
    Timeline(timeline::TimelineArgs),
    /// Take packages into a stage: all that are given, or none
    Add {
        /// The stage; the first one, unless the site opens others
        stage: StageName,
        /// RPM files
        #[arg(required = true)]
        files: Vec<Utf8PathBuf>,
        #[command(flatten)]
        said: Said,
    },
    /// Move packages to the next stage, in one publication
    Promote(PromoteArgs),
    /// Show the board: every package with its version in each stage, its age there, its checks, and the VMs that run it
    Status {
        /// Only these packages
        packages: Vec<String>,
        /// Write JSON
        #[arg(long)]
        json: bool,
    },
    /// Prove that packages are the same in the pool, in the repodata of each stage, on disk, and on the VMs that run them
    Verify {
        /// Only these packages
        packages: Vec<String>,
        /// Write JSON
        #[arg(long)]
        json: bool,
    },
    /// List the publications of a stage
    History {
        /// The stage
        stage: StageName,
        /// Write JSON
        #[arg(long)]
        json: bool,
    },
    /// Write a stage's packages with their digests, for `promote --manifest`
    Manifest {
        /// The stage
        stage: StageName,
    },
    /// Give a stage the content of one of its earlier generations again
    Rollback {
        /// The stage
        stage: StageName,
        /// The generation, as `history` counts them
        to: u64,
        /// Who approved
        #[arg(long, value_name = "NAME")]
        approved_by: Option<String>,
        #[command(flatten)]
        said: Said,
    },
    /// Let go of old versions, and of packages that no stage and no VM needs any more
    Gc {
        /// Say what would go, and change nothing
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        said: Said,
    },
}

/// What every change is given.
#[derive(Debug, clap::Args)]
struct Said {
    /// Who asks, where that is not whose login this is; the history has both
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// A word for the history
    #[arg(long, value_name = "TEXT", default_value = "")]
    note: String,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["packages", "passed", "manifest"]))]
struct PromoteArgs {
    /// Packages: NAME for the newest, NAME-VERSION or NAME-VERSION-RELEASE for that one, 'NAME*' for the newest of each
    packages: Vec<String>,
    /// The newest of everything that may move
    #[arg(long)]
    passed: bool,
    /// What this file lists (`-`: standard input): a line a package, as `rekindle repo manifest` writes them
    #[arg(long, value_name = "FILE")]
    manifest: Option<Utf8PathBuf>,
    /// The stage where they are
    #[arg(long, value_name = "STAGE")]
    from: StageName,
    /// The stage after it
    #[arg(long, value_name = "STAGE")]
    to: StageName,
    /// Who approved
    #[arg(long, value_name = "NAME")]
    approved_by: Option<String>,
    #[command(flatten)]
    said: Said,
}

/// Runs `rekindle repo`.
pub(crate) fn run(context: &Context, args: &RepoArgs) -> Result<Exit, CliError> {
    // Mirrors are directories of their own, of whoever makes them.
    if !matches!(args.command, RepoCommand::Mirror(_) | RepoCommand::Os(_)) {
        owner::become_owner(context)?;
    }
    match &args.command {
        RepoCommand::Mirror(args) => mirror::run(context, args),
        RepoCommand::Os(args) => os::run(context, args),
        RepoCommand::Timeline(args) => timeline::run(context, args),
        RepoCommand::Add { stage, files, said } => change::add(context, stage, files, said),
        RepoCommand::Promote(args) => change::promote(context, args),
        RepoCommand::Rollback { stage, to, approved_by, said } => {
            change::rollback(context, stage, *to, approved_by.as_deref(), said)
        }
        RepoCommand::Gc { dry_run, said } => change::gc(context, *dry_run, said),
        RepoCommand::Status { packages, json } => board::status(context, packages, *json),
        RepoCommand::History { stage, json } => board::history(context, stage, *json),
        RepoCommand::Manifest { stage } => board::manifest(context, stage),
        RepoCommand::Verify { packages, json } => verify::run(context, packages, *json),
    }
}

/// A line of a manifest: a package, and its digest if it is given; `#` begins a remark. One that names nothing is a mistake.
fn parse_manifest(text: &str) -> Result<Vec<(String, Option<Digest>)>, String> {
    // Editors of other systems begin a file with a mark.
    let lines = text
        .trim_start_matches('\u{feff}')
        .lines()
        .enumerate()
        .map(|(at, line)| (at + 1, line.split('#').next().unwrap_or_default().trim()));
    let entries: Vec<_> = lines
        .filter(|(_, line)| !line.is_empty())
        .map(|(at, line)| {
            let mut words = line.split_whitespace();
            let (Some(package), digest, None) = (words.next(), words.next(), words.next()) else {
                return Err(format!("line {at}: write a package and, if you like, its sha256"));
            };
            let digest = digest.map(str::parse).transpose().map_err(|error| format!("line {at}: {error}"))?;
            Ok((package.to_owned(), digest))
        })
        .collect::<Result<_, String>>()?;
    if entries.is_empty() { Err("it names no package".to_owned()) } else { Ok(entries) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_has_a_package_a_line_and_digests_where_they_are_known() {
        let digest = "a".repeat(64);
        let text = format!("\u{feff}# release 7\r\napp-1.0-1.noarch {digest}\r\n\ntool-2-1.noarch  # newest\n");
        let parsed = parse_manifest(&text).unwrap();
        assert_eq!(parsed[0], ("app-1.0-1.noarch".to_owned(), Some(digest.parse().unwrap())));
        assert_eq!(parsed[1], ("tool-2-1.noarch".to_owned(), None));
        assert!(parse_manifest("app abc\n").unwrap_err().starts_with("line 1: not a valid SHA-256"));
        assert!(parse_manifest("\na b c\n").unwrap_err().starts_with("line 2"));
        assert_eq!(parse_manifest("# nothing\n\n").unwrap_err(), "it names no package");
    }
}
