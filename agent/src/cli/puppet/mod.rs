//! `rekindle puppet …`: what a Puppet server and its CA ask of the site. Runs where they run, which need not be a hypervisor.

mod autosign;
mod enc;
mod hiera;
mod verdicts;

use camino::Utf8PathBuf;
use clap::Subcommand;

use super::context::Context;
use super::error::CliError;
use crate::exit::Exit;
use crate::site;
use crate::spec::{Fqdn, PuppetSpec, Spec, VmSpec};
use crate::world::puppet::UsedTokens;

/// Serve a Puppet server: sign certificates, classify nodes, give it the site's data
#[derive(Debug, clap::Args)]
pub(crate) struct PuppetArgs {
    #[command(subcommand)]
    command: PuppetCommand,
}

#[derive(Debug, Subcommand)]
enum PuppetCommand {
    Autosign(autosign::AutosignArgs),
    Enc(enc::EncArgs),
    Hiera(hiera::HieraArgs),
    Verdicts(verdicts::VerdictsArgs),
}

/// Runs `rekindle puppet …`.
pub(crate) fn run(context: &Context, args: &PuppetArgs) -> Result<Exit, CliError> {
    match &args.command {
        PuppetCommand::Autosign(args) => autosign::run(context, args),
        PuppetCommand::Enc(args) => enc::run(context, args),
        PuppetCommand::Hiera(args) => hiera::run(context, args),
        PuppetCommand::Verdicts(args) => verdicts::run(context, args),
    }
}

/// The site as it is, for programs that call us: its mistakes are one error, not a page.
fn load(context: &Context) -> Result<Spec, CliError> {
    let directory = context.site_dir()?;
    site::load(&directory).map_err(|errors| {
        let count = errors.errors().len();
        CliError::usage(anyhow::anyhow!("the site `{directory}` has {count} mistake(s)")).help("`rekindle check` shows them")
    })
}

/// Where used tokens are kept.
fn tokens_directory(context: &Context, named: Option<&Utf8PathBuf>) -> Result<Utf8PathBuf, CliError> {
    named.map_or_else(|| Ok(context.state_dir()?.join(UsedTokens::DIRECTORY)), |directory| Ok(directory.clone()))
}

/// The VM with this certname, if it is handed to Puppet.
fn find<'a>(spec: &'a Spec, certname: &str) -> Option<(&'a VmSpec, &'a PuppetSpec)> {
    let certname: &str = certname.parse::<Fqdn>().is_ok().then_some(certname)?;
    let vm = spec.vms.values().find(|vm| vm.fqdn.as_str() == certname)?;
    Some((vm, vm.puppet.as_ref()?))
}
