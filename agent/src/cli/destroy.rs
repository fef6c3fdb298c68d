//! `rekindle destroy`: VMs that are no longer in the site go, with consent.

use super::apply::{RunArgs, work};
use super::consent;
use super::context::Context;
use super::drive::Wish;
use super::error::CliError;
use crate::exit::Exit;
use crate::spec::VmName;

/// Destroy VMs that are no longer in the site; kept volumes stay
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  git rm vms/old1.toml && git commit -m 'old1 has served'
  rekindle destroy old1                    asks for consent: the VM's name, typed

A VM that is still in the site is refused: it would be made again at once.")]
pub(crate) struct DestroyArgs {
    /// The VMs
    #[arg(required = true)]
    vms: Vec<VmName>,
    /// Consent without being asked
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    run: RunArgs,
}

/// Runs `rekindle destroy`.
pub(crate) fn run(context: &Context, args: &DestroyArgs) -> Result<Exit, CliError> {
    let names: Vec<&str> = args.vms.iter().map(VmName::as_str).collect();
    let what = format!("{} will be switched off and removed with their disks; kept volumes stay.", names.join(", "));
    consent::ask(context.screen, args.yes, &what, &names.join(" "))?;
    work(context, &args.run, &Wish::Destroy(args.vms.clone()))
}
