//! `rekindle apply`: passes until nothing remains; the whole recovery of an empty hypervisor.

use camino::{Utf8Path, Utf8PathBuf};

use super::assemble::{Agent, Machine};
use super::context::Context;
use super::drive::{End, Ran, drive};
use super::error::{CliError, OrExit as _};
use super::report::Report;
use crate::exit::Exit;
use crate::reconcile::Request;
use crate::spec::VmName;

/// Make this hypervisor as the site says, and wait until every VM is ready or waits for somebody
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  rekindle apply                        also the whole recovery of a hypervisor that lost everything
  rekindle apply --report recovery.json the measured times as JSON
  rekindle --site . --hypervisor hv1 --state-dir /tmp/sim apply --sim --sim-speed 100
                                        on the simulator: no libvirt, no root

Nothing that exists is rebuilt or destroyed. Exit status 1 when a VM is not ready in the end.")]
pub(crate) struct ApplyArgs {
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

/// Options of every subcommand that works until nothing remains.
#[derive(Debug, clap::Args)]
pub(crate) struct RunArgs {
    /// Work on the simulator in place of libvirt
    #[arg(long)]
    sim: bool,
    /// How many times faster than life simulated guests are
    #[arg(long, value_name = "N", default_value_t = 1, requires = "sim", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    sim_speed: u32,
    /// Also write the measured times to FILE as JSON
    #[arg(long, value_name = "FILE")]
    report: Option<Utf8PathBuf>,
    /// Write the measured times to standard output as JSON
    #[arg(long)]
    json: bool,
}

/// Runs `rekindle apply`.
pub(crate) fn run(context: &Context, args: &ApplyArgs) -> Result<Exit, CliError> {
    work(context, &args.run, "apply", None, &[])
}

/// Works until nothing remains, after asking for `request`, and reports on `only` (all VMs when it is empty).
pub(crate) fn work(
    context: &Context,
    args: &RunArgs,
    command: &'static str,
    request: Option<Request>,
    only: &[VmName],
) -> Result<Exit, CliError> {
    let runtime = super::runtime()?;
    let ran = runtime.block_on(async {
        let agent = Agent::assemble(context, Machine::of(args.sim, args.sim_speed)).await?;
        drive(context.screen, agent, request).await
    })?;
    finish(context, args, command, &ran, only)
}

fn finish(context: &Context, args: &RunArgs, command: &'static str, ran: &Ran, only: &[VmName]) -> Result<Exit, CliError> {
    if let End::Refused(error) = &ran.end {
        return Err(CliError::no(anyhow::Error::new(error.clone()).context(format!("{command} was refused"))));
    }
    let report = Report::new(command, ran, only)?;
    if let Some(path) = &args.report {
        write_json(path, &report)?;
    }
    if args.json {
        context.screen.print_json(&report)?;
    } else {
        context.screen.print(&report.text(context.screen.out()))?;
    }
    match &ran.end {
        End::Interrupted => {
            Err(CliError::no(anyhow::anyhow!("interrupted")).help("`rekindle apply` goes on from where this ended"))
        }
        End::Unreachable(reason) => Err(CliError::world(anyhow::anyhow!("the hypervisor cannot be reached: {reason}"))
            .help("see that libvirt runs (`virsh uri`); `rekindle apply` goes on from where this ended")),
        end => Ok(report.exit(end)),
    }
}

fn write_json(path: &Utf8Path, report: &Report) -> Result<(), CliError> {
    let mut text = serde_json::to_string_pretty(report).map_err(std::io::Error::from)?;
    text.push('\n');
    std::fs::write(path, text).or_world(|| format!("write the report `{path}`"))
}
