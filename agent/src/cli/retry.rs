//! `rekindle retry`: a failed VM is tried again with a new budget.

use super::apply::{RunArgs, work};
use super::context::Context;
use super::drive::Wish;
use super::error::CliError;
use crate::exit::Exit;
use crate::spec::VmName;

/// Try a failed VM again with a new budget of attempts; its root disk is made anew
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  rekindle status web1     why it failed, with the last lines of evidence
  rekindle retry web1      once the cause is gone")]
pub(crate) struct RetryArgs {
    /// The VM
    vm: VmName,
    #[command(flatten)]
    run: RunArgs,
}

/// Runs `rekindle retry`.
pub(crate) fn run(context: &Context, args: &RetryArgs) -> Result<Exit, CliError> {
    work(context, &args.run, &Wish::Retry(args.vm.clone()))
}
