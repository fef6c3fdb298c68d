//! Asks an agent for something, follows it until that is done, and shows how it goes: `apply`, `rebuild`, `retry`, `destroy`.
//!
//! The agent is the one that runs on this host, or one that is started in this process for as long as it takes; both are talked
//! to through the API socket, so there is one way to watch.

use std::collections::BTreeMap;
use std::future::Future;
use std::io::IsTerminal as _;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use super::assemble::Agent;
use super::context::Context;
use super::error::{CliError, OrExit as _};
use super::progress::{Line, Progress};
use super::screen::Screen;
use super::status::text::doing;
use crate::observed::Phase;
use crate::serve::client::{ApiClient, ClientError};
use crate::serve::view::{InstallerView, StatusView, VmRow, VmView};
use crate::spec::{Timestamp, VmName};
use crate::world::{Clock as _, SystemClock};

/// How long libvirt may be out of reach before a run that a person waits for ends.
const UNREACHABLE: Duration = Duration::from_secs(60);

/// How long a VM that was asked for may stay as it was before that is the answer.
const NOTHING_HAPPENS: Duration = Duration::from_secs(5);

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wish {
    /// That all be as the site says.
    Apply,
    /// That these VMs be made anew.
    Rebuild(Vec<VmName>),
    /// That these VMs go.
    Destroy(Vec<VmName>),
    /// That this failed VM be tried again.
    Retry(VmName),
}

impl Wish {
    /// The subcommand.
    pub(crate) const fn command(&self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Rebuild(_) => "rebuild",
            Self::Destroy(_) => "destroy",
            Self::Retry(_) => "retry",
        }
    }

    /// The VMs it names; empty: all.
    pub(crate) fn vms(&self) -> &[VmName] {
        match self {
            Self::Apply => &[],
            Self::Rebuild(vms) | Self::Destroy(vms) => vms,
            Self::Retry(vm) => std::slice::from_ref(vm),
        }
    }
}

/// How the run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// Nothing remains of what was asked for but what waits for a person.
    Settled,
    /// Somebody stopped watching.
    Interrupted,
    /// libvirt was out of reach for too long.
    Unreachable(String),
}

/// The end of a run and what was seen last.
pub(crate) struct Ran {
    pub(crate) end: End,
    pub(crate) status: StatusView,
    /// The VMs that the wish is about, in full.
    pub(crate) vms: Vec<VmView>,
    /// When each VM that was not ready at first became so, since the begin.
    pub(crate) ready_after: BTreeMap<String, Duration>,
    pub(crate) began: Timestamp,
    pub(crate) took: Duration,
    /// The agent goes on without us.
    pub(crate) agent_runs: bool,
}

/// Asks for `wish` and follows it to its end.
pub(crate) async fn drive(context: &Context, wish: &Wish) -> Result<Ran, CliError> {
    let socket = context.settings()?.api_socket();
    let client = ApiClient::new(&socket);
    let own = match client.status().await {
        Ok(_) | Err(ClientError::NotYet(_)) => None,
        Err(ClientError::NoAgent { .. }) => Some(Agent::assemble(context).await?),
        Err(error) => return Err(CliError::world(error)),
    };
    let Some(agent) = own else { return follow(context.screen, &client, wish, true).await };
    let (stop, stopped) = oneshot::channel::<()>();
    let mut wheel = tokio::spawn(agent.run(async {
        // A dropped sender stops it too.
        let _ = stopped.await;
    }));
    let ran = tokio::select! {
        ran = follow(context.screen, &client, wish, false) => ran,
        joined = &mut wheel => {
            let why = joined.err().map_or_else(|| "it ended".to_owned(), |error| error.to_string());
            return Err(CliError::world(anyhow::anyhow!("the agent in this process stopped: {why}")).help("see the log above"));
        }
    };
    drop(stop);
    // What is under way is ended, not cut.
    wheel.await.or_world(|| "stop the agent in this process".to_owned())?;
    ran
}

async fn follow(screen: Screen, client: &ApiClient, wish: &Wish, agent_runs: bool) -> Result<Ran, CliError> {
    let began = SystemClock::new().now();
    let clock = Instant::now();
    let before = match client.status().await {
        Ok(status) => attempts(&status),
        Err(ClientError::NotYet(_)) => BTreeMap::new(),
        Err(error) => return Err(CliError::world(error)),
    };
    ask(client, wish).await?;
    let mut watch = Watch::new(screen, wish, before, clock);
    let followed = client.follow(|status| watch.see(status));
    let end = tokio::select! {
        followed = followed => {
            followed.map_err(CliError::world)?;
            watch.end.clone()
        }
        () = stop_signal()? => Some(End::Interrupted),
    };
    watch.progress.finish();
    let took = clock.elapsed();
    let Some(status) = watch.last else {
        return Err(CliError::no(anyhow::anyhow!("interrupted before the agent's first pass")));
    };
    let mut vms = Vec::new();
    for row in &status.vms {
        let Ok(name) = row.vm.parse::<VmName>() else { continue };
        if !wish.vms().is_empty() && !wish.vms().contains(&name) {
            continue;
        }
        match client.vm(&name).await {
            Ok(view) => vms.push(view),
            // It has just gone.
            Err(ClientError::NotFound(_)) => {}
            Err(error) => return Err(CliError::world(error)),
        }
    }
    let end = end.unwrap_or(End::Settled);
    Ok(Ran { end, status, vms, ready_after: watch.ready_after, began, took, agent_runs })
}

async fn ask(client: &ApiClient, wish: &Wish) -> Result<(), CliError> {
    let asked = match wish {
        Wish::Apply => {
            // The answer to the second comes after the pass that followed the first: what is seen from then on is of the site
            // that is on disk now.
            match client.reconcile().await {
                Ok(_) => client.reconcile().await,
                error => error,
            }
        }
        Wish::Rebuild(vms) => client.rebuild(vms).await,
        Wish::Destroy(vms) => client.destroy(vms).await,
        Wish::Retry(vm) => client.retry(vm).await,
    };
    match asked {
        Ok(_) => Ok(()),
        Err(ClientError::Refused(words) | ClientError::NotFound(words)) => {
            let exit = if *wish == Wish::Apply { CliError::usage } else { CliError::no };
            Err(exit(anyhow::anyhow!(words).context(format!("{} was refused", wish.command()))))
        }
        Err(error) => Err(CliError::world(error)),
    }
}

fn attempts(status: &StatusView) -> BTreeMap<String, (u32, bool)> {
    status.vms.iter().map(|row| (row.vm.clone(), (row.attempt, is_ready(row)))).collect()
}

fn is_ready(row: &VmRow) -> bool {
    row.phase.as_deref() == Some(Phase::Ready.as_str())
}

/// What is remembered while following.
struct Watch<'a> {
    wish: &'a Wish,
    progress: Progress,
    /// Attempt and readiness of each VM before the wish.
    before: BTreeMap<String, (u32, bool)>,
    clock: Instant,
    ready_after: BTreeMap<String, Duration>,
    settled_after: BTreeMap<String, Duration>,
    out_of_reach: Option<Instant>,
    last: Option<StatusView>,
    end: Option<End>,
}

impl<'a> Watch<'a> {
    fn new(screen: Screen, wish: &'a Wish, before: BTreeMap<String, (u32, bool)>, clock: Instant) -> Self {
        Self {
            wish,
            progress: Progress::new(screen, std::io::stderr().is_terminal()),
            before,
            clock,
            ready_after: BTreeMap::new(),
            settled_after: BTreeMap::new(),
            out_of_reach: None,
            last: None,
            end: None,
        }
    }

    /// Takes a new status in; breaks at the end.
    fn see(&mut self, status: StatusView) -> ControlFlow<()> {
        let now = self.clock.elapsed();
        let mut lines = BTreeMap::new();
        for row in &status.vms {
            let touched = self.is_touched(row);
            if touched && is_ready(row) {
                self.ready_after.entry(row.vm.clone()).or_insert(now);
            } else {
                self.ready_after.remove(&row.vm);
            }
            if row.settled {
                self.settled_after.entry(row.vm.clone()).or_insert(now);
            } else {
                self.settled_after.remove(&row.vm);
            }
            let elapsed = self.settled_after.get(&row.vm).copied().unwrap_or(now);
            let named = self.wish.vms().iter().any(|vm| vm.as_str() == row.vm);
            if named || self.wish.vms().is_empty() || !row.settled {
                lines.insert(row.vm.clone(), line(row, if touched { elapsed } else { Duration::ZERO }));
            }
        }
        self.progress.show(&lines);
        self.end = self.is_over(&status);
        self.last = Some(status);
        if self.end.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// Whether anything has been done to a VM in this run.
    fn is_touched(&self, row: &VmRow) -> bool {
        let (attempt, ready) = self.before.get(&row.vm).copied().unwrap_or((0, false));
        row.attempt > attempt || !ready
    }

    fn is_over(&mut self, status: &StatusView) -> Option<End> {
        if let Some(reason) = &status.unreachable {
            let since = *self.out_of_reach.get_or_insert_with(Instant::now);
            return (since.elapsed() > UNREACHABLE).then(|| End::Unreachable(reason.clone()));
        }
        self.out_of_reach = None;
        let over = match self.wish {
            Wish::Apply => status.idle,
            Wish::Destroy(vms) => vms.iter().all(|vm| status.vms.iter().all(|row| row.vm != vm.as_str())),
            Wish::Rebuild(vms) => vms.iter().all(|vm| self.is_served(status, vm)),
            Wish::Retry(vm) => self.is_served(status, vm),
        };
        over.then_some(End::Settled)
    }

    /// A VM that is to be made anew has been, or stays as it is.
    fn is_served(&self, status: &StatusView, vm: &VmName) -> bool {
        let Some(row) = status.vms.iter().find(|row| row.vm == vm.as_str()) else { return true };
        let (attempt, _) = self.before.get(vm.as_str()).copied().unwrap_or_default();
        row.settled && (row.attempt > attempt || self.clock.elapsed() > NOTHING_HAPPENS)
    }
}

/// What is to be seen of a VM.
fn line(row: &VmRow, elapsed: Duration) -> Line {
    Line {
        phase: row.phase.as_deref().and_then(Phase::parse),
        note: doing(row),
        elapsed,
        percent: row.installer.as_ref().and_then(percent),
        settled: row.settled,
    }
}

/// How far the installer is, in percent: packages are most of the time.
fn percent(installer: &InstallerView) -> Option<u8> {
    let share = |done: Option<u32>, of: Option<u32>| {
        let (done, of) = (done?, of.filter(|of| *of > 0)?);
        Some((f64::from(done.min(of)) * 100.0 / f64::from(of)) as u8)
    };
    let packages = share(installer.packages_done, installer.packages_total);
    let tasks = share(installer.tasks_done, installer.tasks_total);
    match (packages, tasks) {
        (Some(packages), Some(tasks)) => Some((packages / 2).saturating_add(tasks / 2)),
        (one, other) => one.or(other),
    }
}

/// Completes when somebody wants this process to end.
pub(crate) fn stop_signal() -> Result<impl Future<Output = ()>, CliError> {
    let listen = |kind| signal(kind).or_world(|| "listen for signals".to_owned());
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
