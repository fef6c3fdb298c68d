//! `rekindle agent`: the daemon.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::assemble::Agent;
use super::context::Context;
use super::drive::stop_signal;
use super::error::{CliError, OrExit as _};
use crate::exit::Exit;
use crate::observed::Phase;
use crate::reconcile::{Handle, Request};

/// Run on a hypervisor and keep its VMs as the site says
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  rekindle agent                               as systemd starts it
  rekindle --site . --hypervisor hv1 --state-dir /tmp/try --sim --sim-speed 20 agent
                                               on the simulator: no libvirt, no root

SIGHUP reads the site again at once; SIGTERM ends it. Guests that install go on by themselves and are found again.")]
pub(crate) struct AgentArgs {}

/// Runs `rekindle agent`.
pub(crate) fn run(context: &Context, _args: &AgentArgs) -> Result<Exit, CliError> {
    super::runtime()?.block_on(serve(context))
}

async fn serve(context: &Context) -> Result<Exit, CliError> {
    let agent = Agent::assemble(context).await?;
    let settings = context.settings()?;
    tokio::spawn(reload(agent.handle(), signal(SignalKind::hangup()).or_world(|| "listen for signals".to_owned())?));
    tokio::spawn(tell_systemd(agent.handle()));
    tracing::info!(hypervisor = %settings.hypervisor, site = %settings.site, "the agent runs");
    agent.run(stop_signal()?).await;
    // systemd may be gone, or never have been there.
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    tracing::info!("the agent ends");
    Ok(Exit::Ok)
}

/// SIGHUP: the site is read again.
async fn reload(handle: Handle, mut hangup: Signal) {
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
        let ready = snapshot.vms.values().filter(|vm| vm.phase == Some(Phase::Ready)).count();
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
