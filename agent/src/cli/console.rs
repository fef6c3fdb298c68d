//! `rekindle console`: the serial console of a VM, through `virsh`.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

use super::context::Context;
use super::error::CliError;
use crate::exit::Exit;
use crate::spec::VmName;

/// Attach this terminal to a VM's serial console (Ctrl-] detaches)
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  rekindle console web1

What the console said before is in `rekindle logs web1 --console`.")]
pub(crate) struct ConsoleArgs {
    /// The VM
    vm: VmName,
    /// Take the console over from whoever is attached
    #[arg(long)]
    force: bool,
}

/// Runs `rekindle console`; this process becomes `virsh`.
pub(crate) fn run(context: &Context, args: &ConsoleArgs) -> Result<Exit, CliError> {
    let uri = &context.settings()?.libvirt_uri;
    let mut command = Command::new("virsh");
    command.args(["--connect", uri, "console", "--domain", args.vm.as_str()]);
    if args.force {
        command.arg("--force");
    }
    // Only returns when there is no such program.
    let error = command.exec();
    Err(CliError::world(anyhow::Error::new(error).context("run `virsh`"))
        .help("install libvirt's clients (`libvirt-client` on RHEL and Fedora, `libvirt-clients` on Debian)"))
}
