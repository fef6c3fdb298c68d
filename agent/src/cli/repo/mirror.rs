//! `rekindle repo mirror`: a copy of somebody else's repository, whole, verified and gone on with after a break.

use std::io::IsTerminal as _;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::common::login;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::screen::{Screen, span};
use crate::exit::Exit;
use crate::spec::{HttpUrl, RepoName};
use crate::world::mirror::{MirrorError, MirrorProgress, MirrorSet, MirrorSource, Refreshed, Trust};
use crate::world::{Clock as _, SystemClock};

/// Copy a repository here: verified, resumable, and shown only when it is whole
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  rekindle repo mirror https://mirror.example.com/almalinux/9/BaseOS/x86_64/os/ --to /srv/mirror/alma9 --key RPM-GPG-KEY-AlmaLinux-9
  rekindle repo mirror http://intern.example.com/tools/ --to /srv/mirror/tools --unsigned

Each run that finds something new makes a snapshot; `DIR/current/NAME` is the newest and can be a stage's or an OS's `directory`.
Metadata stay as the upstream signed them. A run that breaks goes on where it was when it is started again.")]
pub(super) struct MirrorArgs {
    /// The directory on the web that holds `repodata/`
    url: HttpUrl,
    /// The directory for the copies
    #[arg(long, value_name = "DIR")]
    to: Utf8PathBuf,
    /// The repository's name within a snapshot
    #[arg(long, default_value = "repo")]
    name: RepoName,
    /// A file with public keys, one of which signs the upstream's metadata; may be given several times
    #[arg(long = "key", value_name = "FILE", required_unless_present = "unsigned", conflicts_with = "unsigned")]
    keys: Vec<Utf8PathBuf>,
    /// Believe the upstream: checksums only show that nothing broke on the way
    #[arg(long)]
    unsigned: bool,
    /// Snapshots to keep besides the newest and those in use; all, unless said
    #[arg(long, value_name = "N")]
    keep: Option<usize>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// Runs `rekindle repo mirror`.
pub(super) fn run(context: &Context, args: &MirrorArgs) -> Result<Exit, CliError> {
    let source = MirrorSource {
        name: args.name.as_str().to_owned(),
        url: args.url.clone(),
        keys: args.keys.clone(),
        trust: if args.unsigned { Trust::Checksums } else { Trust::Signed },
    };
    // A snapshot has all that was mirrored at once: `current` would lead to this repository only, and away from the others.
    let others =
        MirrorSet::snapshots(&args.to).into_iter().filter(|snapshot| snapshot.is_current).flat_map(|current| current.repos);
    if let Some(other) = others.into_iter().find(|name| *name != args.name.as_str()) {
        let error = anyhow::anyhow!("`{}` is the mirror of another repository, `{other}`", args.to);
        return Err(CliError::usage(error)
            .help("give each repository a directory of its own; `[snapshots]` of an OS keeps several in one"));
    }
    let refreshed = refresh(context.screen, &args.to, &[source], (&[], None), args.keep)?;
    if args.json {
        context.screen.print_json(&to_json(&refreshed))?;
    } else {
        context.screen.print(&format!("{}\n", describe(&refreshed)))?;
    }
    Ok(Exit::Ok)
}

/// A mirror's errors with the exit status that they lead to.
pub(super) fn failed(error: MirrorError) -> CliError {
    match &error {
        MirrorError::Untrusted { .. } | MirrorError::Altered { .. } => {
            CliError::no(error).help("nothing was shown to VMs: what was there before still is")
        }
        MirrorError::File { source, .. } if source.kind() == std::io::ErrorKind::StorageFull => {
            CliError::world(error).help("make room there and run it again: it goes on where it was")
        }
        MirrorError::NoSnapshot { .. } | MirrorError::NoStage { .. } => CliError::usage(error),
        _ => CliError::world(error),
    }
}

/// Brings `sources` to `directory`, with the way shown.
pub(super) fn refresh(
    screen: Screen,
    directory: &Utf8Path,
    sources: &[MirrorSource],
    (stages, first): (&[String], Option<&str>),
    keep: Option<usize>,
) -> Result<Refreshed, CliError> {
    let set = MirrorSet::open(directory).map_err(failed)?;
    let way = Way::new(screen);
    let refreshed = set.refresh(sources, stages, first, SystemClock::new().now(), &login(), &|now| way.show(now));
    way.end();
    let refreshed = refreshed.map_err(failed)?;
    if let Some(keep) = keep {
        set.prune(keep, false).map_err(failed)?;
    }
    Ok(refreshed)
}

/// A refresh in one line.
pub(super) fn describe(refreshed: &Refreshed) -> String {
    let Refreshed { snapshot, is_new, packages, fetched, stages } = refreshed;
    let used = if stages.is_empty() { String::new() } else { format!("; used by {}", stages.join(", ")) };
    if *is_new {
        format!("snapshot {snapshot}: {packages} packages, {} fetched{used}", bytes(*fetched))
    } else {
        format!("snapshot {snapshot} is what the upstream has{used}")
    }
}

/// A refresh for programs.
pub(super) fn to_json(refreshed: &Refreshed) -> serde_json::Value {
    json!({
        "snapshot": refreshed.snapshot,
        "new": refreshed.is_new,
        // Not counted where nothing is new.
        "packages": refreshed.is_new.then_some(refreshed.packages),
        "fetched_bytes": refreshed.fetched,
        "stages": refreshed.stages,
    })
}

fn bytes(count: u64) -> String {
    match count {
        0..1_000_000 => format!("{} kB", count.div_ceil(1000)),
        1_000_000..1_000_000_000 => format!("{:.1} MB", count as f64 / 1e6),
        _ => format!("{:.2} GB", count as f64 / 1e9),
    }
}

/// How often a line is written where there is no terminal.
const EVERY: Duration = Duration::from_secs(10);

/// What is to be seen of a transfer: a bar on a terminal, a line now and then elsewhere.
struct Way {
    screen: Screen,
    bar: Option<ProgressBar>,
    began: Instant,
    said: Mutex<Instant>,
}

impl Way {
    fn new(screen: Screen) -> Self {
        let style = "{bytes:>10} of {total_bytes:10} {wide_bar} {bytes_per_sec:>12}, {eta} left, {msg}";
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::new(0).with_style(style)
        });
        Self { screen, bar, began: Instant::now(), said: Mutex::new(Instant::now()) }
    }

    fn show(&self, now: MirrorProgress) {
        if let Some(bar) = &self.bar {
            bar.set_length(now.bytes_total.max(now.bytes));
            bar.set_position(now.bytes);
            bar.set_message(format!("{} of {} files", now.files, now.files_total));
            return;
        }
        let mut said = self.said.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if said.elapsed() >= EVERY {
            *said = Instant::now();
            self.screen.note(&format!(
                "{} of {} files, {} of {}, after {}\n",
                now.files,
                now.files_total,
                bytes(now.bytes),
                bytes(now.bytes_total),
                span(self.began.elapsed())
            ));
        }
    }

    fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
