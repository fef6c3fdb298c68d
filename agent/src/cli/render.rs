//! `rekindle render`: the text that a machine would be given.

use super::context::Context;
use super::error::{CliError, OrExit as _};
use super::{placeholder, site};
use crate::exit::Exit;
use crate::render::domain_xml;
use crate::spec::VmName;

/// Show the kickstart or the domain that a VM would be given, or the kickstart of a hypervisor
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  rekindle render web1                     the kickstart of web1
  rekindle render web1 --domain            its libvirt domain, as it runs once installed
  rekindle render --hypervisor hv1         the kickstart that installs hv1 itself

The tokens are all zeros: the real ones are made for each attempt and end with it.")]
pub(crate) struct RenderArgs {
    /// The VM; without it, the hypervisor named by `--hypervisor`
    vm: Option<VmName>,
    /// Its libvirt domain in place of its kickstart
    #[arg(long, requires = "vm")]
    domain: bool,
}

/// Runs `rekindle render`.
pub(crate) fn run(context: &Context, args: &RenderArgs) -> Result<Exit, CliError> {
    let directory = context.site_dir()?;
    let spec = site::load(context, &directory, false)?;
    let Some(name) = &args.vm else {
        let name = context.shared.hypervisor.as_deref().ok_or_else(|| {
            CliError::usage(anyhow::anyhow!("nothing to render was named"))
                .help("`rekindle render VM`, or `rekindle render --hypervisor NAME` for the kickstart of a hypervisor itself")
        })?;
        let hypervisor = site::hypervisor_named(&spec, name)?;
        let renderer = site::renderer(&directory)?;
        let kickstart = renderer.render_hypervisor(&spec, hypervisor).or_usage(|| format!("render hypervisor `{name}`"))?;
        context.screen.print(&kickstart.text)?;
        return Ok(Exit::Ok);
    };
    let vm = site::vm_named(&spec, name)?;
    if args.domain {
        context.screen.print(&domain_xml(&placeholder::domain(&spec, vm)))?;
        return Ok(Exit::Ok);
    }
    let renderer = site::renderer(&directory)?;
    let urls = placeholder::urls(&spec, vm).map_err(|message| CliError::usage(anyhow::anyhow!(message)))?;
    let kickstart = renderer.render_kickstart(&spec, vm, &urls).or_usage(|| format!("render VM `{name}`"))?;
    context.screen.print(&kickstart.text)?;
    Ok(Exit::Ok)
}
