//! The loop itself: the one task that owns the state.
//!
//! A pass looks at everything (there is no "what changed": one code path for the good day and for recovery), plans, starts the
//! lanes of the subjects that have steps, publishes, and sleeps until something wakes it: a lane that ended, a guest that told
//! something, a lifecycle event, a wish, or the time. Lanes run beside it; a subject whose lane is running is left alone.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::task::JoinSet;

use super::content::Content;
use super::desk::{InstallDesk, PuppetArchive};
use super::handle::Envelope;
use super::{Handle, Request, RequestError, Snapshot, VmStatus, requests};
use crate::execute::{Context, EffectBudget, StepFault, run_lane};
use crate::observed::{HypervisorState, Observed, Phase, Subject};
use crate::plan::{self, Plan, PlanInput, Policy, Step};
use crate::render::Renderer;
use crate::spec::{HypervisorName, Spec, VmName};
use crate::world::{Collector, World};

/// How old libvirt's answers may be while there is work.
const HOST_AGE_AT_WORK: Duration = Duration::from_secs(5);

/// How old they may be when all is settled: lifecycle events tell of changes before that.
const HOST_AGE_SETTLED: Duration = Duration::from_secs(60);

/// How often logs are read while something installs.
const LOOK_AT_INSTALLS: Duration = Duration::from_secs(1);

/// The least time between two timed passes when all is settled, so that many VMs' checks share one.
const SETTLED_PACE: Duration = Duration::from_secs(10);

/// How long results of checks are gathered when nothing else is under way.
const GATHER: Duration = Duration::from_secs(1);

/// How often the site's files are looked at for changes.
const SITE_INTERVAL: Duration = Duration::from_secs(30);

/// A site that has been read.
#[derive(Clone)]
pub struct Site {
    /// What should be.
    pub spec: Arc<Spec>,
    /// Its templates.
    pub renderer: Arc<Renderer>,
}

/// Reads the site: `Ok(None)` when it has not changed since the last call. Errors are for people, with file and line.
pub type SiteSource = Box<dyn FnMut() -> Result<Option<Site>, String> + Send>;

/// What the loop is made of.
pub struct Parts {
    /// The outside.
    pub world: Arc<World>,
    /// The hypervisor it works for.
    pub hypervisor: HypervisorName,
    /// The agent's choices.
    pub policy: Policy,
    /// Where the site comes from.
    pub site: SiteSource,
    /// Makes a VM's Puppet archive.
    pub puppet: Box<PuppetArchive>,
    /// For tests that stop between two effects.
    pub budget: Arc<EffectBudget>,
}

/// When the loop ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// Never: the daemon.
    Stopped,
    /// When nothing remains but what waits for a person: `rekindle apply`.
    Settled,
}

/// The loop.
pub struct Loop {
    world: Arc<World>,
    hypervisor: HypervisorName,
    policy: Policy,
    source: SiteSource,
    budget: Arc<EffectBudget>,
    site: Site,
    site_error: Option<String>,
    site_read: tokio::time::Instant,
    collector: Collector,
    lanes: JoinSet<(Subject, bool, Result<(), StepFault>)>,
    busy: BTreeSet<Subject>,
    deferred: VecDeque<Envelope>,
    requests: mpsc::Receiver<Envelope>,
    wake: Arc<Notify>,
    host_event: Arc<AtomicBool>,
    desk: Arc<InstallDesk>,
    /// When the pass began that is under way, in milliseconds since 1970; 0 between passes.
    pass_began: Arc<AtomicU64>,
    publish: watch::Sender<Option<Arc<Snapshot>>>,
    observed: Option<Arc<Observed>>,
    passes: u64,
    content: Content,
}

impl Loop {
    /// Reads the site and makes the loop and the way to it. Nothing of the world is touched yet.
    pub fn new(mut parts: Parts) -> Result<(Self, Handle), String> {
        let site = (parts.site)()?.ok_or("the site source gave no site")?;
        let wake = Arc::new(Notify::new());
        let host_event = Arc::new(AtomicBool::new(false));
        let (events, event_wake) = (Arc::clone(&host_event), Arc::clone(&wake));
        parts.world.hypervisor.subscribe(Box::new(move |event| {
            tracing::debug!(domain = event.domain, event = event.event, "lifecycle event");
            events.store(true, Ordering::SeqCst);
            event_wake.notify_one();
        }));
        let desk = Arc::new(InstallDesk {
            store: Arc::clone(&parts.world.store),
            clock: Arc::clone(&parts.world.clock),
            spec: std::sync::RwLock::new(Arc::clone(&site.spec)),
            wake: Arc::clone(&wake),
            puppet: parts.puppet,
            hypervisor: parts.hypervisor.clone(),
            state_dir: parts.world.state_dir.clone(),
            repository: crate::world::repo::directory(&parts.world.state_dir),
        });
        let (publish, snapshot) = watch::channel(None);
        let (sender, requests) = mpsc::channel(64);
        let pass_began = Arc::new(AtomicU64::new(0));
        let handle = Handle {
            snapshot,
            requests: sender,
            desk: Arc::clone(&desk),
            store: Arc::clone(&parts.world.store),
            pass_began: Arc::clone(&pass_began),
        };
        let this = Self {
            collector: Collector::new(Arc::clone(&parts.world)),
            world: parts.world,
            hypervisor: parts.hypervisor,
            policy: parts.policy,
            source: parts.site,
            budget: parts.budget,
            site,
            site_error: None,
            site_read: tokio::time::Instant::now(),
            lanes: JoinSet::new(),
            busy: BTreeSet::new(),
            deferred: VecDeque::new(),
            requests,
            wake,
            host_event,
            desk,
            pass_began,
            publish,
            observed: None,
            passes: 0,
            content: Content::default(),
        };
        Ok((this, handle))
    }

    /// Turns the wheel until it settles, `shutdown` completes, or (in tests) the effect budget is spent.
    pub async fn run(mut self, until: Until, shutdown: impl Future<Output = ()>) {
        tokio::pin!(shutdown);
        let mut requests_open = true;
        loop {
            self.pass_began.store(self.world.clock.now().0, Ordering::Relaxed);
            let plan = self.pass().await;
            self.pass_began.store(0, Ordering::Relaxed);
            let settled = plan.as_ref().is_some_and(Plan::is_settled) && self.busy.is_empty();
            if self.budget.is_spent() {
                self.lanes.abort_all();
                return;
            }
            if settled && until == Until::Settled && self.requests.is_empty() && self.deferred.is_empty() {
                return;
            }
            let pause = self.pause(plan.as_ref(), settled || plan.is_some() && self.is_idle());
            let pause = self.content.look_again().map_or(pause, |soon| soon.min(pause));
            tokio::select! {
                // Cancel-safe: a lane that ends while another arm is taken is joined by a later call.
                Some(joined) = self.lanes.join_next(), if !self.lanes.is_empty() => {
                    self.lane_ended(joined);
                    if self.is_idle() {
                        self.gather().await;
                    }
                    while let Some(joined) = self.lanes.try_join_next() {
                        self.lane_ended(joined);
                    }
                }
                // Cancel-safe: `recv` loses no message. A closed channel switches the arm off.
                request = self.requests.recv(), if requests_open => match request {
                    Some(request) => self.take(request),
                    None => requests_open = false,
                },
                // Cancel-safe: a permit that is not consumed stays.
                () = self.wake.notified() => {}
                () = tokio::time::sleep(pause) => {}
                () = &mut shutdown => break,
            }
        }
        // What is under way is a few calls at most; it is safer ended than cut.
        let drained = tokio::time::timeout(Duration::from_secs(10), async {
            while let Some(joined) = self.lanes.join_next().await {
                self.lane_ended(joined);
            }
        });
        if drained.await.is_err() {
            tracing::warn!("some work did not end in time; the next start goes on from what is");
        }
    }

    /// One pass whose lanes are waited for: how tests and the simulator turn the wheel step by step. Says whether all is settled.
    pub async fn turn(&mut self) -> bool {
        while let Ok(request) = self.requests.try_recv() {
            self.take(request);
        }
        let plan = self.pass().await;
        let lanes = !self.lanes.is_empty();
        while let Some(joined) = self.lanes.join_next().await {
            self.lane_ended(joined);
        }
        !lanes && plan.as_ref().is_some_and(Plan::is_settled)
    }

    /// Nothing is under way but checks of VMs that are ready.
    fn is_idle(&self) -> bool {
        self.publish.borrow().as_ref().is_some_and(|snapshot| snapshot.idle)
    }

    /// Waits for the checks that end at about the same time as the first, so that a thousand VMs' results cost one pass and not
    /// a thousand. A wake, a wish or the time ends it.
    async fn gather(&mut self) {
        let enough = tokio::time::sleep(GATHER);
        tokio::pin!(enough);
        while !self.lanes.is_empty() {
            tokio::select! {
                // Cancel-safe, each of them, as in `run`; a permit taken here is given back for it.
                Some(joined) = self.lanes.join_next() => self.lane_ended(joined),
                Some(request) = self.requests.recv() => return self.take(request),
                () = self.wake.notified() => return self.wake.notify_one(),
                () = &mut enough => return,
                else => return,
            }
        }
    }

    /// Looks, plans, starts the lanes, publishes.
    async fn pass(&mut self) -> Option<Plan> {
        let began = tokio::time::Instant::now();
        self.read_site(false);
        if self.host_event.swap(false, Ordering::SeqCst) {
            self.collector.distrust_host();
        }
        let max_age = if self.is_idle() { HOST_AGE_SETTLED } else { HOST_AGE_AT_WORK };
        let spec = Arc::clone(&self.site.spec);
        let observed = match self.collector.collect(&spec, &self.hypervisor, max_age).await {
            Ok(observed) => Arc::new(observed),
            Err(error) => {
                tracing::error!(error = %error, "the store cannot be read; nothing is done until it can");
                return None;
            }
        };
        let seed = seed();
        let input = PlanInput {
            spec: &spec,
            hypervisor: &self.hypervisor,
            observed: &observed,
            busy: &self.busy,
            policy: &self.policy,
            now: self.world.clock.now(),
            seed: &seed,
        };
        let plan = plan::plan(&input);
        for (subject, steps) in lanes_of(&plan) {
            self.start_lane(subject, steps);
        }
        self.passes += 1;
        self.publish(&plan, &observed, began.elapsed());
        self.content.turn(&self.world, &spec, &observed);
        self.observed = Some(observed);
        Some(plan)
    }

    fn start_lane(&mut self, subject: Subject, steps: Vec<Step>) {
        let cx = Context {
            world: Arc::clone(&self.world),
            spec: Arc::clone(&self.site.spec),
            renderer: Arc::clone(&self.site.renderer),
            budget: Arc::clone(&self.budget),
        };
        let touches = steps.iter().any(Step::touches_hypervisor);
        self.busy.insert(subject.clone());
        self.lanes.spawn(async move {
            let result = run_lane(&cx, steps).await;
            (subject, touches, result)
        });
    }

    fn lane_ended(&mut self, joined: Result<(Subject, bool, Result<(), StepFault>), tokio::task::JoinError>) {
        match joined {
            Ok((subject, touched, result)) => {
                self.busy.remove(&subject);
                if touched {
                    self.collector.distrust_host();
                }
                match result {
                    Ok(()) => self.world.board.succeeded(&subject),
                    Err(StepFault::Killed) => {}
                    Err(fault) => self.world.board.failed(&subject, fault.failure(), self.world.clock.now()),
                }
            }
            Err(error) => {
                // A panic in a lane: which one is not known any more, so none may be held as busy for ever.
                tracing::error!(error = %error, "a lane ended without an answer");
                if self.lanes.is_empty() {
                    self.busy.clear();
                }
                self.collector.distrust_host();
            }
        }
        for envelope in std::mem::take(&mut self.deferred) {
            self.take(envelope);
        }
    }

    /// Judges a wish; one about a VM whose lane is running waits for its end, as both write the record.
    fn take(&mut self, (request, answer): Envelope) {
        if requests::vms_of(&request).into_iter().any(|vm| self.busy.contains(&Subject::Vm(vm))) {
            self.deferred.push_back((request, answer));
            return;
        }
        if request == Request::Reconcile {
            self.collector.distrust_host();
            self.read_site(true);
            let result = self.site_error.clone().map_or(Ok(()), |error| Err(RequestError::Failed(error)));
            return drop_answer(answer, result);
        }
        let site_name = self.site.spec.site.name.clone();
        let observed = self.observed.clone();
        let has_domain = |vm: &VmName| match observed.as_deref().map(|observed| &observed.hypervisor) {
            Some(HypervisorState::Reachable(host)) => host
                .domains
                .get(vm.as_str())
                .and_then(|domain| domain.owner.as_ref())
                .is_some_and(|owner| owner.site == site_name && owner.vm == *vm),
            _ => false,
        };
        let desired = requests::Desired {
            spec: &self.site.spec,
            hypervisor: &self.hypervisor,
            store: &self.world.store,
            now: self.world.clock.now(),
            has_domain: &has_domain,
        };
        let result = requests::accept(&desired, &request);
        match &result {
            Ok(()) => tracing::info!(request = ?request, "accepted"),
            Err(error) => tracing::info!(request = ?request, error = %error, "refused"),
        }
        drop_answer(answer, result);
    }

    fn read_site(&mut self, now: bool) {
        if !now && self.site_read.elapsed() < SITE_INTERVAL {
            return;
        }
        self.site_read = tokio::time::Instant::now();
        match (self.source)() {
            Ok(None) => {}
            Ok(Some(site)) => {
                tracing::info!(revision = site.spec.revision, "the site has a new revision");
                *self.desk.spec.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Arc::clone(&site.spec);
                self.site = site;
                self.site_error = None;
            }
            Err(error) => {
                if self.site_error.as_ref() != Some(&error) {
                    tracing::error!("the site cannot be used, the revision before stays in force:\n{error}");
                }
                self.site_error = Some(error);
            }
        }
    }

    fn publish(&self, plan: &Plan, observed: &Arc<Observed>, took: Duration) {
        let vms: BTreeMap<VmName, VmStatus> = plan
            .vms
            .values()
            .map(|vm| {
                let status = VmStatus {
                    phase: vm.phase,
                    note: vm.reason.clone(),
                    deadline: vm.deadline,
                    settled: vm.is_settled() && !self.busy_with_more_than_checks(vm),
                };
                (vm.vm.clone(), status)
            })
            .collect();
        let mut notes: Vec<String> = plan.unreachable.iter().cloned().collect();
        notes.extend(plan.infra.iter().filter_map(|subject| match subject.action {
            plan::Action::Wait | plan::Action::Blocked => Some(format!("{}: {}", name_of(&subject.subject), subject.reason)),
            _ => None,
        }));
        let idle = plan.is_settled() && vms.values().all(|vm| vm.settled);
        self.publish.send_replace(Some(Arc::new(Snapshot {
            at: self.world.clock.now(),
            hypervisor: self.hypervisor.clone(),
            spec: Arc::clone(&self.site.spec),
            observed: Arc::clone(observed),
            vms,
            notes,
            site_error: self.site_error.clone(),
            idle,
            passes: self.passes,
            pass_micros: u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        })));
    }

    fn busy_with_more_than_checks(&self, vm: &plan::VmPlan) -> bool {
        self.busy.contains(&Subject::Vm(vm.vm.clone())) && !vm.steps.iter().all(Step::is_bookkeeping)
    }

    /// How long to sleep when nothing happens.
    fn pause(&self, plan: Option<&Plan>, settled: bool) -> Duration {
        let Some(plan) = plan else { return Duration::from_secs(5) };
        if plan.unreachable.is_some() {
            return Duration::from_secs(5);
        }
        let now = self.world.clock.now();
        let due = plan.look_again().map_or(SITE_INTERVAL, |at| at.since(now));
        if settled {
            return due.clamp(SETTLED_PACE, HOST_AGE_SETTLED);
        }
        let installing = plan.vms.values().any(|vm| vm.phase == Some(Phase::Installing));
        let most = if installing { LOOK_AT_INSTALLS } else { Duration::from_secs(2) };
        due.clamp(Duration::from_millis(50), most)
    }
}

fn drop_answer(answer: oneshot::Sender<Result<(), RequestError>>, result: Result<(), RequestError>) {
    // Who asked may have gone; what was asked is stored all the same.
    drop(answer.send(result));
}

/// The lanes of a plan: infrastructure and VMs that have steps.
fn lanes_of(plan: &Plan) -> Vec<(Subject, Vec<Step>)> {
    let infra = plan.infra.iter().filter(|s| !s.steps.is_empty()).map(|s| (s.subject.clone(), s.steps.clone()));
    let vms = plan.vms.values().filter(|vm| !vm.steps.is_empty()).map(|vm| (Subject::Vm(vm.vm.clone()), vm.steps.clone()));
    infra.chain(vms).collect()
}

fn name_of(subject: &Subject) -> String {
    match subject {
        Subject::Probe => "probe".to_owned(),
        Subject::Pool(name) => format!("pool `{name}`"),
        Subject::Network(name) => format!("network `{name}`"),
        Subject::BootFiles(name) => format!("boot files of `{name}`"),
        Subject::Ca => "the Puppet CA".to_owned(),
        Subject::PuppetDb => "PuppetDB".to_owned(),
        Subject::Vm(name) => format!("VM `{name}`"),
    }
}

/// 256 bits from the system's generator (by way of two random UUIDs, 244 of them random).
fn seed() -> [u8; 32] {
    let mut seed = [0; 32];
    seed[..16].copy_from_slice(uuid::Uuid::new_v4().as_bytes());
    seed[16..].copy_from_slice(uuid::Uuid::new_v4().as_bytes());
    seed
}
