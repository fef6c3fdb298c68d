//! `rekindle repo timeline`: how long a package took from its upload to each stage, and which share of that was Rekindle's.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::screen::{Table, one_line, span};
use crate::cli::site;
use crate::exit::Exit;
use crate::plan::gate::awaited;
use crate::plan::journey::{Milestone, journey};
use crate::spec::StageName;
use crate::world::repo::RepoError;

use super::common::{Purpose, no_repository, repository};

/// Show each step of a package from its upload on, with its time, and the share of Rekindle in it
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  rekindle repo timeline shop-web-2.1
  rekindle repo timeline shop-web-2.1-1.noarch --json

Rekindle's share is publishing, and the time from the last check to the promotion where it promoted by itself. The rest is
installing, booting and checking VMs, or waiting for a person.")]
pub(super) struct TimelineArgs {
    /// The package: NAME for the newest, NAME-VERSION or NAME-VERSION-RELEASE for that one
    package: String,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

/// Runs `rekindle repo timeline`.
pub(super) fn run(context: &Context, args: &TimelineArgs) -> Result<Exit, CliError> {
    let spec = site::load(context, &context.site_dir()?, args.json)?;
    let repository = repository(context, &spec, Purpose::Read)?.ok_or_else(|| no_repository(&spec))?;
    let policy = repository.policy();
    let world = |error: RepoError| CliError::world(error);
    let holds = repository.observe().map_err(world)?;
    let named = holds.pool.values().filter(|package| package.nevra.is_named(&args.package));
    let Some(package) = named.max_by(|a, b| a.nevra.compare(&b.nevra).then(a.entered.cmp(&b.entered))) else {
        return Err(CliError::no(anyhow::anyhow!("no package `{}` ever entered", one_line(&args.package)))
            .help("`rekindle repo status` shows those that did"));
    };
    let mut histories = BTreeMap::new();
    for stage in &policy.stages {
        histories.insert(stage.clone(), repository.history(stage).map_err(world)?);
    }
    let checks = repository.checks(&package.digest).map_err(world)?;
    let milestones = journey(&package.digest, &histories, &checks);
    let awaited = awaited(&spec, &context.settings()?.hypervisor, &holds, package, &checks);
    let begin = milestones.first().map_or(package.entered, |first| first.at);
    let total = milestones.last().map_or(Duration::ZERO, |last| last.at.since(begin));
    // What came before the first milestone is the upload itself, which is not on the way any more.
    let ours: Duration = milestones.iter().skip(1).map(|milestone| milestone.ours).sum();
    let reached = policy.stages.iter().rev().find(|stage| milestones.iter().any(|milestone| milestone.stage == **stage));
    if args.json {
        context.screen.print_json(&json!({
            "package": package.nevra.to_string(),
            "sha256": package.digest.as_str(),
            "milestones": milestones.iter().map(|milestone| to_json(milestone, begin)).collect::<Vec<_>>(),
            "reached": reached.map(StageName::as_str),
            "awaits": awaited.iter().flat_map(|(_, reasons)| reasons).map(ToString::to_string).collect::<Vec<_>>(),
            "total_seconds": total.as_secs_f64(),
            "ours_seconds": ours.as_secs_f64(),
        }))?;
        return Ok(Exit::Ok);
    }
    let paint = context.screen.out();
    let mut table = Table::new(&["AFTER", "STEP", "STAGE", "", "OURS"]);
    let mut before = begin;
    for milestone in &milestones {
        table.row([
            span(milestone.at.since(begin)),
            format!("+{}", span(milestone.at.since(before))),
            milestone.stage.to_string(),
            one_line(&milestone.what),
            if milestone.ours.is_zero() { String::new() } else { span(milestone.ours) },
        ]);
        before = milestone.at;
    }
    let share = if total.is_zero() { 0.0 } else { ours.as_secs_f64() / total.as_secs_f64() * 100.0 };
    let reached = reached.map_or("nowhere", StageName::as_str);
    let head = format!("{} ({}), uploaded {begin}", paint.bold(&package.nevra.to_string()), package.digest.short());
    let foot = format!("from its upload to {reached}: {}, {} of it Rekindle's ({share:.1} %)", span(total), span(ours));
    let stays = awaited.filter(|(_, reasons)| !reasons.is_empty()).map_or_else(String::new, |(stage, reasons)| {
        let reasons: Vec<String> = reasons.iter().map(|reason| one_line(&reason.to_string())).collect();
        format!("it stays in {stage}:\n  {}\n", reasons.join("\n  "))
    });
    context.screen.print(&format!("{head}\n\n{}\n{foot}\n{stays}", table.render(paint)))?;
    Ok(Exit::Ok)
}

fn to_json(milestone: &Milestone, begin: crate::spec::Timestamp) -> serde_json::Value {
    json!({
        "at": milestone.at.to_string(),
        "after_seconds": milestone.at.since(begin).as_secs_f64(),
        "stage": milestone.stage.as_str(),
        "what": milestone.what,
        "ours_seconds": milestone.ours.as_secs_f64(),
    })
}
