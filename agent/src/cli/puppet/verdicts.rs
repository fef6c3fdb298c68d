//! `rekindle puppet verdicts`: how often requests were signed and refused, for people and for a metrics collector.

use camino::Utf8PathBuf;

use super::super::context::Context;
use super::super::error::{CliError, OrExit as _};
use crate::exit::Exit;
use crate::serve::verdicts;
use crate::world::puppet::UsedTokens;

/// Print how often this host has signed and refused requests, as metrics in Prometheus' text format
#[derive(Debug, clap::Args)]
#[command(after_help = "Example, for node_exporter's textfile collector:
  rekindle puppet verdicts > /var/lib/node_exporter/rekindle.prom.new && mv /var/lib/node_exporter/rekindle.prom{.new,}")]
pub(crate) struct VerdictsArgs {
    /// Where used tokens are kept [default: puppet/ in the state directory]
    #[arg(long, value_name = "DIR")]
    tokens: Option<Utf8PathBuf>,
}

/// Runs `rekindle puppet verdicts`.
pub(crate) fn run(context: &Context, args: &VerdictsArgs) -> Result<Exit, CliError> {
    let directory = super::tokens_directory(context, args.tokens.as_ref())?;
    let path = directory.join(UsedTokens::FILE);
    if !path.exists() {
        return Err(CliError::world(anyhow::anyhow!("there is no `{path}`: no request has been judged here"))
            .help("run it on the CA's host; `--tokens DIR` looks elsewhere"));
    }
    let counts = UsedTokens::open(&path).and_then(|tokens| tokens.counts()).or_world(|| "read the verdicts".to_owned())?;
    context.screen.print(&verdicts(&counts))?;
    Ok(Exit::Ok)
}
