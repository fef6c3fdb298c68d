//! `rekindle status`: every VM of this hypervisor, or one with its timeline. Asks the running agent; without one, reads the
//! store.

mod offline;
pub(crate) mod text;

use std::time::Duration;

use serde::Serialize;

use super::context::Context;
use super::error::CliError;
use super::story::Story;
use crate::exit::Exit;
use crate::observed::Phase;
use crate::serve::client::{ApiClient, ClientError};
use crate::serve::view::{StatusView, VmView};
use crate::spec::VmName;
use crate::world::{Clock, SystemClock};

/// How often `--watch` looks.
const LOOK: Duration = Duration::from_secs(1);

/// Show what every VM of this hypervisor is doing, or one VM with its timeline
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  rekindle status                 all VMs
  rekindle status web1            one: the timeline of its attempt, its packages, Puppet, checks, why it failed
  rekindle status --watch         again and again, until interrupted
  rekindle status web1 --json     for scripts

Without a running agent the store is read. Exit status 1 when a VM that is shown has failed.")]
pub(crate) struct StatusArgs {
    /// Only this VM, in full
    vm: Option<VmName>,
    /// Look again every second, until interrupted
    #[arg(short, long, conflicts_with = "json")]
    watch: bool,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

/// A VM with its story, as JSON.
#[derive(Debug, Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    view: &'a VmView,
    story: Option<&'a Story>,
}

/// Runs `rekindle status`.
pub(crate) fn run(context: &Context, args: &StatusArgs) -> Result<Exit, CliError> {
    let runtime = super::runtime()?;
    loop {
        let (text, exit) = match &args.vm {
            Some(vm) => one(context, args, &runtime.block_on(ask_vm(context, vm))?)?,
            None => all(context, args, &runtime.block_on(ask_all(context))?)?,
        };
        if !args.watch {
            context.screen.print(&text)?;
            return Ok(exit);
        }
        // Home, the text with each line's rest cleared, the rest of the screen cleared.
        context.screen.print(&format!("\x1b[H{}\x1b[J", text.replace('\n', "\x1b[K\n")))?;
        std::thread::sleep(LOOK);
    }
}

async fn ask_all(context: &Context) -> Result<StatusView, CliError> {
    let settings = context.settings()?;
    match ApiClient::new(&settings.api_socket()).status().await {
        Ok(status) => Ok(status),
        Err(ClientError::NoAgent { .. }) => {
            offline::status(&context.store_read_only()?, &settings.hypervisor, SystemClock::new().now())
        }
        Err(error) => Err(CliError::world(error)),
    }
}

async fn ask_vm(context: &Context, vm: &VmName) -> Result<VmView, CliError> {
    let unknown = || {
        CliError::no(anyhow::anyhow!("there is no VM `{vm}` on this hypervisor"))
            .help("`rekindle status` lists those that there are; `rekindle plan` says what would be made")
    };
    match ApiClient::new(&context.settings()?.api_socket()).vm(vm).await {
        Ok(view) => Ok(view),
        Err(ClientError::NotFound(_)) => Err(unknown()),
        Err(ClientError::NoAgent { .. }) => {
            offline::vm(&context.store_read_only()?, vm, SystemClock::new().now())?.ok_or_else(unknown)
        }
        Err(error) => Err(CliError::world(error)),
    }
}

fn all(context: &Context, args: &StatusArgs, status: &StatusView) -> Result<(String, Exit), CliError> {
    let failed = status.vms.iter().any(|row| row.phase.as_deref() == Some(Phase::Failed.as_str()));
    let text = if args.json { json(status)? } else { text::table(status, context.screen.out()) };
    Ok((text, if failed { Exit::No } else { Exit::Ok }))
}

fn one(context: &Context, args: &StatusArgs, view: &VmView) -> Result<(String, Exit), CliError> {
    let failed = view.summary.phase.as_deref() == Some(Phase::Failed.as_str());
    let story = Story::of(view);
    let text = if args.json {
        json(&Told { view, story: story.as_ref() })?
    } else {
        text::detail(view, story.as_ref(), context.screen.out())
    };
    Ok((text, if failed { Exit::No } else { Exit::Ok }))
}

fn json(value: &impl Serialize) -> Result<String, CliError> {
    let mut text = serde_json::to_string_pretty(value).map_err(std::io::Error::from)?;
    text.push('\n');
    Ok(text)
}
