//! `rekindle repo add`, `promote`, `rollback`, `gc`.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use serde_json::json;

use crate::cli::context::Context;
use crate::cli::error::{CliError, OrExit as _};
use crate::cli::screen::{one_line, span};
use crate::execute::repo::{self as execute, Rehearsal};
use crate::exit::Exit;
use crate::observed::{ObservedRepository, Publication};
use crate::plan::repo::{PromotionRequest, Selection};
use crate::spec::{Digest, StageName};

use super::common::{Purpose, asked, fault, open};
use super::view::{NamedView, PublicationView, RefusedView};
use super::{PromoteArgs, Said, parse_manifest, vms};

/// Packages that stay for one reason and have a line each.
const MOST_LINES: usize = 10;

pub(super) fn add(context: &Context, stage: &StageName, files: &[Utf8PathBuf], said: &Said) -> Result<Exit, CliError> {
    let opened = open(context, Purpose::Change, said.json)?;
    let added = execute::add(&opened.repository, &opened.promotion(stage), stage, files, &asked(said))
        .map_err(|error| fault(context, error, said.json))?;
    if said.json {
        let packages: Vec<NamedView> = added.packages.iter().map(NamedView::from).collect();
        context
            .screen
            .print_json(&json!({ "ok": true, "packages": packages, "published": published(added.publication.as_ref()) }))?;
        return Ok(Exit::Ok);
    }
    for (nevra, digest) in &added.packages {
        context.screen.print(&format!("{nevra}  sha256 {}\n", digest.short()))?;
    }
    tell(context, added.publication.as_ref(), "everything was there already")
}

pub(super) fn promote(context: &Context, args: &PromoteArgs) -> Result<Exit, CliError> {
    let said = &args.said;
    let opened = open(context, Purpose::Change, said.json)?;
    let selection = match (&args.manifest, args.passed) {
        (Some(path), _) => {
            let text = if path == "-" { std::io::read_to_string(std::io::stdin()) } else { std::fs::read_to_string(path) };
            let text = text.or_usage(|| format!("read the manifest `{path}`"))?;
            Selection::Exact(parse_manifest(&text).map_err(|why| CliError::usage(anyhow::anyhow!("`{path}`: {why}")))?)
        }
        (None, true) => Selection::Passed,
        (None, false) => Selection::Named(args.packages.clone()),
    };
    let request =
        PromotionRequest { selection, from: args.from.clone(), to: args.to.clone(), approved_by: args.approved_by.clone() };
    let promoted = execute::promote(&opened.repository, &opened.promotion(&args.to), &request, &asked(said))
        .map_err(|error| fault(context, error, said.json))?;
    if said.json {
        let moved: Vec<NamedView> = promoted.moved.iter().map(NamedView::from).collect();
        let stayed: Vec<RefusedView> = promoted.stayed.iter().map(RefusedView::from).collect();
        let report =
            json!({ "ok": true, "moved": moved, "stayed": stayed, "published": published(promoted.publication.as_ref()) });
        context.screen.print_json(&report)?;
        return Ok(Exit::Ok);
    }
    for (nevra, digest) in &promoted.moved {
        context.screen.print(&format!("{nevra}  sha256 {}  {} → {}\n", digest.short(), args.from, args.to))?;
    }
    // Where nothing was named, most of a large repository stays for one and the same reason.
    let mut by_reason: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for stayed in &promoted.stayed {
        by_reason.entry(&stayed.reason).or_default().push(&stayed.what);
    }
    for (reason, packages) in by_reason {
        let shown = packages.len().min(if packages.len() > MOST_LINES { 1 } else { MOST_LINES });
        for package in &packages[..shown] {
            context.screen.note(&format!("{package}: {}\n", one_line(reason)));
        }
        if shown < packages.len() {
            context.screen.note(&format!("and {} more for the same reason\n", packages.len() - shown));
        }
    }
    tell(context, promoted.publication.as_ref(), "nothing moved")
}

pub(super) fn rollback(
    context: &Context,
    stage: &StageName,
    to: u64,
    approved_by: Option<&str>,
    said: &Said,
) -> Result<Exit, CliError> {
    let opened = open(context, Purpose::Change, said.json)?;
    let publication = execute::rollback(&opened.repository, &opened.promotion(stage), stage, to, approved_by, &asked(said))
        .map_err(|error| fault(context, error, said.json))?;
    if said.json {
        context.screen.print_json(&json!({ "ok": true, "published": published(Some(&publication)) }))?;
        return Ok(Exit::Ok);
    }
    let (back, gone) = (publication.added.len(), publication.removed.len());
    context.screen.print(&format!("{stage} is as it was at generation {to}: {back} back, {gone} gone\n"))?;
    tell(context, Some(&publication), "")
}

pub(super) fn gc(context: &Context, dry_run: bool, said: &Said) -> Result<Exit, CliError> {
    let opened = open(context, Purpose::Change, said.json)?;
    let running = vms::headers(&vms::installed(context, &opened.spec)?);
    let rehearsal = if dry_run { Rehearsal::DryRun } else { Rehearsal::ForReal };
    let (plan, observed) = execute::collect_garbage(&opened.repository, &running, rehearsal, &asked(said))
        .map_err(|error| fault(context, error, said.json))?;
    let bytes: u64 = plan.remove.iter().filter_map(|digest| observed.pool.get(digest)).map(|package| package.size).sum();
    if said.json {
        let retired: std::collections::BTreeMap<String, Vec<String>> =
            plan.retire.iter().map(|(stage, digests)| (stage.to_string(), names(&observed, digests))).collect();
        let report = json!({
            "ok": true, "dry_run": dry_run, "retired": retired, "removed": names(&observed, &plan.remove), "bytes": bytes,
        });
        context.screen.print_json(&report)?;
        return Ok(Exit::Ok);
    }
    let verb = if dry_run { "would leave" } else { "left" };
    for (stage, digests) in &plan.retire {
        for name in names(&observed, digests) {
            context.screen.print(&format!("{name} {verb} {stage}\n"))?;
        }
    }
    let verb = if dry_run { "would be removed" } else { "removed" };
    for name in names(&observed, &plan.remove) {
        context.screen.print(&format!("{name} {verb}\n"))?;
    }
    let count = plan.remove.len();
    context.screen.print(&format!("{count} package(s) {verb}, {} MiB\n", bytes >> 20))?;
    Ok(Exit::Ok)
}

fn names(observed: &ObservedRepository, digests: &[Digest]) -> Vec<String> {
    digests.iter().filter_map(|digest| observed.pool.get(digest)).map(|package| package.nevra.to_string()).collect()
}

fn published(publication: Option<&Publication>) -> Option<PublicationView> {
    // The packages are named beside it.
    publication.map(|publication| PublicationView::new(publication, &ObservedRepository::default()))
}

fn tell(context: &Context, publication: Option<&Publication>, nothing: &str) -> Result<Exit, CliError> {
    let paint = context.screen.out();
    match publication {
        Some(p) => context.screen.print(&format!(
            "{} {} generation {} in {}\n",
            paint.green("published:"),
            p.stage,
            p.generation,
            span(p.took)
        ))?,
        None => context.screen.print(&format!("{nothing}\n"))?,
    }
    Ok(Exit::Ok)
}
