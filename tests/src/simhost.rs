//! A simulated hypervisor with an agent on it, turned by hand: each turn is one whole pass, the time moves only when told to.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::sync::Arc;
use std::time::Duration;

use rekindle::execute::EffectBudget;
use rekindle::observed::Phase;
use rekindle::plan::Policy;
use rekindle::reconcile::{Handle, Loop, Parts, Site};
use rekindle::render::Renderer;
use rekindle::spec::{Spec, Timestamp, VmName};
use rekindle::world::puppet::CertificateAuthority;
use rekindle::world::sim::{GuestLogs, SimConfig, SimHypervisor};
use rekindle::world::{HypervisorHandle, ManualClock, Store, World};

/// 2026-01-01T00:00:00Z.
const START: Timestamp = Timestamp(1_767_225_600_000);

/// The host: what outlives an agent that is killed.
pub struct SimHost {
    /// Moves only when told to.
    pub clock: Arc<ManualClock>,
    /// The hypervisor.
    pub sim: Arc<SimHypervisor>,
    /// The agent's store.
    pub store: Arc<Store>,
    /// The Puppet CA that the agent asks: the simulator's own, or another that is put in its place.
    pub ca: Arc<dyn CertificateAuthority>,
    renderer: Arc<Renderer>,
    state: tempfile::TempDir,
}

/// An agent on a [`SimHost`].
pub struct SimAgent {
    /// Its loop.
    pub wheel: Loop,
    /// The way to it.
    pub handle: Handle,
    budget: Arc<EffectBudget>,
}

impl SimAgent {
    /// It has been killed: its last effect was the last that it may have.
    pub fn is_dead(&self) -> bool {
        self.budget.is_spent()
    }
}

impl Default for SimHost {
    fn default() -> Self {
        Self::new(SimConfig { logs: GuestLogs::None, ..SimConfig::default() })
    }
}

impl SimHost {
    /// An empty host.
    ///
    /// # Panics
    /// When the shipped templates or the store cannot be used.
    pub fn new(config: SimConfig) -> Self {
        let clock = Arc::new(ManualClock::at(START));
        let sim = Arc::new(SimHypervisor::new(config, Arc::clone(&clock) as _));
        Self {
            ca: sim.ca(),
            sim,
            clock,
            store: Arc::new(Store::in_memory().expect("a store in memory")),
            renderer: Arc::new(Renderer::new(None).expect("the shipped templates")),
            state: tempfile::tempdir().expect("a directory"),
        }
    }

    /// Starts an agent for `spec` that is killed before its effect number `effects` + 1.
    ///
    /// # Panics
    /// When the site cannot be used.
    pub fn agent(&self, spec: &Arc<Spec>, effects: Option<u64>) -> SimAgent {
        let state_dir = camino::Utf8PathBuf::from_path_buf(self.state.path().to_owned()).expect("a path in UTF-8");
        let world = World::new(
            HypervisorHandle::new(Arc::clone(&self.sim) as _, "sim"),
            Arc::clone(&self.store),
            Arc::clone(&self.clock) as _,
            Arc::clone(&self.sim) as _,
            Arc::clone(&self.sim) as _,
            Arc::clone(&self.ca),
            state_dir.clone(),
        )
        .with_reports(self.sim.puppetdb());
        let spec = &self.with_key(spec);
        let mut site = Some(Site { spec: Arc::clone(spec), renderer: Arc::clone(&self.renderer) });
        let budget = Arc::new(effects.map_or(EffectBudget::unlimited(), EffectBudget::limited));
        let parts = Parts {
            world: Arc::new(world),
            hypervisor: spec.hypervisors.keys().next().expect("a hypervisor").clone(),
            policy: Policy::new(state_dir, 8470),
            site: Box::new(move || Ok(site.take())),
            puppet: Box::new(|_, _| Ok(bytes::Bytes::new())),
            budget: Arc::clone(&budget),
        };
        let (wheel, handle) = Loop::new(parts).expect("a site");
        self.sim.connect_guests(Arc::clone(handle.desk()) as _);
        SimAgent { wheel, handle, budget }
    }

    /// The spec with an autosign key that can be read, where it has a Puppet server.
    fn with_key(&self, spec: &Arc<Spec>) -> Arc<Spec> {
        let mut with_key = Spec::clone(spec);
        let Some(server) = with_key.site.puppet.as_mut().and_then(|puppet| puppet.server.as_mut()) else {
            return Arc::clone(spec);
        };
        let path = self.state.path().join("autosign.key");
        let mut options = std::fs::OpenOptions::new();
        let file = options.create(true).truncate(true).write(true).mode(0o600).open(&path);
        file.and_then(|mut file| file.write_all(&[b'k'; 32])).expect("a key");
        server.autosign_key = camino::Utf8PathBuf::from_path_buf(path).expect("a path in UTF-8");
        Arc::new(with_key)
    }

    /// Where the agent keeps its logs.
    pub fn state_dir(&self) -> &std::path::Path {
        self.state.path()
    }

    /// Lets `span` pass, guests included.
    pub fn pass_time(&self, span: Duration) {
        self.clock.advance(span);
        self.sim.advance();
    }

    /// Turns until all is settled; time passes whenever a turn has nothing to do. Says after how many turns, or none when it
    /// has not settled within `turns`.
    pub async fn settle(&self, agent: &mut SimAgent, turns: u32) -> Option<u32> {
        for turn in 1..=turns {
            if agent.wheel.turn().await {
                return Some(turn);
            }
            self.pass_time(Duration::from_secs(1));
        }
        None
    }

    /// The phase in the store.
    ///
    /// # Panics
    /// When the store cannot be read.
    pub fn phase(&self, vm: &VmName) -> Option<Phase> {
        self.store.record(vm).expect("the store").map(|record| record.phase)
    }
}
