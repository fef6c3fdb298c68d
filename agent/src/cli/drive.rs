//! Runs the loop in this process until nothing remains, and shows how it goes: `apply`, `rebuild`, `retry` and `destroy` where no
//! agent runs.

use std::collections::BTreeMap;
use std::future::Future;
use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::assemble::Agent;
use super::error::{CliError, OrExit as _};
use super::progress::{Line, Progress};
use super::screen::Screen;
use crate::observed::{HypervisorState, ObservedVm, Phase};
use crate::reconcile::{Request, RequestError, Snapshot, Until};
use crate::serve::{InstallLimits, install};
use crate::spec::Timestamp;
use crate::world::{Lock, Store};

/// How often the display moves by itself.
const TICK: Duration = Duration::from_millis(500);

/// How long libvirt may be out of reach before a run that a person waits for ends.
const UNREACHABLE: Duration = Duration::from_secs(60);

/// How the run ended.
#[derive(Debug)]
pub(crate) enum End {
    /// Nothing remains but what waits for a person.
    Settled,
    /// Somebody stopped it.
    Interrupted,
    /// libvirt was out of reach for too long.
    Unreachable(String),
    /// What was asked for is not to be had.
    Refused(RequestError),
}

/// The end of a run and what was seen last.
pub(crate) struct Ran {
    pub(crate) end: End,
    pub(crate) snapshot: Option<Arc<Snapshot>>,
    pub(crate) store: Arc<Store>,
    pub(crate) began: Timestamp,
    pub(crate) ended: Timestamp,
    /// Nobody else may run an agent before the report is written.
    _lock: Lock,
}

/// Runs `agent` until it settles, after asking it for `request`.
pub(crate) async fn drive(screen: Screen, agent: Agent, request: Option<Request>) -> Result<Ran, CliError> {
    let Agent { the_loop, handle, store, clock, traffic, listener, lock } = agent;
    let began = clock.now();
    let mut progress = Progress::new(screen, std::io::stderr().is_terminal());
    let mut snapshots = handle.subscribe();
    let mut interrupted = std::pin::pin!(stop_signal()?);
    if let Some(listener) = listener {
        tokio::spawn(install::serve(listener, handle.clone(), InstallLimits::default(), traffic));
    }
    let asked = async {
        match request {
            Some(request) => handle.request(request).await,
            None => Ok(()),
        }
    };
    let mut asked = std::pin::pin!(asked);
    // The request is on its way before the first pass: a loop that finds nothing to do would end without it.
    let mut answer = tokio::select! {
        biased;
        answer = &mut asked => Some(answer),
        () = std::future::ready(()) => None,
    };
    let (stop, stopped) = oneshot::channel::<()>();
    let mut stop = Some(stop);
    let mut wheel = tokio::spawn(the_loop.run(Until::Settled, async {
        // A dropped sender stops the loop too.
        let _ = stopped.await;
    }));
    let mut end = End::Settled;
    let mut out_of_reach: Option<Instant> = None;
    loop {
        tokio::select! {
            // Cancel-safe: nothing is lost when a later call joins the loop.
            joined = &mut wheel => {
                joined.or_world(|| "run the loop".to_owned())?;
                break;
            }
            // Cancel-safe: the answer stays in its channel.
            reply = &mut asked, if answer.is_none() => {
                if let Err(error) = &reply {
                    end = End::Refused(error.clone());
                    stop = None;
                }
                answer = Some(reply);
            }
            // Cancel-safe: a change that is not seen here is seen at the next call. Ends with the loop.
            Ok(()) = snapshots.changed() => {}
            // Cancel-safe: a signal that is not taken stays.
            () = &mut interrupted, if stop.is_some() => {
                end = End::Interrupted;
                stop = None;
            }
            () = tokio::time::sleep(TICK) => {}
        }
        let snapshot = snapshots.borrow().clone();
        let Some(snapshot) = snapshot else { continue };
        progress.show(&lines(&snapshot, began, clock.now()));
        match &snapshot.observed.hypervisor {
            HypervisorState::Reachable(_) => out_of_reach = None,
            HypervisorState::Unreachable { reason } => {
                let since = *out_of_reach.get_or_insert_with(Instant::now);
                if since.elapsed() > UNREACHABLE && stop.is_some() {
                    end = End::Unreachable(reason.clone());
                    stop = None;
                }
            }
        }
    }
    let snapshot = snapshots.borrow().clone();
    let ended = clock.now();
    if let Some(snapshot) = &snapshot {
        progress.show(&lines(snapshot, began, ended));
    }
    progress.finish();
    Ok(Ran { end, snapshot, store, began, ended, _lock: lock })
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

/// What is to be seen of each VM.
fn lines(snapshot: &Snapshot, began: Timestamp, now: Timestamp) -> BTreeMap<String, Line> {
    let line = |(vm, status): (&crate::spec::VmName, &crate::reconcile::VmStatus)| {
        let observed = snapshot.observed.vms.get(vm);
        let at_work = observed.filter(|observed| observed.record.attempt > 0);
        let since = at_work.map_or(began, |observed| observed.record.began.max(began));
        let until = at_work.filter(|_| status.settled).and_then(|observed| observed.record.ready_at).unwrap_or(now);
        let doing = observed.filter(|_| status.phase == Some(Phase::Installing)).and_then(installing);
        let line = Line {
            phase: status.phase,
            note: doing.unwrap_or_else(|| status.note.clone()),
            elapsed: until.since(since),
            percent: observed.and_then(percent),
            settled: status.settled,
        };
        (vm.to_string(), line)
    };
    snapshot.vms.iter().map(line).collect()
}

/// What the installer says it is doing.
fn installing(observed: &ObservedVm) -> Option<String> {
    let log = &observed.installer_log;
    let doing = log.doing.clone()?;
    Some(match log.packages {
        Some((done, of)) if of > 0 && done > 0 => format!("{doing} ({done} of {of} packages)"),
        _ => doing,
    })
}

/// How far the installer is, in percent: packages are most of the time.
fn percent(observed: &ObservedVm) -> Option<u8> {
    let log = &observed.installer_log;
    let share = |(done, of): (u32, u32)| (of > 0).then(|| (f64::from(done.min(of)) * 100.0 / f64::from(of)) as u8);
    match (log.packages.and_then(share), log.tasks.and_then(share)) {
        (Some(packages), Some(tasks)) => Some((packages / 2).saturating_add(tasks / 2)),
        (one, other) => one.or(other),
    }
}
