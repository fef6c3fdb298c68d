//! `rekindle apply`: passes until nothing remains; the whole recovery of an empty hypervisor.

use camino::{Utf8Path, Utf8PathBuf};

use super::context::Context;
use super::drive::{End, Wish, drive};
use super::error::{CliError, OrExit as _};
use super::report::Report;
use super::site;
use crate::exit::Exit;

/// Make this hypervisor as the site says, and wait until every VM is ready or waits for somebody
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  rekindle apply                        also the whole recovery of a hypervisor that lost everything
  rekindle apply --report recovery.json the measured times as JSON
  rekindle --site . --hypervisor hv1 --state-dir /tmp/try --sim --sim-speed 100 apply
                                        on the simulator: no libvirt, no root

An agent that runs does the work and is followed; without one, this process does it. Nothing that exists is rebuilt or
destroyed. Exit status 1 when a VM is not ready in the end.")]
pub(crate) struct ApplyArgs {
    #[command(flatten)]
    run: RunArgs,
}

/// Options of every subcommand that waits until something is done.
#[derive(Debug, clap::Args)]
pub(crate) struct RunArgs {
    /// Also write the measured times to FILE as JSON
    #[arg(long, value_name = "FILE")]
    report: Option<Utf8PathBuf>,
    /// Write the measured times to standard output as JSON
    #[arg(long)]
    json: bool,
}

/// Runs `rekindle apply`.
pub(crate) fn run(context: &Context, args: &ApplyArgs) -> Result<Exit, CliError> {
    // A site with mistakes is told here, with its colours, before anything is started.
    let settings = context.settings()?;
    let spec = site::load(context, &settings.site, args.run.json)?;
    site::hypervisor_named(&spec, settings.hypervisor.as_str())?;
    work(context, &args.run, &Wish::Apply)
}

/// Works until `wish` is done, and reports.
pub(crate) fn work(context: &Context, args: &RunArgs, wish: &Wish) -> Result<Exit, CliError> {
    let ran = super::runtime()?.block_on(drive(context, wish))?;
    let report = Report::new(wish, &ran);
    if let Some(path) = &args.report {
        write_json(path, &report)?;
    }
    if args.json {
        context.screen.print_json(&report)?;
    } else {
        context.screen.print(&report.text(context.screen.out()))?;
    }
    match &ran.end {
        End::Interrupted if ran.agent_runs => {
            Err(CliError::no(anyhow::anyhow!("interrupted")).help("the agent goes on; `rekindle status --watch` follows it"))
        }
        End::Interrupted => {
            Err(CliError::no(anyhow::anyhow!("interrupted")).help("`rekindle apply` goes on from where this ended"))
        }
        End::Unreachable(reason) => Err(CliError::world(anyhow::anyhow!("the hypervisor cannot be reached: {reason}"))
            .help("see that libvirt runs (`virsh uri`); `rekindle apply` goes on from where this ended")),
        End::Settled => Ok(report.exit(&ran.end)),
    }
}

fn write_json(path: &Utf8Path, report: &Report) -> Result<(), CliError> {
    let mut text = serde_json::to_string_pretty(report).map_err(std::io::Error::from)?;
    text.push('\n');
    std::fs::write(path, text).or_world(|| format!("write the report `{path}`"))
}
