//! What may happen to the site's own repository: who enters, who moves on, what a stage held; `retention` says what may go.
//!
//! Pure functions of what the repository holds and what the site says; `execute::repo` asks and obeys. Start at
//! [`plan_promotion`].

use std::collections::{BTreeMap, BTreeSet};

use crate::observed::{ObservedRepository, PackageCheck, PoolPackage, Publication, StagePackage};
use crate::spec::{ApprovalPolicy, Digest, Nevra, PromotionPolicy, RepositorySpec, StageName, Timestamp, is_pattern};

/// Something that may not happen, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The package, stage or file.
    pub what: String,
    /// Why not, and what would help.
    pub reason: String,
}

impl Refused {
    fn new(what: impl ToString, reason: impl Into<String>) -> Self {
        Self { what: what.to_string(), reason: reason.into() }
    }
}

/// Whether packages may enter `stage` from outside.
pub fn plan_entry(repository: &RepositorySpec, policy: &PromotionPolicy, stage: &StageName) -> Result<(), Refused> {
    match repository.position(stage) {
        None => Err(no_stage(repository, stage)),
        Some(0) => Ok(()),
        Some(_) if policy.entry => Ok(()),
        Some(_) => Err(Refused::new(
            stage,
            format!(
                "packages enter at `{}` and come here by promotion (`entry = true` in its `[promotion]` opens it)",
                repository.stages[0]
            ),
        )),
    }
}

/// The same NEVRA with other bytes may not enter, ever: two VMs with one version would differ.
pub fn plan_arrival(observed: &ObservedRepository, arrival: &PoolPackage) -> Result<(), Refused> {
    match observed.known.get(&arrival.nevra) {
        Some(digest) if *digest != arrival.digest => Err(Refused::new(
            &arrival.nevra,
            format!("it is known with other bytes (sha256 {}): build it with a new release", digest.short()),
        )),
        _ => Ok(()),
    }
}

/// The content of `stage` with `digests` in it besides.
pub fn with_added(observed: &ObservedRepository, stage: &StageName, digests: &[Digest], now: Timestamp) -> Vec<StagePackage> {
    let mut packages = observed.stages.get(stage).map(|content| content.packages.clone()).unwrap_or_default();
    let mut there: BTreeSet<Digest> = packages.iter().map(|p| p.digest.clone()).collect();
    for digest in digests {
        if there.insert(digest.clone()) {
            packages.push(StagePackage { digest: digest.clone(), since: now });
        }
    }
    packages
}

/// What to promote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// These: names, with version and release where the newest is not meant.
    Named(Vec<String>),
    /// The newest of everything that may move.
    Passed,
    /// Exactly these, with digests where they are given.
    Exact(Vec<(String, Option<Digest>)>),
}

/// A wish to promote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromotionRequest {
    /// What.
    pub selection: Selection,
    /// Where it is.
    pub from: StageName,
    /// Where it shall be.
    pub to: StageName,
    /// Who approved, if anybody.
    pub approved_by: Option<String>,
}

/// What a promotion comes to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PromotionPlan {
    /// What moves; empty: nothing is to be done.
    pub moves: Vec<Digest>,
    /// What stays where it is, and why: of no fault of the request.
    pub stays: Vec<Refused>,
}

/// Whether and what `request` of whoever is logged in as `login` moves. All or nothing: one package that was named and may not move refuses the whole.
pub fn plan_promotion(
    repository: &RepositorySpec,
    policy: &PromotionPolicy,
    observed: &ObservedRepository,
    checks: &BTreeMap<Digest, Vec<PackageCheck>>,
    request: &PromotionRequest,
    login: &str,
) -> Result<PromotionPlan, Vec<Refused>> {
    let (from, to) = (&request.from, &request.to);
    let back = || format!("packages move forward only; `rekindle repo rollback {to} GENERATION` takes a stage back");
    direction(repository, from, to, back).map_err(|refused| vec![refused])?;
    approval(policy, &request.to, request.approved_by.as_deref(), login).map_err(|refused| vec![refused])?;
    let candidates = select(observed, request)?;
    // A manifest of a stage names the old versions too that it still holds. Beside a newer one they are no wish of anybody.
    let mut named: BTreeMap<(&str, &str), &Nevra> = BTreeMap::new();
    for PoolPackage { nevra, .. } in &candidates {
        let newest = named.entry((nevra.name(), nevra.arch())).or_insert(nevra);
        if nevra.compare(newest).is_gt() {
            *newest = nevra;
        }
    }
    let is_outdated = |nevra: &Nevra| {
        matches!(request.selection, Selection::Exact(_))
            && named.get(&(nevra.name(), nevra.arch())).is_some_and(|newest| newest.compare(nevra).is_gt())
    };
    let mut plan = PromotionPlan::default();
    let mut refused = Vec::new();
    let in_target: BTreeMap<(&str, &str), Vec<&PoolPackage>> = group(observed, &request.to);
    for package in &candidates {
        let nevra = &package.nevra;
        let there = in_target.get(&(nevra.name(), nevra.arch())).map_or(&[][..], Vec::as_slice);
        if there.iter().any(|other| other.digest == package.digest) {
            plan.stays.push(Refused::new(nevra, format!("it is in `{}` already", request.to)));
            continue;
        }
        let verdict = match there.iter().find(|other| other.nevra.compare(nevra).is_gt()) {
            Some(newer) => Err(format!("`{}` has {}, which is newer: VMs would never install it", request.to, newer.nevra.evr())),
            None => passed(policy, &request.from, checks.get(&package.digest).map_or(&[], Vec::as_slice)),
        };
        match verdict {
            Ok(()) => plan.moves.push(package.digest.clone()),
            Err(reason) if request.selection == Selection::Passed || is_outdated(nevra) => {
                plan.stays.push(Refused::new(nevra, reason));
            }
            Err(reason) => refused.push(Refused::new(nevra, reason)),
        }
    }
    if refused.is_empty() { Ok(plan) } else { Err(refused) }
}

/// Whether the stage `to` may use another snapshot of an operating system: what the stage `from` uses, or one that was named. The
/// stages' order holds where the site has one, and `policy`, the stage's, for its approvers.
pub fn plan_snapshot(
    repository: Option<&RepositorySpec>,
    policy: &PromotionPolicy,
    (from, to): (Option<&StageName>, &StageName),
    approved_by: Option<&str>,
    login: &str,
) -> Result<(), Refused> {
    if let (Some(repository), Some(from)) = (repository, from)
        && [from, to].into_iter().all(|stage| repository.position(stage).is_some())
    {
        let back =
            || format!("snapshots move forward only; `rekindle repo os promote --snapshot NAME --to {to}` takes a stage back");
        direction(repository, from, to, back)?;
    }
    approval(policy, to, approved_by, login)
}

fn no_stage(repository: &RepositorySpec, stage: &StageName) -> Refused {
    let stages = list(&repository.stages);
    Refused::new(
        stage,
        format!(
            "it is no stage of the repository: those are {stages}; packages of other stages enter and move where their `[[repos]]` lead"
        ),
    )
}

/// Everything moves one stage forward at a time; `back` says how else.
fn direction(
    repository: &RepositorySpec,
    from: &StageName,
    to: &StageName,
    back: impl FnOnce() -> String,
) -> Result<(), Refused> {
    let position = |stage: &StageName| repository.position(stage).ok_or_else(|| no_stage(repository, stage));
    let (at, next) = (position(from)?, position(to)?);
    if next == at + 1 {
        return Ok(());
    }
    let reason = match repository.stages.get(at + 1) {
        Some(after) if next > at => format!("from `{from}`, `{after}` comes first"),
        _ => back(),
    };
    Err(Refused::new(to, reason))
}

/// Whether whoever approved may, as whoever is logged in as `login` says.
pub fn approval(policy: &PromotionPolicy, to: &StageName, approved_by: Option<&str>, login: &str) -> Result<(), Refused> {
    if policy.approvers.is_empty() {
        return Ok(());
    }
    let who = policy.approvers.join(", ");
    match approved_by {
        Some(name) if !policy.approvers.iter().any(|other| other == name) => {
            Err(Refused::new(to, format!("`{name}` may not approve for it: {who} may")))
        }
        Some(name) if policy.approval == ApprovalPolicy::Login && name != login => {
            Err(Refused::new(to, format!("`{name}` has to do this while logged in; `{login}` asked (`approval = \"login\"`)")))
        }
        Some(_) => Ok(()),
        None => Err(Refused::new(to, format!("it needs an approval (`--approved-by`): {who} may approve"))),
    }
}

/// Whether every required check passed for these bytes in the stage where they are: the last word of each VM counts.
pub(super) fn passed(policy: &PromotionPolicy, from: &StageName, results: &[PackageCheck]) -> Result<(), String> {
    for check in &policy.checks {
        let mut last: BTreeMap<_, &PackageCheck> = BTreeMap::new();
        for result in results.iter().filter(|r| r.check == *check && r.stage == *from) {
            last.insert(&result.vm, result);
        }
        if last.is_empty() {
            return Err(format!("check `{check}` has not run for it in `{from}`"));
        }
        if let Some((failed, why)) = last.values().find_map(|r| r.failure.as_ref().map(|why| (r, why))) {
            return Err(format!("check `{check}` failed on VM `{}`: {why}", failed.vm));
        }
    }
    Ok(())
}

/// The packages of a stage by name and architecture.
pub(super) fn group<'a>(
    observed: &'a ObservedRepository,
    stage: &StageName,
) -> BTreeMap<(&'a str, &'a str), Vec<&'a PoolPackage>> {
    let mut groups: BTreeMap<_, Vec<&PoolPackage>> = BTreeMap::new();
    for (package, _) in observed.packages(stage.as_str()) {
        groups.entry((package.nevra.name(), package.nevra.arch())).or_default().push(package);
    }
    groups
}

fn newest<'a>(packages: impl IntoIterator<Item = &'a PoolPackage>) -> Option<&'a PoolPackage> {
    packages.into_iter().max_by(|a, b| a.nevra.compare(&b.nevra))
}

fn select<'a>(observed: &'a ObservedRepository, request: &PromotionRequest) -> Result<Vec<&'a PoolPackage>, Vec<Refused>> {
    let groups = group(observed, &request.from);
    let here = || groups.values().flatten().copied();
    let mut found: Vec<&PoolPackage> = Vec::new();
    let mut refused = Vec::new();
    match &request.selection {
        Selection::Passed => found.extend(groups.values().filter_map(|group| newest(group.iter().copied()))),
        Selection::Named(names) => {
            for name in names {
                // The newest for each architecture: `app` may be there for x86_64 and aarch64.
                let mut best: BTreeMap<(&str, &str), &PoolPackage> = BTreeMap::new();
                for package in here().filter(|p| p.nevra.is_named(name)) {
                    let best = best.entry((package.nevra.name(), package.nevra.arch())).or_insert(package);
                    if package.nevra.compare(&best.nevra).is_gt() {
                        *best = package;
                    }
                }
                // `app-1` may mean version 1 of `app` and any version of `app-1`: a person has to say which.
                let names: BTreeSet<&str> = best.keys().map(|(name, _)| *name).collect();
                if names.len() > 1 && !is_pattern(name) {
                    refused.push(Refused::new(
                        name,
                        format!("it may mean {}: write more of it", quoted(best.values().map(|p| &p.nevra))),
                    ));
                } else if best.is_empty() {
                    refused.push(Refused::new(name, format!("it is not in `{}`{}", request.from, similar(here(), name))));
                }
                found.extend(best.into_values());
            }
        }
        Selection::Exact(entries) => {
            let by_name: BTreeMap<String, &PoolPackage> = here().map(|p| (p.nevra.to_string(), p)).collect();
            for (name, digest) in entries {
                match by_name.get(name) {
                    None => {
                        let meant: Vec<&Nevra> = here().map(|p| &p.nevra).filter(|nevra| nevra.is_named(name)).take(5).collect();
                        refused.push(Refused::new(
                            name,
                            if meant.is_empty() {
                                format!("it is not in `{}`", request.from)
                            } else {
                                format!("a manifest names each package in full: {}", quoted(meant))
                            },
                        ));
                    }
                    Some(package) if digest.as_ref().is_some_and(|digest| *digest != package.digest) => {
                        let digest = package.digest.short();
                        let reason = format!("in `{}` it has other bytes than the manifest says (sha256 {digest})", request.from);
                        refused.push(Refused::new(name, reason));
                    }
                    Some(package) => found.push(*package),
                }
            }
        }
    }
    let mut seen = BTreeSet::new();
    found.retain(|package| seen.insert(&package.digest));
    if refused.is_empty() { Ok(found) } else { Err(refused) }
}

/// Versions of what was meant, where only the version is wrong.
fn similar<'a>(here: impl Iterator<Item = &'a PoolPackage>, name: &str) -> String {
    let versions: BTreeSet<&Nevra> = here
        .map(|p| &p.nevra)
        .filter(|n| {
            name.strip_prefix(n.name())
                .is_some_and(|rest| rest.strip_prefix('-').is_some_and(|v| v.starts_with(|c: char| c.is_ascii_digit())))
        })
        .collect();
    if versions.is_empty() { String::new() } else { format!("; there is {}", quoted(versions.into_iter().take(5))) }
}

fn quoted<'a>(nevras: impl IntoIterator<Item = &'a Nevra>) -> String {
    nevras.into_iter().map(|nevra| format!("`{nevra}`")).collect::<Vec<_>>().join(", ")
}

fn list(stages: &[StageName]) -> String {
    stages.iter().map(|stage| format!("`{stage}`")).collect::<Vec<_>>().join(", ")
}

/// What `stage` held at generation `to`: its history undone, newest first.
pub fn plan_rollback(
    repository: &RepositorySpec,
    observed: &ObservedRepository,
    stage: &StageName,
    history: &[Publication],
    to: u64,
) -> Result<Vec<StagePackage>, Vec<Refused>> {
    if repository.position(stage).is_none() {
        return Err(vec![no_stage(repository, stage)]);
    }
    let current = observed.stages.get(stage).cloned().unwrap_or_default();
    if to == 0 || to >= current.generation {
        let reason = format!("it is at generation {}: give an earlier one (`rekindle repo history {stage}`)", current.generation);
        return Err(vec![Refused::new(stage, reason)]);
    }
    let mut packages = current.packages;
    for publication in history.iter().rev().take_while(|publication| publication.generation > to) {
        let added: BTreeSet<&Digest> = publication.added.iter().map(|p| &p.digest).collect();
        packages.retain(|p| !added.contains(&p.digest));
        packages.extend(publication.removed.iter().cloned());
    }
    let gone: Vec<Refused> = packages
        .iter()
        .filter(|p| !observed.pool.contains_key(&p.digest))
        .map(|p| {
            Refused::new(p.digest.short(), format!("generation {to} had this package, and its bytes have been removed since"))
        })
        .collect();
    if gone.is_empty() { Ok(packages) } else { Err(gone) }
}
