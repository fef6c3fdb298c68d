//! [`HypervisorHandle`]: the async side of a [`Hypervisor`].
//!
//! ```text
//! async caller ──▶ pool gate (1 call a pool) ──▶ slot gate (4 calls in all) ──▶ thread: blocking call
//!      ▲                                                                            │
//!      └──────────── answer, or `Unreachable` once the call's deadline has passed ◀─┘
//! ```
//!
//! A call that does not return keeps its thread, its slot and its pool until it does: nothing can end it from outside, and
//! starting more of them would pile up. Once every slot is held by such a call, every further call is answered `Unreachable` at
//! once; as soon as one comes back, calls go through again. Waiting for a slot that is held by a call within its deadline does
//! not count against the waiter's own deadline.
//!
//! Threads rather than tokio's blocking pool: a runtime waits for that pool when it shuts down, and a stuck call must not keep
//! the agent from ending.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::{Instant, sleep_until, timeout_at};
use uuid::Uuid;

use super::hypervisor::{Change, DomainEvent, GuestExit, Hypervisor, HypervisorError, Result};
use crate::observed::ObservedHost;
use crate::spec::{DomainSpec, DomainType, NetworkSpec, NicSpec, PoolName, PoolSpec, Stop, VmName, VolumeSpec};

/// How many calls run at once and how long they may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallLimits {
    /// Calls in flight; libvirtd serves 5 of one client at a time, and one is left for events.
    pub in_flight: usize,
    /// For calls that only ask or change a definition.
    pub quick: Duration,
    /// For calls that start, stop or make something.
    pub slow: Duration,
}

impl Default for CallLimits {
    fn default() -> Self {
        Self { in_flight: 4, quick: Duration::from_secs(30), slow: Duration::from_secs(120) }
    }
}

/// Time on top of a limit that a call was given as an argument.
const GRACE: Duration = Duration::from_secs(15);

/// A cloneable, async [`Hypervisor`]: same methods, same meaning.
#[derive(Clone)]
pub struct HypervisorHandle {
    shared: Arc<Shared>,
}

struct Shared {
    hypervisor: Arc<dyn Hypervisor>,
    name: String,
    limits: CallLimits,
    slots: Arc<Gate>,
    pools: Mutex<HashMap<PoolName, Arc<Gate>>>,
}

impl std::fmt::Debug for HypervisorHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HypervisorHandle").field("name", &self.shared.name).finish_non_exhaustive()
    }
}

impl HypervisorHandle {
    /// `name` is what errors call the hypervisor: its URI.
    pub fn new(hypervisor: Arc<dyn Hypervisor>, name: impl Into<String>) -> Self {
        Self::with_limits(hypervisor, name, CallLimits::default())
    }

    /// With other limits than the usual ones.
    pub fn with_limits(hypervisor: Arc<dyn Hypervisor>, name: impl Into<String>, limits: CallLimits) -> Self {
        let slots = Gate::new(limits.in_flight);
        Self { shared: Arc::new(Shared { hypervisor, name: name.into(), limits, slots, pools: Mutex::default() }) }
    }

    /// See [`Hypervisor::observe`].
    pub async fn observe(&self) -> Result<ObservedHost> {
        self.call("observe", None, self.shared.limits.quick, |h| h.observe()).await
    }

    /// See [`Hypervisor::probe`].
    pub async fn probe(&self, domain_type: DomainType, deadline: Duration) -> Result<bool> {
        self.call("probe", None, deadline + GRACE, move |h| h.probe(domain_type, deadline)).await
    }

    /// See [`Hypervisor::ensure_pool`].
    pub async fn ensure_pool(&self, pool: &PoolSpec) -> Result<Change> {
        let (key, pool) = (pool.name.clone(), pool.clone());
        self.call("ensure pool", Some(key), self.shared.limits.slow, move |h| h.ensure_pool(&pool)).await
    }

    /// See [`Hypervisor::ensure_network`].
    pub async fn ensure_network(&self, network: &NetworkSpec, hosts: &[(VmName, NicSpec)], digest: &str) -> Result<Change> {
        let (network, hosts, digest) = (network.clone(), hosts.to_vec(), digest.to_owned());
        self.call("ensure network", None, self.shared.limits.slow, move |h| h.ensure_network(&network, &hosts, &digest)).await
    }

    /// See [`Hypervisor::create_volume`].
    pub async fn create_volume(&self, volume: &VolumeSpec) -> Result<Change> {
        let (key, volume) = (volume.pool.clone(), volume.clone());
        self.call("create volume", Some(key), self.shared.limits.slow, move |h| h.create_volume(&volume)).await
    }

    /// See [`Hypervisor::delete_volume`].
    pub async fn delete_volume(&self, pool: &PoolName, volume: &str) -> Result<Change> {
        let (pool, volume) = (pool.clone(), volume.to_owned());
        self.call("delete volume", Some(pool.clone()), self.shared.limits.slow, move |h| h.delete_volume(&pool, &volume)).await
    }

    /// See [`Hypervisor::define_domain`].
    pub async fn define_domain(&self, domain: &DomainSpec, xml: &str) -> Result<Change> {
        let (domain, xml) = (domain.clone(), xml.to_owned());
        self.call("define domain", None, self.shared.limits.quick, move |h| h.define_domain(&domain, &xml)).await
    }

    /// See [`Hypervisor::start_domain`].
    pub async fn start_domain(&self, vm: &VmName, uuid: Uuid) -> Result<Change> {
        let vm = vm.clone();
        self.call("start domain", None, self.shared.limits.slow, move |h| h.start_domain(&vm, uuid)).await
    }

    /// See [`Hypervisor::stop_domain`].
    pub async fn stop_domain(&self, vm: &VmName, uuid: Uuid, how: Stop) -> Result<Change> {
        let vm = vm.clone();
        self.call("stop domain", None, self.shared.limits.slow, move |h| h.stop_domain(&vm, uuid, how)).await
    }

    /// See [`Hypervisor::undefine_domain`].
    pub async fn undefine_domain(&self, vm: &VmName, uuid: Uuid) -> Result<Change> {
        let vm = vm.clone();
        self.call("undefine domain", None, self.shared.limits.quick, move |h| h.undefine_domain(&vm, uuid)).await
    }

    /// See [`Hypervisor::addresses`].
    pub async fn addresses(&self, vm: &VmName, uuid: Uuid) -> Result<Vec<IpAddr>> {
        let vm = vm.clone();
        self.call("addresses", None, self.shared.limits.quick, move |h| h.addresses(&vm, uuid)).await
    }

    /// See [`Hypervisor::guest_exec`].
    pub async fn guest_exec(&self, vm: &VmName, uuid: Uuid, argv: &[String], timeout: Duration) -> Result<GuestExit> {
        let (vm, argv) = (vm.clone(), argv.to_vec());
        self.call("guest exec", None, timeout + GRACE, move |h| h.guest_exec(&vm, uuid, &argv, timeout)).await
    }

    /// See [`Hypervisor::subscribe`]. Does not block.
    pub fn subscribe(&self, sink: Box<dyn Fn(DomainEvent) + Send + Sync>) {
        self.shared.hypervisor.subscribe(sink);
    }

    /// Runs `work` on a thread of its own, within the gates and for at most `limit`.
    async fn call<T: Send + 'static>(
        &self,
        action: &'static str,
        pool: Option<PoolName>,
        limit: Duration,
        work: impl FnOnce(&dyn Hypervisor) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let shared = &self.shared;
        let mut pass = Vec::with_capacity(2);
        if let Some(pool) = pool {
            let gate = shared.pool_gate(&pool);
            let stuck = || shared.unreachable(format!("{action}: an earlier call on pool `{pool}` has not returned"));
            pass.push(gate.enter().await.ok_or_else(stuck)?);
        }
        let stuck = || shared.unreachable(format!("{action}: {} earlier calls have not returned", shared.limits.in_flight));
        pass.push(shared.slots.enter().await.ok_or_else(stuck)?);

        let deadline = Instant::now() + limit;
        for pass in &pass {
            pass.begin(deadline);
        }
        let (answer, answered) = oneshot::channel();
        let hypervisor = shared.hypervisor.clone();
        std::thread::Builder::new()
            .name("hypervisor-call".to_owned())
            .spawn(move || {
                let result = work(&*hypervisor);
                // The way is free before the caller hears: its next call finds a slot.
                drop(pass);
                // Nobody listens any more once the deadline has passed.
                drop(answer.send(result));
            })
            .map_err(|error| shared.unreachable(format!("{action}: cannot start a thread: {error}")))?;
        match timeout_at(deadline, answered).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(HypervisorError::Refused {
                action,
                name: shared.name.clone(),
                reason: "the call panicked; the log has more".to_owned(),
            }),
            Err(_) => Err(shared.unreachable(format!("{action}: no answer within {} s", limit.as_secs_f32()))),
        }
    }
}

impl Shared {
    fn pool_gate(&self, pool: &PoolName) -> Arc<Gate> {
        lock(&self.pools).entry(pool.clone()).or_insert_with(|| Gate::new(1)).clone()
    }

    fn unreachable(&self, reason: String) -> HypervisorError {
        HypervisorError::Unreachable { uri: self.name.clone(), reason }
    }
}

/// Lets a number of calls through at once and knows which of them are past their deadline.
struct Gate {
    permits: Arc<Semaphore>,
    size: usize,
    inside: Mutex<Inside>,
}

#[derive(Default)]
struct Inside {
    next: u64,
    /// None: its call has not begun.
    deadlines: HashMap<u64, Option<Instant>>,
}

/// The right to be inside a gate; ends when dropped.
struct Pass {
    gate: Arc<Gate>,
    number: u64,
    _permit: OwnedSemaphorePermit,
}

impl Gate {
    fn new(size: usize) -> Arc<Self> {
        Arc::new(Self { permits: Arc::new(Semaphore::new(size)), size, inside: Mutex::default() })
    }

    /// Waits for a place. None when all places are held by calls that are past their deadlines.
    async fn enter(self: &Arc<Self>) -> Option<Pass> {
        loop {
            let all_stuck = self.all_stuck_at();
            // Cancel-safe: a permit that was acquired and not returned is given back when dropped.
            let permit = tokio::select! {
                biased;
                permit = self.permits.clone().acquire_owned() => permit.ok()?,
                () = sleep_until(all_stuck) => {
                    if self.all_stuck_at() <= Instant::now() {
                        return None;
                    }
                    continue;
                }
            };
            let mut inside = lock(&self.inside);
            let number = inside.next;
            inside.next += 1;
            inside.deadlines.insert(number, None);
            return Some(Pass { gate: self.clone(), number, _permit: permit });
        }
    }

    /// When every call that is inside now will be past its deadline; soon, where that cannot be known yet.
    fn all_stuck_at(&self) -> Instant {
        /// Between two looks while a place changes hands or its holder waits at the next gate.
        const SOON: Duration = Duration::from_millis(20);
        let inside = lock(&self.inside);
        let last =
            inside.deadlines.values().copied().try_fold(None, |last, deadline| deadline.map(|deadline| last.max(Some(deadline))));
        last.flatten().filter(|_| inside.deadlines.len() >= self.size).unwrap_or_else(|| Instant::now() + SOON)
    }
}

impl Pass {
    /// The call begins and has until `deadline`.
    fn begin(&self, deadline: Instant) {
        lock(&self.gate.inside).deadlines.insert(self.number, Some(deadline));
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        lock(&self.gate.inside).deadlines.remove(&self.number);
    }
}

/// What these locks guard is whole even if a holder panicked.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Condvar;

    use super::*;
    use crate::observed::ObservedHost;

    const LIMITS: CallLimits = CallLimits { in_flight: 4, quick: Duration::from_millis(300), slow: Duration::from_millis(300) };
    /// Far more than anything here takes, for waits that must end.
    const PATIENCE: Duration = Duration::from_secs(20);

    /// A hypervisor whose calls hang until let go.
    #[derive(Default)]
    struct Hanging {
        open: Mutex<bool>,
        opened: Condvar,
        calls: Mutex<Counts>,
    }

    #[derive(Default, Clone, Copy, Debug, PartialEq)]
    struct Counts {
        now: usize,
        most: usize,
        ended: usize,
    }

    impl Hanging {
        fn hang(&self) {
            {
                let mut calls = lock(&self.calls);
                calls.now += 1;
                calls.most = calls.most.max(calls.now);
            }
            let mut open = lock(&self.open);
            while !*open {
                open = self.opened.wait(open).expect("lock");
            }
            drop(open);
            let mut calls = lock(&self.calls);
            calls.now -= 1;
            calls.ended += 1;
        }

        fn set_open(&self, open: bool) {
            *lock(&self.open) = open;
            self.opened.notify_all();
        }
    }

    impl Hypervisor for Hanging {
        fn observe(&self) -> Result<ObservedHost> {
            self.hang();
            Ok(ObservedHost {
                memory_mib: 1,
                cpus: 1,
                domain_type: None,
                pools: BTreeMap::new(),
                networks: BTreeMap::new(),
                domains: BTreeMap::new(),
            })
        }
        fn create_volume(&self, _: &VolumeSpec) -> Result<Change> {
            self.hang();
            Ok(Change::Changed)
        }
        fn probe(&self, _: DomainType, _: Duration) -> Result<bool> {
            panic!("as a bug would")
        }
        fn ensure_pool(&self, _: &PoolSpec) -> Result<Change> {
            unreachable!()
        }
        fn ensure_network(&self, _: &NetworkSpec, _: &[(VmName, NicSpec)], _: &str) -> Result<Change> {
            unreachable!()
        }
        fn delete_volume(&self, _: &PoolName, _: &str) -> Result<Change> {
            unreachable!()
        }
        fn define_domain(&self, _: &DomainSpec, _: &str) -> Result<Change> {
            unreachable!()
        }
        fn start_domain(&self, _: &VmName, _: Uuid) -> Result<Change> {
            unreachable!()
        }
        fn stop_domain(&self, _: &VmName, _: Uuid, _: Stop) -> Result<Change> {
            unreachable!()
        }
        fn undefine_domain(&self, _: &VmName, _: Uuid) -> Result<Change> {
            unreachable!()
        }
        fn addresses(&self, _: &VmName, _: Uuid) -> Result<Vec<IpAddr>> {
            unreachable!()
        }
        fn guest_exec(&self, _: &VmName, _: Uuid, _: &[String], _: Duration) -> Result<GuestExit> {
            unreachable!()
        }
        fn subscribe(&self, _: Box<dyn Fn(DomainEvent) + Send + Sync>) {}
    }

    fn volume(pool: &str) -> VolumeSpec {
        VolumeSpec { pool: pool.parse().expect("pool name"), name: "v.qcow2".to_owned(), capacity_bytes: 1, keep: false }
    }

    /// Runs `test` with a hanging hypervisor and a handle on it, and lets everything go afterwards.
    fn check<F: Future<Output = ()>>(limits: CallLimits, test: impl FnOnce(Arc<Hanging>, HypervisorHandle) -> F) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("runtime");
        let hypervisor = Arc::new(Hanging::default());
        let handle = HypervisorHandle::with_limits(hypervisor.clone(), "test", limits);
        runtime.block_on(async { tokio::time::timeout(PATIENCE, test(hypervisor.clone(), handle)).await }).expect("ends in time");
        hypervisor.set_open(true);
    }

    async fn until(what: &str, condition: impl Fn() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !condition() {
            assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    #[track_caller]
    fn assert_unreachable<T: std::fmt::Debug>(answer: &Result<T>) {
        assert!(matches!(answer, Err(HypervisorError::Unreachable { .. })), "{answer:?}");
    }

    #[test]
    fn a_call_that_hangs_is_unreachable_at_its_deadline() {
        check(LIMITS, |_, handle| async move {
            let began = Instant::now();
            assert_unreachable(&handle.observe().await);
            assert!(began.elapsed() >= LIMITS.quick);
        });
    }

    #[test]
    fn once_all_slots_hang_the_answer_comes_at_once_and_they_recover_by_themselves() {
        check(LIMITS, |hypervisor, handle| async move {
            let hung = tokio::join!(handle.observe(), handle.observe(), handle.observe(), handle.observe());
            for answer in [hung.0, hung.1, hung.2, hung.3] {
                assert_unreachable(&answer);
            }
            let began = Instant::now();
            for _ in 0..100 {
                assert_unreachable(&handle.observe().await);
            }
            // Had each waited for its deadline, it were a hundred times that.
            assert!(began.elapsed() < LIMITS.quick * 50, "waited {:?}", began.elapsed());
            assert_eq!(lock(&hypervisor.calls).most, 4, "no more calls were begun");
            hypervisor.set_open(true);
            until("the hung calls return", || lock(&hypervisor.calls).now == 0).await;
            assert!(handle.observe().await.is_ok());
        });
    }

    #[test]
    fn at_most_four_calls_run_and_one_for_each_pool() {
        let patient = CallLimits { quick: PATIENCE, slow: PATIENCE, ..LIMITS };
        check(patient, |hypervisor, handle| async move {
            let one_pool: Vec<_> = (0..3)
                .map(|_| {
                    let handle = handle.clone();
                    tokio::spawn(async move { handle.create_volume(&volume("a")).await })
                })
                .collect();
            until("one call runs", || lock(&hypervisor.calls).now == 1).await;
            let others: Vec<_> = (0..10)
                .map(|_| {
                    let handle = handle.clone();
                    tokio::spawn(async move { handle.observe().await.map(|_| Change::Changed) })
                })
                .collect();
            until("four calls run", || lock(&hypervisor.calls).now == 4).await;
            hypervisor.set_open(true);
            for task in one_pool.into_iter().chain(others) {
                assert!(task.await.expect("task").is_ok());
            }
            let calls = *lock(&hypervisor.calls);
            assert_eq!((calls.most, calls.ended), (4, 13));
        });
    }

    #[test]
    fn a_pool_whose_call_hangs_is_unreachable_and_others_are_not() {
        check(LIMITS, |hypervisor, handle| async move {
            assert_unreachable(&handle.create_volume(&volume("a")).await);
            let began = Instant::now();
            for _ in 0..100 {
                assert_unreachable(&handle.create_volume(&volume("a")).await);
            }
            assert!(began.elapsed() < LIMITS.slow * 50, "waited {:?}", began.elapsed());
            assert_eq!(lock(&hypervisor.calls).now, 1);
            let other = {
                let handle = handle.clone();
                tokio::spawn(async move { handle.create_volume(&volume("b")).await })
            };
            until("the other pool's call runs", || lock(&hypervisor.calls).now == 2).await;
            hypervisor.set_open(true);
            assert_eq!(other.await.expect("task").expect("created"), Change::Changed);
        });
    }

    #[test]
    fn a_caller_that_goes_away_leaves_its_slot_behind_until_the_call_returns() {
        check(LIMITS, |hypervisor, handle| async move {
            for n in 1..=4 {
                let call = handle.observe();
                tokio::select! {
                    answer = call => panic!("it hangs, but said {answer:?}"),
                    () = until("the call runs", || lock(&hypervisor.calls).now == n) => {}
                }
            }
            assert_unreachable(&handle.observe().await);
            assert_eq!(lock(&hypervisor.calls).most, 4);
        });
    }

    #[test]
    fn a_panic_in_a_call_is_an_error_and_frees_its_slot() {
        check(LIMITS, |hypervisor, handle| async move {
            hypervisor.set_open(true);
            for _ in 0..5 {
                let answer = handle.probe(DomainType::Kvm, Duration::ZERO).await;
                assert!(matches!(answer, Err(HypervisorError::Refused { .. })), "{answer:?}");
            }
            assert!(handle.observe().await.is_ok());
        });
    }
}
