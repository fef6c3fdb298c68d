//! `rekindle puppet enc`: an external node classifier (`node_terminus = exec`).

use super::super::context::Context;
use super::super::error::CliError;
use super::{find, load};
use crate::exit::Exit;
use crate::observed::clean_line;
use crate::render::classification;

/// Print the environment, classes and parameters of a node as YAML, for a Puppet server's `external_nodes`
#[derive(Debug, clap::Args)]
#[command(after_help = "Example, in the server's puppet.conf (docs/puppet.md has the script):
  node_terminus = exec
  external_nodes = /usr/libexec/rekindle/puppet-enc

Exit status 1 when the site has no such VM.")]
pub(crate) struct EncArgs {
    /// The node's certname
    certname: String,
}

/// Runs `rekindle puppet enc`.
pub(crate) fn run(context: &Context, args: &EncArgs) -> Result<Exit, CliError> {
    let spec = load(context)?;
    let Some((vm, puppet)) = find(&spec, &args.certname) else {
        let (name, site, revision) = (clean_line(&args.certname), &spec.site.name, &spec.revision);
        let message = format!("site `{site}` at {revision} has no VM with the certname {name:?} that is handed to Puppet");
        return Err(CliError::no(anyhow::anyhow!(message))
            .help("add the VM, or `[puppet]` to its role; is the checkout on this host up to date?"));
    };
    context.screen.print(&format!("---\n{}", classification(&spec, vm, puppet)))?;
    Ok(Exit::Ok)
}
