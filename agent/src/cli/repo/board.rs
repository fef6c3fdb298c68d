//! `rekindle repo status` (the board), `history`, `manifest`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::screen::{Table, one_line, span};
use crate::exit::Exit;
use crate::observed::{ObservedRepository, PackageCheck, PoolPackage};
use crate::spec::{Digest, Nevra, StageName, Timestamp};
use crate::world::repo::Repository;
use crate::world::{Clock as _, SystemClock};

use super::common::{Opened, Purpose, Stages, failed, open, stages};
use super::others::{self, OtherStage};
use super::view::PublicationView;
use super::vms::Installed;

/// The newest version of a package in a stage.
struct Newest<'a> {
    nevra: &'a Nevra,
    sha256: Option<&'a Digest>,
    /// What is known where the stage is the site's own: the package, and since when.
    own: Option<(&'a PoolPackage, Timestamp)>,
}

/// The newest version of a package in each stage.
type InStages<'a> = BTreeMap<&'a StageName, Newest<'a>>;

/// What the board is drawn from.
struct Seen<'a> {
    repository: Option<&'a Repository>,
    observed: &'a ObservedRepository,
    others: &'a [OtherStage<'a>],
    installed: &'a [Installed],
    now: Timestamp,
}

impl Seen<'_> {
    /// The site's own stages in their order, then the others.
    fn stages(&self) -> Vec<&StageName> {
        let own = self.repository.map_or(&[][..], |repository| &repository.policy().stages);
        own.iter().chain(self.others.iter().map(|stage| stage.name)).collect()
    }
}

/// A package on the board.
#[derive(Debug, Serialize)]
struct Row {
    package: String,
    arch: String,
    /// In the order of the stages.
    stages: Vec<Cell>,
    /// VMs that run a version of it.
    vms: Vec<VmCell>,
}

/// The newest version in a stage.
#[derive(Debug, Serialize)]
struct Cell {
    stage: String,
    version: Option<String>,
    sha256: Option<String>,
    since: Option<String>,
    #[serde(skip)]
    age: String,
    checks_passed: usize,
    checks_failed: usize,
}

#[derive(Debug, Serialize)]
struct VmCell {
    vm: String,
    stage: Option<String>,
    version: String,
    /// The pool has exactly this package, by the digest of its header.
    ours: bool,
}

pub(super) fn status(context: &Context, wanted: &[String], json: bool) -> Result<Exit, CliError> {
    let Stages { spec, repository, observed, installed } = stages(context, json)?;
    let others = others::look(&spec, &observed, &installed, wanted);
    let now = SystemClock::new().now();
    let seen = Seen { repository: repository.as_ref(), observed: &observed, others: &others, installed: &installed, now };
    let rows = rows(&seen, wanted)?;
    let unread = others::unread(&others);
    if json {
        let generations: BTreeMap<String, u64> =
            observed.stages.iter().map(|(stage, content)| (stage.to_string(), content.generation)).collect();
        context.screen.print_json(&serde_json::json!({ "generations": generations, "packages": rows, "unread": unread }))?;
        return Ok(Exit::Ok);
    }
    for (stage, why) in &unread {
        context.screen.note(&format!("stage {stage} could not be read: {}\n", one_line(why)));
    }
    if rows.is_empty() {
        let hint = match wanted {
            [] if repository.is_none() => "no package that a VM of the site names is in the stages\n".to_owned(),
            [] => "no packages: `rekindle repo add` brings the first ones\n".to_owned(),
            wanted => format!(
                "no stage has {}\n",
                wanted.iter().map(|name| format!("`{}`", one_line(name))).collect::<Vec<_>>().join(", ")
            ),
        };
        context.screen.print(&hint)?;
        return Ok(Exit::Ok);
    }
    let paint = context.screen.out();
    let stages = seen.stages();
    let head =
        ["PACKAGE".to_owned()].into_iter().chain(stages.iter().map(|s| s.as_str().to_uppercase())).chain(["VMS".to_owned()]);
    let mut table = Table::headed(head);
    for (at, row) in rows.iter().enumerate() {
        let cells = row.stages.iter().map(|cell| match &cell.version {
            // Nobody knows what is there.
            None if unread.contains_key(&cell.stage) => "?".to_owned(),
            None => "-".to_owned(),
            Some(version) => {
                let checks = match (cell.checks_passed, cell.checks_failed) {
                    (0, 0) => String::new(),
                    (passed, 0) => format!(" {}", paint.green(&format!("{passed} ok"))),
                    (_, failed) => format!(" {}", paint.red(&format!("{failed} failed"))),
                };
                let age = if cell.age.is_empty() { String::new() } else { format!(" {}", paint.dim(&cell.age)) };
                format!("{version}{age}{checks}")
            }
        });
        let vms: Vec<String> = row
            .vms
            .iter()
            .map(|vm| if vm.ours { format!("{} {}", vm.vm, vm.version) } else { format!("{} {} (not ours)", vm.vm, vm.version) })
            .collect();
        let vms = if vms.is_empty() { "-".to_owned() } else { vms.join(", ") };
        // One name for two architectures is two packages.
        let beside = [at.wrapping_sub(1), at + 1];
        let alone = beside.iter().all(|at| rows.get(*at).is_none_or(|other| other.package != row.package));
        let name = if alone { row.package.clone() } else { format!("{}.{}", row.package, row.arch) };
        table.row([name].into_iter().chain(cells).chain([one_line(&vms)]));
    }
    context.screen.print(&table.render(paint))?;
    Ok(Exit::Ok)
}

fn rows(seen: &Seen<'_>, wanted: &[String]) -> Result<Vec<Row>, CliError> {
    let is_wanted = |nevra: &Nevra| wanted.is_empty() || wanted.iter().any(|name| nevra.is_named(name));
    let headers: BTreeSet<&str> = seen.observed.pool.values().map(|package| package.header.as_str()).collect();
    let stages = seen.stages();
    let mut newest: BTreeMap<(&str, &str), InStages<'_>> = BTreeMap::new();
    let own = seen.repository.map_or(&[][..], |repository| &repository.policy().stages);
    let own = own.iter().flat_map(|stage| seen.observed.packages(stage.as_str()).map(move |own| (stage, own)));
    let own = own.filter(|(_, (package, _))| is_wanted(&package.nevra)).map(|(stage, (package, since))| {
        (stage, Newest { nevra: &package.nevra, sha256: Some(&package.digest), own: Some((package, since)) })
    });
    let theirs = seen.others.iter().flat_map(|stage| stage.packages.iter().map(|package| (stage.name, package)));
    let theirs =
        theirs.map(|(stage, package)| (stage, Newest { nevra: &package.nevra, sha256: package.sha256.as_ref(), own: None }));
    for (stage, one) in own.chain(theirs) {
        let of_package = newest.entry((one.nevra.name(), one.nevra.arch())).or_default();
        if of_package.get(stage).is_none_or(|best| one.nevra.compare(best.nevra).is_gt()) {
            of_package.insert(stage, one);
        }
    }
    let mut by_name: BTreeMap<(&str, &str), Vec<&Installed>> = BTreeMap::new();
    for one in seen.installed {
        by_name.entry((&one.package.name, &one.package.arch)).or_default().push(one);
    }
    let mut rows = Vec::new();
    for ((name, arch), of_package) in newest {
        let mut cells = Vec::new();
        for stage in &stages {
            let newest = of_package.get(stage);
            let own = newest.and_then(|newest| newest.own).zip(seen.repository);
            let (checks_passed, checks_failed) = match own {
                Some(((package, _), repository)) => verdicts(repository, package, stage)?,
                None => (0, 0),
            };
            cells.push(Cell {
                stage: stage.to_string(),
                version: newest.map(|newest| newest.nevra.evr()),
                sha256: newest.and_then(|newest| newest.sha256).map(ToString::to_string),
                since: own.map(|((_, since), _)| since.to_string()),
                age: own.map(|((_, since), _)| span(seen.now.since(since))).unwrap_or_default(),
                checks_passed,
                checks_failed,
            });
        }
        let vms = by_name.get(&(name, arch)).into_iter().flatten().map(|one| VmCell {
            vm: one.vm.to_string(),
            stage: one.stage.as_ref().map(ToString::to_string),
            version: one_line(&one.package.evr),
            ours: one.package.sha256_header.as_deref().is_some_and(|header| headers.contains(header)),
        });
        rows.push(Row { package: name.to_owned(), arch: arch.to_owned(), stages: cells, vms: vms.collect() });
    }
    Ok(rows)
}

/// How many checks of `package` in `stage` passed and failed; the last word of each VM counts.
fn verdicts(repository: &Repository, package: &PoolPackage, stage: &StageName) -> Result<(usize, usize), CliError> {
    let mut last: BTreeMap<_, PackageCheck> = BTreeMap::new();
    for check in repository.checks(&package.digest).map_err(failed)? {
        if check.stage == *stage {
            last.insert((check.check.clone(), check.vm.clone()), check);
        }
    }
    let failed = last.values().filter(|check| check.failure.is_some()).count();
    Ok((last.len() - failed, failed))
}

pub(super) fn history(context: &Context, stage: &StageName, json: bool) -> Result<Exit, CliError> {
    let opened = open(context, Purpose::Read, json)?;
    known_stage(&opened, stage)?;
    let observed = opened.repository.observe().map_err(failed)?;
    let publications = opened.repository.history(stage).map_err(failed)?;
    let views: Vec<PublicationView> = publications.iter().map(|p| PublicationView::new(p, &observed)).collect();
    if json {
        context.screen.print_json(&views)?;
        return Ok(Exit::Ok);
    }
    let mut table = Table::new(&["GENERATION", "WHEN", "WHO", "WHAT", "CAME", "LEFT", "NOTE"]);
    for view in &views {
        let mut who = view.by.clone();
        if !view.login.is_empty() && view.login != view.by {
            who = format!("{who} (login {})", view.login);
        }
        if let Some(name) = &view.approved_by {
            who = format!("{who}, approved by {name}");
        }
        let some = |packages: &[super::view::NamedView]| match packages {
            [] => "-".to_owned(),
            [one] => one.package.clone(),
            [one, rest @ ..] => format!("{} and {} more", one.package, rest.len()),
        };
        table.row([
            view.generation.to_string(),
            view.at.clone(),
            one_line(&who),
            view.action.clone(),
            some(&view.added),
            some(&view.removed),
            one_line(&view.note),
        ]);
    }
    context.screen.print(&table.render(context.screen.out()))?;
    Ok(Exit::Ok)
}

pub(super) fn manifest(context: &Context, stage: &StageName) -> Result<Exit, CliError> {
    let opened = open(context, Purpose::Read, false)?;
    known_stage(&opened, stage)?;
    let observed = opened.repository.observe().map_err(failed)?;
    let mut lines: Vec<String> =
        observed.packages(stage.as_str()).map(|(package, _)| format!("{} {}\n", package.nevra, package.digest)).collect();
    lines.sort();
    context.screen.print(&lines.concat())?;
    Ok(Exit::Ok)
}

fn known_stage(opened: &Opened, stage: &StageName) -> Result<(), CliError> {
    let policy = opened.repository.policy();
    if policy.position(stage).is_some() {
        return Ok(());
    }
    let names = policy.stages.iter().map(StageName::as_str).collect::<Vec<_>>().join(", ");
    let elsewhere = others::stages(&opened.spec).into_iter().any(|(name, _)| name == stage);
    let hint = if elsewhere { "its packages enter and move where its `[[repos]]` lead; ".to_owned() } else { String::new() };
    Err(CliError::usage(anyhow::anyhow!("`{stage}` is no stage of the repository")).help(format!("{hint}the stages are {names}")))
}
