//! `rekindle repo os`: the operating systems' packages as content, frozen by date and promoted from stage to stage.

use clap::Subcommand;
use serde_json::json;

use super::common::login;
use super::mirror::{describe, failed, refresh, to_json};
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::screen::Table;
use crate::cli::site;
use crate::exit::Exit;
use crate::plan::repo::plan_snapshot;
use crate::spec::{OsName, OsSpec, RepoLocation, SnapshotSpec, Spec, StageName};
use crate::world::mirror::{MirrorSet, MirrorSource, Trust};
use crate::world::{Clock as _, SystemClock};

/// Freeze operating systems' repositories and promote what is frozen
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  rekindle repo os refresh --to dev                all that the site has with `[snapshots]`
  rekindle repo os status
  rekindle repo os promote alma9 --from dev --to testing
  rekindle repo os promote alma9 --snapshot 2026-11-02T040000Z --to stable --approved-by alice    an older one again

The order of `[repository]` and the approvers of the stage hold here too. A refresh gives what is new to the stage of `--to`, and to stages that have nothing yet; the others keep what they have until it is
promoted. A promotion moves one reference: nothing is copied, and a VM that is being installed is never between two.")]
pub(super) struct OsArgs {
    #[command(subcommand)]
    command: OsCommand,
}

#[derive(Debug, Subcommand)]
enum OsCommand {
    /// Copy what the upstreams have now
    Refresh {
        /// The OS; every one with `[snapshots]`, unless said
        os: Option<OsName>,
        /// The stage that uses what is new at once; the first of the site's `[repository]`, unless said
        #[arg(long, value_name = "STAGE")]
        to: Option<StageName>,
        /// Unused snapshots to keep; all, unless said
        #[arg(long, value_name = "N")]
        keep: Option<usize>,
        /// Who approved, where the stage of `--to` has approvers
        #[arg(long, value_name = "NAME")]
        approved_by: Option<String>,
        /// Print the result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Show snapshots and which stages use them
    Status {
        /// The OS; every one with `[snapshots]`, unless said
        os: Option<OsName>,
        /// Print the result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Have a stage use what another uses, or a snapshot by its name
    Promote {
        /// The OS
        os: OsName,
        /// The stage that uses it already
        #[arg(long, value_name = "STAGE", required_unless_present = "snapshot", conflicts_with = "snapshot")]
        from: Option<StageName>,
        /// The snapshot
        #[arg(long, value_name = "NAME")]
        snapshot: Option<String>,
        /// The stage that shall use it
        #[arg(long, value_name = "STAGE")]
        to: StageName,
        /// Who approved
        #[arg(long, value_name = "NAME")]
        approved_by: Option<String>,
        /// Print the result as JSON
        #[arg(long)]
        json: bool,
    },
}

/// Runs `rekindle repo os`.
pub(super) fn run(context: &Context, args: &OsArgs) -> Result<Exit, CliError> {
    let spec = site::load(context, &context.site_dir()?, false)?;
    match &args.command {
        OsCommand::Refresh { os, to, keep, approved_by, json } => {
            to.iter().try_for_each(|stage| known(&spec, stage))?;
            let begin = spec.site.repository.as_ref().and_then(|repository| repository.stages.first());
            let first = to.as_ref().or(begin);
            if let Some(stage) = first {
                permitted(&spec, None, stage, approved_by.as_deref())?;
            }
            let (stages, first) = (stages(&spec), first.map(StageName::as_str));
            let mut results = serde_json::Map::new();
            for (os, snapshots) in frozen(&spec, os.as_ref())? {
                let refreshed = refresh(context.screen, &snapshots.directory, &sources(os, snapshots), (&stages, first), *keep)?;
                if *json {
                    results.insert(os.name.to_string(), to_json(&refreshed));
                } else {
                    context.screen.print(&format!("{}: {}\n", os.name, describe(&refreshed)))?;
                }
            }
            if *json {
                context.screen.print_json(&results)?;
            }
        }
        OsCommand::Status { os, json } => status(context, &spec, os.as_ref(), *json)?,
        OsCommand::Promote { os, from, snapshot, to, approved_by, json } => {
            from.iter().chain([to]).try_for_each(|stage| known(&spec, stage))?;
            permitted(&spec, from.as_ref(), to, approved_by.as_deref())?;
            let (_, snapshots) = frozen(&spec, Some(os))?.remove(0);
            let set = MirrorSet::open(&snapshots.directory).map_err(failed)?;
            let now = SystemClock::new().now();
            let moved = match (from, snapshot) {
                (Some(from), _) => set.promote(from.as_str(), to.as_str(), &login(), now),
                (None, Some(name)) => set.point(to.as_str(), name, &login(), now),
                (None, None) => return Err(CliError::usage(anyhow::anyhow!("say `--from` or `--snapshot`"))),
            };
            let moved = moved.map_err(failed)?;
            if *json {
                let report = json!({ "os": os.as_str(), "stage": to.as_str(), "from": moved.from, "to": moved.to });
                context.screen.print_json(&report)?;
                return Ok(Exit::Ok);
            }
            let before = match moved.from {
                None => String::new(),
                Some(from) if from == moved.to => " as before".to_owned(),
                Some(from) => format!(", before {from}"),
            };
            context.screen.print(&format!("{os}: stage {to} uses snapshot {}{before}\n", moved.to))?;
        }
    }
    Ok(Exit::Ok)
}

fn status(context: &Context, spec: &Spec, os: Option<&OsName>, as_json: bool) -> Result<(), CliError> {
    let mut table = Table::new(&["OS", "SNAPSHOT", "REPOSITORIES", "USED BY"]);
    let mut all = Vec::new();
    for (os, snapshots) in frozen(spec, os)? {
        for snapshot in MirrorSet::snapshots(&snapshots.directory) {
            let newest = if snapshot.is_current { " (newest)" } else { "" };
            table.row([
                os.name.to_string(),
                format!("{}{newest}", snapshot.name),
                snapshot.repos.join(", "),
                snapshot.stages.join(", "),
            ]);
            all.push(json!({
                "os": os.name.as_str(),
                "snapshot": snapshot.name,
                "newest": snapshot.is_current,
                "repositories": snapshot.repos,
                "stages": snapshot.stages,
            }));
        }
    }
    if as_json {
        context.screen.print_json(&all)?;
    } else if all.is_empty() {
        context.screen.print("no snapshots yet: `rekindle repo os refresh` takes the first one\n")?;
    } else {
        context.screen.print(&table.render(context.screen.out()))?;
    }
    Ok(())
}

/// The OSes with snapshots; the one that was named must be among them.
fn frozen<'s>(spec: &'s Spec, os: Option<&OsName>) -> Result<Vec<(&'s OsSpec, &'s SnapshotSpec)>, CliError> {
    let of = |os: &'s OsSpec| Some((os, os.snapshots.as_ref()?));
    let found: Vec<_> = spec.oses.values().filter(|other| os.is_none_or(|os| other.name == *os)).filter_map(of).collect();
    if found.is_empty() {
        let which = os.map_or_else(|| "no OS of the site".to_owned(), |os| format!("no OS `{os}` of the site"));
        return Err(CliError::usage(anyhow::anyhow!("{which} has `[snapshots]`"))
            .help("docs/site.md shows how an OS's repositories are frozen"));
    }
    Ok(found)
}

/// What is frozen of an OS.
fn sources(os: &OsSpec, snapshots: &SnapshotSpec) -> Vec<MirrorSource> {
    let trust = if snapshots.keys.is_empty() { Trust::Checksums } else { Trust::Signed };
    let of = |(name, url): (&String, &crate::spec::HttpUrl)| MirrorSource {
        name: name.clone(),
        url: url.clone(),
        keys: snapshots.keys.clone(),
        trust,
    };
    let frozen = os.repos.iter().filter_map(|repo| match &repo.location {
        RepoLocation::Snapshot(url) => Some((&repo.name, url)),
        _ => None,
    });
    frozen.map(of).collect()
}

/// Asks the policy of the stage `to`.
fn permitted(spec: &Spec, from: Option<&StageName>, to: &StageName, approved_by: Option<&str>) -> Result<(), CliError> {
    let policy = spec.stages.get(to).map(|stage| stage.promotion.clone()).unwrap_or_default();
    let repository = spec.site.repository.as_ref();
    plan_snapshot(repository, &policy, (from, to), approved_by, &login())
        .map_err(|refused| CliError::no(anyhow::anyhow!("refused: {}: {}", refused.what, refused.reason)))
}

fn known(spec: &Spec, stage: &StageName) -> Result<(), CliError> {
    if spec.stages.contains_key(stage) {
        return Ok(());
    }
    Err(CliError::usage(anyhow::anyhow!("there is no stage `{stage}` in the site")))
}

/// The site's stages.
fn stages(spec: &Spec) -> Vec<String> {
    spec.stages.keys().map(ToString::to_string).collect()
}
