//! `rekindle agent`: the daemon.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use super::assemble::{Agent, Machine};
use super::context::Context;
use super::drive::stop_signal;
use super::error::{CliError, OrExit as _};
use crate::exit::Exit;
use crate::reconcile::{Handle, Request, Until};
use crate::serve::{InstallLimits, install};

/// Run on a hypervisor and keep its VMs as the site says
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  rekindle agent                               as systemd starts it
  rekindle --site . --hypervisor hv1 --state-dir /tmp/sim agent --sim --sim-speed 20
                                               on the simulator: no libvirt, no root

SIGHUP reads the site again at once; SIGTERM ends it. Guests that install go on by themselves and are found again.")]
pub(crate) struct AgentArgs {
    /// Work on the simulator in place of libvirt
    #[arg(long)]
    sim: bool,
    /// How many times faster than life simulated guests are
    #[arg(long, value_name = "N", default_value_t = 1, requires = "sim", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    sim_speed: u32,
}

/// Runs `rekindle agent`.
pub(crate) fn run(context: &Context, args: &AgentArgs) -> Result<Exit, CliError> {
    super::runtime()?.block_on(serve(context, Machine::of(args.sim, args.sim_speed)))
}

async fn serve(context: &Context, machine: Machine) -> Result<Exit, CliError> {
    let Agent { the_loop, handle, store: _store, clock: _clock, traffic, listener, lock: _lock } =
        Agent::assemble(context, machine).await?;
    let settings = context.settings()?;
    if let Some(listener) = listener {
        let address = listener.local_addr().or_world(|| "ask the install listener for its port".to_owned())?;
        tracing::info!(%address, "the install listener answers guests");
        tokio::spawn(install::serve(listener, handle.clone(), InstallLimits::default(), traffic));
    }
    tokio::spawn(reload(handle.clone(), signal(SignalKind::hangup()).or_world(|| "listen for signals".to_owned())?));
    tokio::spawn(tell_systemd(handle.clone()));
    tracing::info!(hypervisor = %settings.hypervisor, site = %settings.site, "the agent runs");
    the_loop.run(Until::Stopped, stop_signal()?).await;
    // systemd may be gone, or never have been there.
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    tracing::info!("the agent ends");
    Ok(Exit::Ok)
}

/// SIGHUP: the site is read again.
async fn reload(handle: Handle, mut hangup: tokio::signal::unix::Signal) {
    while hangup.recv().await.is_some() {
        match handle.request(Request::Reconcile).await {
            Ok(()) => tracing::info!("the site was read again"),
            Err(error) => tracing::warn!(%error, "the site was not read again"),
        }
    }
}

/// Tells systemd that the agent is ready after its first pass, and after each pass that it is alive: a loop that hangs is
/// started again.
async fn tell_systemd(handle: Handle) {
    let mut snapshots = handle.subscribe();
    let mut told = false;
    while snapshots.changed().await.is_ok() {
        let Some(snapshot) = snapshots.borrow_and_update().clone() else { continue };
        let ready = snapshot.vms.values().filter(|vm| vm.phase == Some(crate::observed::Phase::Ready)).count();
        let status = format!("{ready} of {} VMs ready", snapshot.vms.len());
        let mut states = vec![sd_notify::NotifyState::Watchdog, sd_notify::NotifyState::Status(&status)];
        if !told {
            states.push(sd_notify::NotifyState::Ready);
        }
        told = true;
        // Without systemd there is nobody to tell.
        let _ = sd_notify::notify(&states);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}
