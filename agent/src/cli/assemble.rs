//! Wires a whole agent: the only place that knows every part. `agent`, `apply` and `rebuild` run what is made here.

use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use camino::Utf8Path;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::context::Context;
use super::error::{CliError, OrExit as _};
use super::site_source;
use crate::execute::{EffectBudget, chain};
use crate::plan::Policy;
use crate::reconcile::{Handle, Loop, Parts, Until};
use crate::render::puppet_files;
use crate::serve::api::{self, ApiSocket};
use crate::serve::{DEFAULT_GROUP, InstallLimits, Traffic, bind_within, install, reports};
use crate::settings::Settings;
use crate::spec::{Spec, VmName};
use crate::world::puppet::{ArchiveLimits, CertificateAuthority, PuppetCa, archive};
use crate::world::sim::{GuestDesk, SimConfig, SimHypervisor};
use crate::world::{
    BootFileCache, BootFileSource, CheckRunner, Clock, Hypervisor, HypervisorHandle, Lock, NetworkChecks, Store, SystemClock,
    World,
};

/// How often simulated guests move.
const SIM_TICK: Duration = Duration::from_millis(50);

/// How often the checks of a VM that is to become ready run: every wait in between is ours, not the guest's.
const VERIFY_INTERVAL: Duration = Duration::from_millis(500);

/// How long a listener waits for its port: an agent that is just ending, a bridge that is just being made.
const PORT_PATIENCE: Duration = Duration::from_secs(10);

/// An agent that is ready to run.
pub(crate) struct Agent {
    the_loop: Loop,
    handle: Handle,
    traffic: Arc<Traffic>,
    /// The install listener; none on the simulator, whose guests need none.
    guests: Option<TcpListener>,
    api: ApiSocket,
    /// Metrics and health, where the configuration names an address.
    health: Option<TcpListener>,
    /// Where a Puppet server forwards reports to, and who may.
    reports: Option<(TcpListener, Vec<IpAddr>)>,
    /// The tokens of those who may upload packages there.
    upload_tokens: Option<camino::Utf8PathBuf>,
    /// Held for as long as the agent runs.
    _lock: Lock,
}

impl Agent {
    /// Takes the lock, opens the store and the listeners, connects to nothing yet.
    pub(crate) async fn assemble(context: &Context) -> Result<Self, CliError> {
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
        let sim_speed = context.sim_speed();
        let store_path = context.store_path()?;
        if sim_speed.is_some() {
            // A simulator begins empty, so what an earlier one was told is of no use. It is never the host's own store: the
            // simulator's directories are its own.
            forget_store(&store_path)?;
        }
        let store = Arc::new(Store::open(&store_path).map_err(CliError::world)?);
        let (hypervisor, checks, boot, ca, sim) = machinery(settings, sim_speed, &clock)?;
        let guests = match sim_speed {
            None => Some(bind_within(settings.install_listen, PORT_PATIENCE).await.map_err(CliError::world)?),
            Some(_) => None,
        };
        let port = match &guests {
            Some(listener) => listener.local_addr().or_world(|| "ask the install listener for its port".to_owned())?.port(),
            None => settings.install_listen.port(),
        };
        let health = match settings.api_listen {
            Some(address) => Some(bind_within(address, PORT_PATIENCE).await.map_err(CliError::world)?),
            None => None,
        };
        let reports = match settings.reports_listen {
            Some(address) => {
                let listener = bind_within(address, PORT_PATIENCE).await.map_err(CliError::world)?;
                Some((listener, settings.reports_from.clone()))
            }
            None => None,
        };
        let api = api::open(&settings.api_socket(), DEFAULT_GROUP).map_err(CliError::world)?;
        let name = if sim.is_some() { "sim:///".to_owned() } else { settings.libvirt_uri.clone() };
        let handle = HypervisorHandle::new(hypervisor, name);
        let mut world = World::new(handle, store, clock, checks, boot, ca, settings.state_dir.clone());
        if let Some(sim) = &sim {
            world = world.with_reports(sim.puppetdb());
        }
        let policy = Policy {
            parallel_installs: settings.parallel_installs,
            verify_interval: VERIFY_INTERVAL,
            ..Policy::new(settings.state_dir.clone(), port)
        };
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
        Ok(Self {
            the_loop,
            handle,
            traffic: Arc::default(),
            guests,
            api,
            health,
            reports,
            upload_tokens: settings.upload_tokens.clone(),
            _lock: lock,
        })
    }

    /// The way to its loop.
    pub(crate) fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Runs until `shutdown` completes: the loop, the install listener, the API.
    pub(crate) async fn run(self, shutdown: impl Future<Output = ()>) {
        self.handle.discard_uploads();
        // Dropped at the end, and every connection with them.
        let mut listeners = JoinSet::new();
        if let Some(listener) = self.guests {
            tracing::info!(address = address_of(&listener), "the install listener answers guests");
            listeners.spawn(install::serve(listener, self.handle.clone(), InstallLimits::default(), Arc::clone(&self.traffic)));
        }
        if let Some(listener) = self.health {
            tracing::info!(address = address_of(&listener), "metrics and health are served");
            listeners.spawn(api::serve_health(listener, self.handle.clone(), Arc::clone(&self.traffic), self.upload_tokens));
        }
        if let Some((listener, from)) = self.reports {
            tracing::info!(address = address_of(&listener), "forwarded Puppet reports are taken");
            listeners.spawn(reports::serve(listener, self.handle.clone(), from, Arc::clone(&self.traffic)));
        }
        listeners.spawn(api::serve(self.api, self.handle, self.traffic));
        self.the_loop.run(Until::Stopped, shutdown).await;
    }
}

/// Removes a store and what SQLite keeps beside it.
fn forget_store(path: &Utf8Path) -> Result<(), CliError> {
    for suffix in ["", "-wal", "-shm"] {
        match std::fs::remove_file(format!("{path}{suffix}")) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).or_world(|| format!("remove the simulator's old store `{path}{suffix}`"));
            }
            _ => {}
        }
    }
    Ok(())
}

type Machinery = (
    Arc<dyn Hypervisor>,
    Arc<dyn CheckRunner>,
    Arc<dyn BootFileSource>,
    Arc<dyn CertificateAuthority>,
    Option<Arc<SimHypervisor>>,
);

fn machinery(settings: &Settings, sim_speed: Option<u32>, clock: &Arc<dyn Clock>) -> Result<Machinery, CliError> {
    let Some(speed) = sim_speed else {
        let checks = Arc::new(NetworkChecks::new(Arc::clone(clock)));
        let boot = Arc::new(BootFileCache { directory: settings.cache_dir.clone() });
        return Ok((libvirt(&settings.libvirt_uri)?, checks, boot, Arc::new(PuppetCa::default()), None));
    };
    let sim = Arc::new(SimHypervisor::new(SimConfig { speed, ..SimConfig::default() }, Arc::clone(clock)));
    Ok((Arc::clone(&sim) as _, Arc::clone(&sim) as _, Arc::clone(&sim) as _, sim.ca(), Some(sim)))
}

/// The driver for libvirt at `uri`; nothing is connected before the first call.
#[cfg(feature = "libvirt")]
#[expect(clippy::unnecessary_wraps, reason = "the build without libvirt has nothing to give")]
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

/// For the log; a listener that is bound has an address.
fn address_of(listener: &TcpListener) -> String {
    listener.local_addr().map_or_else(|error| error.to_string(), |address| address.to_string())
}
