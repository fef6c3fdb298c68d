//! `rekindle retry`: a failed VM is tried again with a new budget.

use super::apply::{RunArgs, work};
use super::consent;
use super::context::Context;
use super::error::CliError;
use crate::exit::Exit;
use crate::reconcile::Request;
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
    let request = Request::Retry { vm: args.vm.clone(), by: consent::who() };
    work(context, &args.run, "retry", Some(request), std::slice::from_ref(&args.vm))
}
