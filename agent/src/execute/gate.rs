//! Notes what the VMs' checks say about packages, and moves on what `plan::gate` says is due.

use super::repo::{Asked, RepoFault, promote};
use crate::observed::Observed;
use crate::plan::gate::{self, Results};
use crate::plan::journey::BY;
use crate::spec::{Spec, Timestamp};
use crate::world::repo::{RepoError, Repository};

/// Brings the repository up to what `observed` says. `known` are the results that were read before; they are kept up too. Blocks.
pub fn keep_up(
    repository: &Repository,
    spec: &Spec,
    observed: &Observed,
    known: &mut Results,
    now: Timestamp,
) -> Result<(), RepoError> {
    let holds = repository.observe()?;
    for package in repository.policy().stages.iter().flat_map(|stage| holds.packages(stage.as_str())).map(|(package, _)| package)
    {
        if !known.contains_key(&package.digest) {
            known.insert(package.digest.clone(), repository.checks(&package.digest)?);
        }
    }
    known.retain(|digest, _| holds.pool.contains_key(digest));
    for result in gate::results(spec, observed, &holds) {
        let before = known.entry(result.digest.clone()).or_default();
        if gate::is_news(before, &result) {
            repository.record_check(&result)?;
            before.push(result);
        }
    }
    // Each promotion can make nothing due that was not: what has just come to a stage has not been checked there.
    for request in gate::due(spec, &holds, known) {
        // What is due has a stage to go to.
        let Some(stage) = spec.stages.get(&request.to) else { continue };
        let note = "all checks passed".to_owned();
        match promote(repository, &stage.promotion, &request, &Asked { by: BY.to_owned(), login: BY.to_owned(), note, now }) {
            Ok(promoted) => {
                for (package, _) in &promoted.moved {
                    tracing::info!(%package, from = %request.from, to = %request.to, "promoted: all checks passed");
                }
            }
            Err(RepoFault::World(error)) => return Err(error),
            // A person was quicker: what is due is looked for again with the next news.
            Err(refused @ RepoFault::Refused(_)) => {
                tracing::debug!(from = %request.from, to = %request.to, %refused, "not promoted");
            }
        }
    }
    Ok(())
}
