//! `rekindle repo`: content that VMs install. One file a subcommand.

mod mirror;
mod os;
mod timeline;

use clap::Subcommand;

use super::context::Context;
use super::error::CliError;
use crate::exit::Exit;

/// Look after the packages that VMs install
#[derive(Debug, clap::Args)]
pub(crate) struct RepoArgs {
    #[command(subcommand)]
    command: RepoCommand,
}

#[derive(Debug, Subcommand)]
enum RepoCommand {
    Mirror(mirror::MirrorArgs),
    Os(os::OsArgs),
    Timeline(timeline::TimelineArgs),
}

/// Runs `rekindle repo`.
pub(crate) fn run(context: &Context, args: &RepoArgs) -> Result<Exit, CliError> {
    match &args.command {
        RepoCommand::Mirror(args) => mirror::run(context, args),
        RepoCommand::Os(args) => os::run(context, args),
        RepoCommand::Timeline(args) => timeline::run(context, args),
    }
}

/// Who runs this command, for records.
fn caller() -> String {
    let user = nix::unistd::User::from_uid(nix::unistd::Uid::current()).ok().flatten();
    user.map_or_else(|| format!("uid {}", nix::unistd::Uid::current()), |user| user.name)
}
