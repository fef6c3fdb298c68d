//! Wires a whole agent: the only place that knows every part. `agent`, `apply` and `rebuild` run what is made here.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;

use super::context::Context;
use super::error::{CliError, OrExit as _};
use super::site_source;
use crate::execute::EffectBudget;
use crate::plan::Policy;
use crate::reconcile::{Handle, Loop, Parts};
use crate::render::puppet_files;
use crate::serve::{Traffic, bind_within};
use crate::settings::Settings;
use crate::spec::{Spec, VmName};
use crate::world::puppet::{ArchiveLimits, archive};
use crate::world::sim::{GuestDesk, SimConfig, SimHypervisor};
use crate::world::{
    BootFileCache, BootFileSource, CheckRunner, Clock, Hypervisor, HypervisorHandle, Lock, NetworkChecks, Store, SystemClock,
    World,
};

/// How often simulated guests move.
const SIM_TICK: Duration = Duration::from_millis(50);

/// How long the install listener waits for its port: an agent that is just ending, a bridge that is just being made.
const PORT_PATIENCE: Duration = Duration::from_secs(10);

/// What the agent works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Machine {
    /// libvirt.
    Real,
    /// The simulator, whose guests live this many times faster than real ones.
    Simulated {
        /// How many times.
        speed: u32,
    },
}

impl Machine {
    /// From `--sim` and `--sim-speed`.
    pub(crate) fn of(sim: bool, speed: u32) -> Self {
        if sim { Self::Simulated { speed } } else { Self::Real }
    }
}

/// An agent that is ready to run.
pub(crate) struct Agent {
    pub(crate) the_loop: Loop,
    pub(crate) handle: Handle,
    pub(crate) store: Arc<Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) traffic: Arc<Traffic>,
    /// The install listener; none on the simulator, whose guests need none.
    pub(crate) listener: Option<TcpListener>,
    /// Held for as long as the agent runs.
    pub(crate) lock: Lock,
}

impl Agent {
    /// Takes the lock, opens the store and the install listener, connects to nothing yet.
    pub(crate) async fn assemble(context: &Context, machine: Machine) -> Result<Self, CliError> {
        let settings = context.settings()?;
        for directory in [&settings.state_dir, &settings.cache_dir, &settings.run_dir] {
            std::fs::create_dir_all(directory).map_err(|error| {
                CliError::world(anyhow::Error::new(error).context(format!("make the directory `{directory}`")))
                    .help("run it as root or as the agent's user, or name other directories in the configuration")
            })?;
        }
        let lock = Lock::take(&settings.run_dir.join("lock")).map_err(|error| {
            CliError::world(error).help("`rekindle status` asks the agent that runs; stop it first to run another")
        })?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let store = Arc::new(Store::open(&context.store_path()?).map_err(CliError::world)?);
        let (hypervisor, checks, boot, sim) = parts_of(machine, settings, &clock)?;
        let (listener, port) = match machine {
            Machine::Real => {
                let listener = bind_within(settings.install_listen, PORT_PATIENCE).await.map_err(CliError::world)?;
                let address = listener.local_addr().or_world(|| "ask the install listener for its port".to_owned())?;
                (Some(listener), SocketAddr::port(&address))
            }
            Machine::Simulated { .. } => (None, settings.install_listen.port()),
        };
        let name = if sim.is_some() { "sim:///".to_owned() } else { settings.libvirt_uri.clone() };
        let world = World::new(
            HypervisorHandle::new(hypervisor, name),
            Arc::clone(&store),
            Arc::clone(&clock),
            checks,
            boot,
            settings.state_dir.clone(),
        );
        let policy = Policy { parallel_installs: settings.parallel_installs, ..Policy::new(settings.state_dir.clone(), port) };
        let parts = Parts {
            world: Arc::new(world),
            hypervisor: settings.hypervisor.clone(),
            policy,
            site: site_source::watch(settings.site.clone()),
            puppet: Box::new(puppet_archive),
            budget: Arc::new(EffectBudget::unlimited()),
        };
        let (the_loop, handle) = Loop::new(parts)
            .map_err(|report| CliError::usage(anyhow::anyhow!("the site in `{}` cannot be used:\n{report}", settings.site)))?;
        if let Some(sim) = sim {
            sim.connect_guests(Arc::clone(handle.desk()) as Arc<dyn GuestDesk>);
            sim.spawn_ticker(SIM_TICK).or_world(|| "start the simulator's thread".to_owned())?;
        }
        Ok(Self { the_loop, handle, store, clock, traffic: Arc::default(), listener, lock })
    }
}

type Machinery = (Arc<dyn Hypervisor>, Arc<dyn CheckRunner>, Arc<dyn BootFileSource>, Option<Arc<SimHypervisor>>);

fn parts_of(machine: Machine, settings: &Settings, clock: &Arc<dyn Clock>) -> Result<Machinery, CliError> {
    match machine {
        Machine::Real => {
            let checks = Arc::new(NetworkChecks::new(Arc::clone(clock)));
            let boot = Arc::new(BootFileCache { directory: settings.cache_dir.clone() });
            Ok((libvirt(&settings.libvirt_uri)?, checks, boot, None))
        }
        Machine::Simulated { speed } => {
            let sim = Arc::new(SimHypervisor::new(SimConfig { speed, ..SimConfig::default() }, Arc::clone(clock)));
            Ok((Arc::clone(&sim) as _, Arc::clone(&sim) as _, Arc::clone(&sim) as _, Some(sim)))
        }
    }
}

/// The driver for libvirt at `uri`; nothing is connected before the first call.
#[cfg(feature = "libvirt")]
pub(crate) fn libvirt(uri: &str) -> Result<Arc<dyn Hypervisor>, CliError> {
    Ok(Arc::new(crate::world::Libvirt::new(uri)))
}

/// This build has no driver for libvirt.
#[cfg(not(feature = "libvirt"))]
pub(crate) fn libvirt(uri: &str) -> Result<Arc<dyn Hypervisor>, CliError> {
    Err(CliError::usage(anyhow::anyhow!("this `rekindle` was built without libvirt and cannot use `{uri}`"))
        .help("use the package for hypervisors, or `--sim`"))
}

/// The site's Puppet code with the data of one VM.
fn puppet_archive(spec: &Spec, name: &VmName) -> Result<bytes::Bytes, String> {
    let site = spec.site.puppet.as_ref().ok_or("the site does not use Puppet")?;
    let vm = spec.vms.get(name).ok_or_else(|| format!("VM `{name}` is no longer in the site"))?;
    let puppet = vm.puppet.as_ref().ok_or_else(|| format!("VM `{name}` is not handed to Puppet"))?;
    archive(Some(&site.directory), &puppet_files(vm, puppet), &ArchiveLimits::default()).map_err(|error| chain(&error))
}

/// An error with its causes on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
