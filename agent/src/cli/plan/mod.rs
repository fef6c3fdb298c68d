//! `rekindle plan`: what the next pass would do, and why not more. Changes nothing.

mod text;
mod view;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use self::text::Detail;
use self::view::PlanView;
use super::assemble;
use super::context::Context;
use super::error::{CliError, OrExit as _};
use super::site;
use crate::exit::Exit;
use crate::observed::{HypervisorState, Observed, ObservedHost};
use crate::plan::{PlanInput, Policy, plan};
use crate::settings::Settings;
use crate::spec::{DomainType, HypervisorName, Spec, VmName};
use crate::world::puppet::PuppetCa;
use crate::world::{BootFileCache, Clock, Collector, HypervisorHandle, NetworkChecks, Store, SystemClock, World};

/// Show what would be created, kept, rebuilt and destroyed, and the reason for each; nothing is touched
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  rekindle plan                   what `rekindle apply` would do now
  rekindle plan --all             also what stays as it is, with each step
  rekindle plan web1 --json       one VM, for scripts
  rekindle --site . --hypervisor hv1 plan --empty
                                  what a recovery from nothing would do: needs no libvirt, no agent

Nothing is rebuilt or destroyed by `rekindle apply` without consent that names it: `rekindle rebuild`, `rekindle destroy`.")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct PlanArgs {
    /// Only these VMs, and what all VMs stand on
    vms: Vec<VmName>,
    /// Show what stays as it is too, and every step
    #[arg(long)]
    all: bool,
    /// Plan for an empty hypervisor in place of this one
    #[arg(long)]
    empty: bool,
    /// Exit with status 1 when there is something to do
    #[arg(long)]
    exit_code: bool,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

/// Runs `rekindle plan`.
pub(crate) fn run(context: &Context, args: &PlanArgs) -> Result<Exit, CliError> {
    let settings = context.settings()?;
    let spec = site::load(context, &settings.site, args.json)?;
    let hypervisor = &site::hypervisor_named(&spec, settings.hypervisor.as_str())?.name;
    for vm in &args.vms {
        site::vm_named(&spec, vm)?;
    }
    let clock = SystemClock::new();
    let observed = if args.empty { empty() } else { observe(context, settings, &spec, hypervisor)? };
    let policy = Policy {
        parallel_installs: settings.parallel_installs,
        ..Policy::new(settings.state_dir.clone(), settings.install_listen.port())
    };
    let plan = plan(&PlanInput {
        spec: &spec,
        hypervisor,
        observed: &observed,
        busy: &BTreeSet::new(),
        policy: &policy,
        now: clock.now(),
        // The tokens of a plan that is only shown are never used.
        seed: &[0; 32],
    });
    let only: Vec<String> = args.vms.iter().map(ToString::to_string).collect();
    let view = PlanView::new(hypervisor.as_str(), &spec.revision, &plan, &only);
    if args.json {
        context.screen.print_json(&view)?;
    } else {
        let detail = if args.all { Detail::Everything } else { Detail::Changes };
        context.screen.print(&text::render(&view, detail, context.screen.out()))?;
    }
    Ok(match (&plan.unreachable, args.exit_code) {
        (Some(_), _) => Exit::World,
        (None, true) if !view.counts().is_all_kept() => Exit::No,
        _ => Exit::Ok,
    })
}

/// A hypervisor with nothing on it, and room for everything.
fn empty() -> Observed {
    let host = ObservedHost {
        memory_mib: u64::from(u32::MAX),
        cpus: u32::MAX,
        domain_type: Some(DomainType::Kvm),
        pools: BTreeMap::new(),
        networks: BTreeMap::new(),
        domains: BTreeMap::new(),
    };
    Observed {
        hypervisor: HypervisorState::Reachable(host),
        boot_files: BTreeMap::new(),
        vms: BTreeMap::new(),
        errors: BTreeMap::new(),
    }
}

/// What is, read beside an agent that may be running.
fn observe(context: &Context, settings: &Settings, spec: &Spec, hypervisor: &HypervisorName) -> Result<Observed, CliError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let store =
        if context.store_path()?.exists() { context.store_read_only()? } else { Store::in_memory().map_err(CliError::world)? };
    let world = World::new(
        HypervisorHandle::new(assemble::libvirt(&settings.libvirt_uri)?, settings.libvirt_uri.clone()),
        Arc::new(store),
        Arc::clone(&clock),
        Arc::new(NetworkChecks::new(clock)),
        Arc::new(BootFileCache { directory: settings.cache_dir.clone() }),
        Arc::new(PuppetCa::default()),
        settings.state_dir.clone(),
    );
    let runtime = super::runtime()?;
    let mut collector = Collector::new(Arc::new(world));
    runtime
        .block_on(collector.collect(spec, hypervisor, std::time::Duration::ZERO))
        .or_world(|| "read what is on this hypervisor".to_owned())
}
