//! Changes to the site's own repository: asks `plan::repo` what may happen, and lets `world::repo` do it.
//!
//! Each function takes the repository's lock for as long as it decides and publishes, so that two at once have one order and
//! neither loses what the other did. Copying and checking what comes in is done before, without the lock.

use std::collections::{BTreeMap, BTreeSet};

use camino::Utf8PathBuf;

use crate::observed::{Action, ObservedRepository, PackageCheck, Publication};
use crate::plan::repo::{
    self as plan, PromotionRequest, Refused, plan_arrival, plan_entry, plan_promotion, plan_rollback, with_added,
};
use crate::plan::retention::{RetentionPlan, Running, plan_retention};
use crate::spec::{Digest, Nevra, PromotionPolicy, StageName, Timestamp};
use crate::world::repo::{NewContent, RepoError, Repository};

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum RepoFault {
    /// It may not happen.
    #[error("refused: {}", list(.0))]
    Refused(Vec<Refused>),
    /// It could not be done.
    #[error(transparent)]
    World(#[from] RepoError),
}

fn list(refused: &[Refused]) -> String {
    refused.iter().map(|r| format!("{}: {}", r.what, r.reason)).collect::<Vec<_>>().join("; ")
}

/// Who asks, and when.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Who.
    pub by: String,
    /// Whose login it was, or whose token.
    pub login: String,
    /// What they said about it.
    pub note: String,
    /// Now.
    pub now: Timestamp,
}

/// What became of files that were handed in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Added {
    /// Packages that are in the stage now, in the order of their names; those that were there before too.
    pub packages: Vec<(Nevra, Digest)>,
    /// The publication; none where everything was there already.
    pub publication: Option<Publication>,
}

/// Takes `files` into `stage`: all of them, or none.
pub fn add(
    repository: &Repository,
    policy: &PromotionPolicy,
    stage: &StageName,
    files: &[Utf8PathBuf],
    asked: &Asked,
) -> Result<Added, RepoFault> {
    plan_entry(repository.policy(), policy, stage).map_err(|refused| RepoFault::Refused(vec![refused]))?;
    let intake = repository.receive(files, &asked.by, asked.now, &repository.observe()?)?;
    let guard = repository.lock()?;
    // Anew, now that nobody else can change it.
    let mut observed = repository.observe()?;
    let mut refused: Vec<Refused> =
        intake.refused.iter().map(|r| Refused { what: r.file.clone(), reason: r.reason.clone() }).collect();
    refused.extend(intake.arrivals.iter().filter_map(|arrival| plan_arrival(&observed, &arrival.package).err()));
    if !refused.is_empty() {
        return Err(RepoFault::Refused(refused));
    }
    let kept = repository.keep(&guard, &intake, &mut observed)?;
    let mut digests: Vec<Digest> = intake.known.iter().map(|(_, digest)| digest.clone()).collect();
    digests.extend(intake.arrivals.iter().map(|arrival| arrival.package.digest.clone()));
    let mut packages: Vec<(Nevra, Digest)> =
        digests.iter().filter_map(|d| observed.pool.get(d)).map(|p| (p.nevra.clone(), p.digest.clone())).collect();
    packages.sort();
    packages.dedup();
    let digests: Vec<Digest> = packages.iter().map(|(_, digest)| digest.clone()).collect();
    let content = with_added(&observed, stage, &digests, asked.now);
    if observed.stages.get(stage).is_some_and(|old| old.generation > 0 && old.packages == content) {
        repository.place(&guard, &intake, &kept)?;
        return Ok(Added { packages, publication: None });
    }
    let new = new_content(stage, content, Action::Add, asked, None);
    let place = || repository.place(&guard, &intake, &kept);
    let publication = repository.publish_while(&guard, &observed, new, asked.now, place)?;
    Ok(Added { packages, publication: Some(publication) })
}

/// What a promotion came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Promoted {
    /// What moved.
    pub moved: Vec<(Nevra, Digest)>,
    /// What stayed, and why.
    pub stayed: Vec<Refused>,
    /// The publication; none where nothing moved.
    pub publication: Option<Publication>,
}

/// Promotes what `request` names, in one publication. `policy` is that of the stage it moves to.
pub fn promote(
    repository: &Repository,
    policy: &PromotionPolicy,
    request: &PromotionRequest,
    asked: &Asked,
) -> Result<Promoted, RepoFault> {
    let guard = repository.lock()?;
    let observed = repository.observe()?;
    let checks = if policy.checks.is_empty() { BTreeMap::new() } else { checks_of(repository, &observed, &request.from)? };
    let plan =
        plan_promotion(repository.policy(), policy, &observed, &checks, request, &asked.login).map_err(RepoFault::Refused)?;
    let moved = plan.moves.iter().filter_map(|d| observed.pool.get(d)).map(|p| (p.nevra.clone(), p.digest.clone())).collect();
    let stayed = plan.stays;
    if plan.moves.is_empty() {
        return Ok(Promoted { moved, stayed, publication: None });
    }
    let content = with_added(&observed, &request.to, &plan.moves, asked.now);
    let action = Action::Promote { from: request.from.clone() };
    let new = new_content(&request.to, content, action, asked, request.approved_by.clone());
    let publication = repository.publish(&guard, &observed, new, asked.now)?;
    Ok(Promoted { moved, stayed, publication: Some(publication) })
}

/// Gives `stage` the content of its generation `to` again. Who may approve for the stage has to approve this too.
pub fn rollback(
    repository: &Repository,
    policy: &PromotionPolicy,
    stage: &StageName,
    to: u64,
    approved_by: Option<&str>,
    asked: &Asked,
) -> Result<Publication, RepoFault> {
    plan::approval(policy, stage, approved_by, &asked.login).map_err(|refused| RepoFault::Refused(vec![refused]))?;
    let guard = repository.lock()?;
    let observed = repository.observe()?;
    let history = repository.history(stage)?;
    let content = plan_rollback(repository.policy(), &observed, stage, &history, to).map_err(RepoFault::Refused)?;
    let new = new_content(stage, content, Action::Rollback { to }, asked, approved_by.map(str::to_owned));
    Ok(repository.publish(&guard, &observed, new, asked.now)?)
}

/// Lets go what nobody needs any more; with `Rehearsal::DryRun` says only what that would be.
pub fn collect_garbage(
    repository: &Repository,
    running: &BTreeSet<Running>,
    rehearsal: Rehearsal,
    asked: &Asked,
) -> Result<(RetentionPlan, ObservedRepository), RepoFault> {
    let guard = repository.lock()?;
    let observed = repository.observe()?;
    let mut histories = BTreeMap::new();
    for stage in &repository.policy().stages {
        histories.insert(stage.clone(), repository.history(stage)?);
    }
    let plan = plan_retention(repository.policy(), &observed, &histories, running, asked.now);
    if rehearsal == Rehearsal::DryRun {
        return Ok((plan, observed));
    }
    for (stage, leave) in &plan.retire {
        let leave: BTreeSet<&Digest> = leave.iter().collect();
        let mut content = observed.stages.get(stage).map(|content| content.packages.clone()).unwrap_or_default();
        content.retain(|package| !leave.contains(&package.digest));
        let new = new_content(stage, content, Action::Retire, asked, None);
        repository.publish(&guard, &observed, new, asked.now)?;
    }
    for (stage, packages) in &plan.unlink {
        repository.unlink(&guard, stage, packages.iter().filter_map(|digest| observed.pool.get(digest)))?;
    }
    repository.remove(&guard, plan.remove.iter().filter_map(|digest| observed.pool.get(digest)))?;
    Ok((plan, observed))
}

/// Whether it is done or only told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rehearsal {
    /// Told.
    DryRun,
    /// Done.
    ForReal,
}

fn checks_of(
    repository: &Repository,
    observed: &ObservedRepository,
    stage: &StageName,
) -> Result<BTreeMap<Digest, Vec<PackageCheck>>, RepoError> {
    let digests = observed.packages(stage.as_str()).map(|(package, _)| package.digest.clone());
    digests.map(|digest| Ok((digest.clone(), repository.checks(&digest)?))).collect()
}

fn new_content(
    stage: &StageName,
    packages: Vec<crate::observed::StagePackage>,
    action: Action,
    asked: &Asked,
    approved_by: Option<String>,
) -> NewContent {
    NewContent {
        stage: stage.clone(),
        packages,
        action,
        by: asked.by.clone(),
        login: asked.login.clone(),
        approved_by,
        note: asked.note.clone(),
    }
}
