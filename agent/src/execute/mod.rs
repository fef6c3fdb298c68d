//! Stage 4 of the pipeline: does what the plan says, and decides nothing.
//!
//! A lane is the list of steps for one subject, in order; lanes of different subjects run side by side. A lane ends at its first
//! error; the next pass looks at the world and plans from what it finds. Start at [`run_lane`].

mod budget;
mod certificates;
mod checks;
mod error;
pub mod gate;
mod puppetdb;
pub mod repo;

pub use budget::EffectBudget;
pub use error::{StepFault, chain};

use std::sync::Arc;

use crate::observed::{Phase, PuppetRuns, ReportVia};
use crate::plan::{Step, domain_uuid};
use crate::render::{Enrolment, InstallUrls, Renderer, domain_xml};
use crate::spec::{Spec, Timestamp, VmName, VmSpec};
use crate::world::puppet::{TokenClaim, TokenKey, TokenSubject};
use crate::world::{Change, RunNoted, World};

/// What every step may use.
#[derive(Clone)]
pub struct Context {
    /// The outside.
    pub world: Arc<World>,
    /// What should be, as the plan saw it.
    pub spec: Arc<Spec>,
    /// The site's templates.
    pub renderer: Arc<Renderer>,
    /// How many effects may still happen: unlimited but in tests, which stop between any two.
    pub budget: Arc<EffectBudget>,
}

/// Does `steps` in order, up to the first error.
pub async fn run_lane(cx: &Context, steps: Vec<Step>) -> Result<(), StepFault> {
    for step in steps {
        cx.budget.spend()?;
        let what = step.describe();
        match run_step(cx, step).await {
            Ok(change) => tracing::debug!(step = what, ?change, "done"),
            Err(fault) => {
                tracing::warn!(step = what, error = %fault.chain(), "failed");
                return Err(fault);
            }
        }
    }
    Ok(())
}

async fn run_step(cx: &Context, step: Step) -> Result<Change, StepFault> {
    let world = &cx.world;
    let hypervisor = &world.hypervisor;
    match step {
        Step::Probe(kind) => {
            let works = hypervisor.probe(kind, std::time::Duration::from_secs(15)).await?;
            // Software emulation always works; only the better answer needs proof.
            let answer = if works { kind.as_str() } else { "qemu" };
            world.store.put_fact(&world.probe_fact(), answer)?;
            Ok(Change::Changed)
        }
        Step::EnsurePool(pool) => Ok(hypervisor.ensure_pool(&pool).await?),
        Step::EnsureNetwork { network, hosts, digest } => match cx.spec.networks.get(&network) {
            Some(network) => Ok(hypervisor.ensure_network(network, &hosts, &digest).await?),
            None => Err(StepFault::GoneFromSite { what: "network", name: network.to_string() }),
        },
        Step::FetchBootFiles(name) => {
            let Some(os) = cx.spec.oses.get(&name).cloned() else {
                return Err(StepFault::GoneFromSite { what: "OS", name: name.to_string() });
            };
            let asked = world.clock.now();
            let source = Arc::clone(&world.boot);
            let fetched = tokio::task::spawn_blocking(move || source.ensure(&os, asked)).await;
            let (files, change) = fetched.map_err(|e| StepFault::Aborted(e.to_string()))??;
            world.note_boot_files(&name, files, asked);
            Ok(change)
        }
        Step::Record(record) => {
            if record.phase == Phase::Preparing {
                world.board.forget(&record.vm);
            }
            world.store.put_record(&record)?;
            Ok(Change::Changed)
        }
        Step::PrepareKickstart { record, base, token_until } => {
            let Some(vm) = cx.spec.vms.get(&record.vm) else {
                return Err(StepFault::GoneFromSite { what: "VM", name: record.vm.to_string() });
            };
            let urls =
                InstallUrls { base, token: record.token.clone(), enrolment: enrolment(cx, vm, record.attempt, token_until)? };
            let kickstart = cx.renderer.render_kickstart(&cx.spec, vm, &urls).map_err(|e| StepFault::Kickstart(Box::new(e)))?;
            write_kickstart(cx, &record.vm, record.attempt, &kickstart.text)?;
            world.store.put_kickstart(&record.vm, record.attempt, &kickstart.text)?;
            Ok(Change::Changed)
        }
        Step::ForgetAttempts { vm, before } => {
            world.forget_attempts(&vm, before)?;
            Ok(Change::Changed)
        }
        Step::CreateVolume(volume) => Ok(hypervisor.create_volume(&volume).await?),
        Step::DeleteVolume { pool, volume } => Ok(hypervisor.delete_volume(&pool, &volume).await?),
        Step::DefineDomain(domain) => {
            let directory = world.attempt_dir(&domain.name, domain.owner.attempt);
            std::fs::create_dir_all(&directory).map_err(|source| StepFault::File {
                action: "create",
                path: directory,
                source,
            })?;
            Ok(hypervisor.define_domain(&domain, &domain_xml(&domain)).await?)
        }
        Step::StartDomain { vm, uuid } => Ok(hypervisor.start_domain(&vm, uuid).await?),
        Step::StopDomain { vm, uuid, how } => Ok(hypervisor.stop_domain(&vm, uuid, how).await?),
        Step::UndefineDomain { vm, uuid } => Ok(hypervisor.undefine_domain(&vm, uuid).await?),
        Step::RunChecks { vm, uuid } => {
            checks::run(cx, &vm, uuid).await?;
            Ok(Change::Unchanged)
        }
        Step::RevokeCertificates(names) => certificates::run(cx, certificates::Task::Revoke, names).await,
        Step::DeleteCertificates(names) => certificates::run(cx, certificates::Task::Delete, names).await,
        Step::LookAtCertificates(names) => certificates::run(cx, certificates::Task::Look, names).await,
        Step::AskPuppetDb(vms) => puppetdb::ask(cx, vms).await,
        Step::KeepReport { record, report } => {
            let (run, handoff) = PuppetRuns::heard(&record, *report, ReportVia::PuppetDb, world.clock.now());
            let noted = world.store.note_run(&record.vm, &run, handoff.as_ref())?;
            Ok(if noted == RunNoted::New { Change::Changed } else { Change::Unchanged })
        }
        Step::Forget(vm) => {
            world.board.forget(&vm);
            world.store.remove_record(&vm)?;
            Ok(Change::Changed)
        }
    }
}

/// The token for the Puppet CA, where the VM is handed to a server.
fn enrolment(cx: &Context, vm: &VmSpec, attempt: u32, until: Option<Timestamp>) -> Result<Option<Enrolment>, StepFault> {
    let Some(until) = until else { return Ok(None) };
    let server = cx.spec.site.puppet.as_ref().and_then(|puppet| puppet.server.as_ref()).ok_or(StepFault::NoCa)?;
    let key = TokenKey::read(&server.autosign_key)?;
    let instance_id = domain_uuid(&cx.spec.site.name, &vm.name).to_string();
    let subject = TokenSubject { certname: &vm.fqdn, instance_id: &instance_id };
    let token = key.issue(subject, TokenClaim { attempt, expires: until.0 / 1000 });
    Ok(Some(Enrolment { token, instance_id }))
}

/// Keeps the kickstart beside the attempt's logs, readable by root alone: it holds the root password's hash and the token.
fn write_kickstart(cx: &Context, vm: &VmName, attempt: u32, text: &str) -> Result<(), StepFault> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let directory = cx.world.attempt_dir(vm, attempt);
    let path = directory.join("kickstart.ks");
    let fault = |source| StepFault::File { action: "write", path: path.clone(), source };
    std::fs::create_dir_all(&directory).map_err(fault)?;
    let mut file = std::fs::OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&path).map_err(fault)?;
    file.write_all(text.as_bytes()).map_err(fault)
}
