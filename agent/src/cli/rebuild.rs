//! `rekindle rebuild`: VMs made anew from the site, with consent: same name, MAC, address and kept volumes, a new root disk.

use super::apply::{RunArgs, work};
use super::context::Context;
use super::drive::Wish;
use super::error::CliError;
use super::{consent, site};
use crate::exit::Exit;
use crate::spec::VmName;

/// Rebuild VMs from scratch: same name, MAC, address and kept volumes, everything else new
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  rekindle rebuild web1                    asks for consent: the VM's name, typed
  rekindle rebuild web1 web2 --yes --report recovery.json
  rekindle rebuild --all                   every VM of this hypervisor

Volumes of disks that the site marks `keep` are neither wiped nor made anew. Prints the measured recovery time of each VM and
of all. Without a terminal and without `--yes` nothing is done and the exit status is 2.")]
pub(crate) struct RebuildArgs {
    /// The VMs
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    vms: Vec<VmName>,
    /// Every VM of this hypervisor
    #[arg(long)]
    all: bool,
    /// Consent without being asked
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    run: RunArgs,
}

/// Runs `rekindle rebuild`.
pub(crate) fn run(context: &Context, args: &RebuildArgs) -> Result<Exit, CliError> {
    let settings = context.settings()?;
    let spec = site::load(context, &settings.site, false)?;
    let hypervisor = &site::hypervisor_named(&spec, settings.hypervisor.as_str())?.name;
    let mut vms: Vec<VmName> = args.vms.clone();
    if args.all {
        vms.extend(spec.vms_on(hypervisor).map(|vm| vm.name.clone()));
    }
    vms.sort();
    vms.dedup();
    for vm in &vms {
        let found = site::vm_named(&spec, vm)?;
        if found.hypervisor != *hypervisor {
            return Err(CliError::usage(anyhow::anyhow!(
                "VM `{vm}` belongs on hypervisor `{}`, this is `{hypervisor}`",
                found.hypervisor
            ))
            .help(format!("run it on `{}`", found.hypervisor)));
        }
    }
    let names: Vec<&str> = vms.iter().map(VmName::as_str).collect();
    let word = if args.all { hypervisor.to_string() } else { names.join(" ") };
    let what = format!(
        "{} will be switched off and made anew. {}",
        names.join(", "),
        match kept(&spec, &vms) {
            0 => "Everything on their disks is lost.".to_owned(),
            n => format!("{n} kept volume(s) stay as they are; everything on the other disks is lost."),
        }
    );
    consent::ask(context.screen, args.yes, &what, &word)?;
    work(context, &args.run, &Wish::Rebuild(vms))
}

fn kept(spec: &crate::spec::Spec, vms: &[VmName]) -> usize {
    vms.iter().filter_map(|vm| spec.vms.get(vm)).flat_map(|vm| &vm.disks).filter(|disk| disk.keep).count()
}
