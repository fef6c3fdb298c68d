//! `rekindle check`: the whole site, every kickstart and every domain, without touching anything.

use std::time::Instant;

use serde::Serialize;

use super::context::Context;
use super::error::CliError;
use super::placeholder;
use super::screen::{revision, span};
use super::site;
use crate::exit::Exit;
use crate::render::{Renderer, domain_xml};
use crate::spec::{Spec, VmSpec};

/// Check the site: every file, every VM's kickstart and domain; nothing is touched
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  rekindle check                      the site of the configuration
  rekindle --site . check             the site in this directory, as a test before a commit
  rekindle --site . check --json      for a review tool

All mistakes of all files are reported together. Exit status 2 when there is one.")]
pub(crate) struct CheckArgs {
    /// Write JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    ok: bool,
    revision: String,
    vms: usize,
    hypervisors: usize,
    seconds: f64,
    errors: Vec<Problem>,
}

#[derive(Debug, Serialize)]
struct Problem {
    vm: Option<String>,
    hypervisor: Option<String>,
    message: String,
}

/// Runs `rekindle check`.
pub(crate) fn run(context: &Context, args: &CheckArgs) -> Result<Exit, CliError> {
    let began = Instant::now();
    let directory = context.site_dir()?;
    let spec = site::load(context, &directory, args.json)?;
    let renderer = site::renderer(&directory)?;
    let problems = problems(&spec, &renderer);
    let took = began.elapsed();
    let paint = context.screen.out();
    if args.json {
        let ok = problems.is_empty();
        context.screen.print_json(&Report {
            ok,
            revision: spec.revision.clone(),
            vms: spec.vms.len(),
            hypervisors: spec.hypervisors.len(),
            seconds: took.as_secs_f64(),
            errors: problems,
        })?;
        return Ok(if ok { Exit::Ok } else { Exit::Usage });
    }
    if problems.is_empty() {
        let (vms, hypervisors) = (count(spec.vms.len(), "VM"), count(spec.hypervisors.len(), "hypervisor"));
        context.screen.print(&format!(
            "{} site `{}` at {}: {vms} on {hypervisors}, every kickstart and domain rendered and checked in {}\n",
            paint.green("ok:"),
            spec.site.name,
            revision(&spec.revision),
            span(took),
        ))?;
        return Ok(Exit::Ok);
    }
    let err = context.screen.err();
    for problem in &problems {
        context.screen.note(&format!("{} {}\n\n", err.red("error:"), problem.message.replace('\n', "\n  ")));
    }
    context.screen.note(&format!("{} in the kickstarts and domains of {directory}\n", count(problems.len(), "error")));
    Ok(Exit::Usage)
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// All that is wrong with what the site's machines would be given, in the order of their names.
fn problems(spec: &Spec, renderer: &Renderer) -> Vec<Problem> {
    let vms: Vec<&VmSpec> = spec.vms.values().collect();
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    // A share for each core; a handful of VMs is not worth a thread.
    let share = vms.len().div_ceil(workers).max(64);
    let mut found: Vec<Problem> = std::thread::scope(|scope| {
        let shares: Vec<_> = vms.chunks(share).map(|vms| scope.spawn(|| problems_of_vms(spec, renderer, vms))).collect();
        // A panic in a thread is a panic here.
        shares.into_iter().flat_map(|share| share.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    for hypervisor in spec.hypervisors.values().filter(|hypervisor| hypervisor.install.is_some()) {
        if let Err(error) = renderer.render_hypervisor(spec, hypervisor) {
            found.push(Problem { vm: None, hypervisor: Some(hypervisor.name.to_string()), message: error.to_string() });
        }
    }
    found
}

fn problems_of_vms(spec: &Spec, renderer: &Renderer, vms: &[&VmSpec]) -> Vec<Problem> {
    let site = renderer.for_site(spec);
    let mut found = Vec::new();
    for vm in vms {
        let mut problem = |message: String| {
            found.push(Problem { vm: Some(vm.name.to_string()), hypervisor: None, message });
        };
        match placeholder::urls(spec, vm) {
            Ok(urls) => {
                if let Err(error) = site.render_kickstart(vm, &urls) {
                    problem(error.to_string());
                }
            }
            Err(message) => problem(message),
        }
        if let Err(error) = roxmltree::Document::parse(&domain_xml(&placeholder::domain(spec, vm))) {
            problem(format!("VM `{}`: its domain is not well-formed XML: {error}", vm.name));
        }
    }
    found
}
