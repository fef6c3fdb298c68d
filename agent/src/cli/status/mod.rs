//! `rekindle status`: every VM of this hypervisor, or one with its timeline. Asks the running agent; without one, reads the
//! store.

pub(crate) mod text;
pub(crate) mod view;

use std::time::Duration;

use self::view::{VmDetail, VmRow};
use super::context::Context;
use super::error::{CliError, OrExit as _};
use crate::exit::Exit;
use crate::observed::{InstallerLog, ObservedVm, Phase, VmRecord};
use crate::spec::VmName;
use crate::world::{Clock, Store, SystemClock};

/// How often `--watch` looks.
const LOOK: Duration = Duration::from_secs(1);

/// Show what every VM of this hypervisor is doing, or one VM with its timeline
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  rekindle status                 all VMs
  rekindle status web1            one: the timeline of its attempt, its packages, Puppet, checks, why it failed
  rekindle status --watch         again and again, until interrupted
  rekindle status web1 --json     for scripts

Exit status 1 when a VM that is shown has failed.")]
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

/// Runs `rekindle status`.
pub(crate) fn run(context: &Context, args: &StatusArgs) -> Result<Exit, CliError> {
    let clock = SystemClock::new();
    loop {
        let (text, exit) = look(context, args, &clock)?;
        if !args.watch {
            context.screen.print(&text)?;
            return Ok(exit);
        }
        // Home, the text with each line's rest cleared, the rest of the screen cleared.
        context.screen.print(&format!("\x1b[H{}\x1b[J", text.replace('\n', "\x1b[K\n")))?;
        std::thread::sleep(LOOK);
    }
}

fn look(context: &Context, args: &StatusArgs, clock: &SystemClock) -> Result<(String, Exit), CliError> {
    let paint = context.screen.out();
    let store = context.store_read_only()?;
    let now = clock.now();
    let records = store.records().or_world(|| "read the store".to_owned())?;
    let exit = |failed: bool| if failed { Exit::No } else { Exit::Ok };
    if let Some(vm) = &args.vm {
        let Some(record) = records.get(vm) else {
            return Err(CliError::no(anyhow::anyhow!("there is no VM `{vm}` on this hypervisor"))
                .help("`rekindle status` lists those that there are; `rekindle plan` says what would be made"));
        };
        let observed = observed(&store, record.clone())?;
        let timeline = store.timeline(vm).or_world(|| format!("read the timeline of VM `{vm}`"))?;
        let detail = VmDetail::of(VmRow::of(&observed, note(record), now), &observed, &timeline, now);
        let text = if args.json { json(&detail)? } else { text::detail(&detail, paint) };
        return Ok((text, exit(record.phase == Phase::Failed)));
    }
    let mut rows = Vec::new();
    for record in records.values() {
        rows.push(VmRow::of(&observed(&store, record.clone())?, note(record), now));
    }
    let failed = rows.iter().any(|row| row.phase() == Some(Phase::Failed));
    let text = if args.json {
        json(&rows)?
    } else if rows.is_empty() {
        "No VM has been made here yet: `rekindle plan` says what would be.\n".to_owned()
    } else {
        text::table(&rows, paint)
    };
    Ok((text, exit(failed)))
}

/// What the store knows of a VM, in the form of what the loop observes.
fn observed(store: &Store, record: VmRecord) -> Result<ObservedVm, CliError> {
    let events = store.events(&record.vm, record.attempt).or_world(|| format!("read the events of VM `{}`", record.vm))?;
    Ok(ObservedVm {
        record,
        events,
        kickstart_ready: true,
        installer_log: InstallerLog::default(),
        console_tail: Vec::new(),
        checks: Vec::new(),
    })
}

/// What a record says about itself, where no loop says it better.
fn note(record: &VmRecord) -> String {
    match (&record.rebuild, record.phase, &record.failure) {
        (Some(consent), ..) => format!("{} asked for a rebuild at {}", consent.by, consent.at),
        (None, Phase::Failed, Some(failure)) => format!("{}: {}", failure.cause.describe(), failure.detail),
        _ => String::new(),
    }
}

fn json(value: &impl serde::Serialize) -> Result<String, CliError> {
    let mut text = serde_json::to_string_pretty(value).map_err(std::io::Error::from)?;
    text.push('\n');
    Ok(text)
}
