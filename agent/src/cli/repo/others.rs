//! Stages whose packages enter and move elsewhere (`[[repos]]` with a `url` or a directory): what their repositories list now, for the
//! board and `verify`. Nothing is ever changed there.
//!
//! Such a repository may hold a whole distribution. What is shown of it is what the site has to do with: packages that were asked
//! for, that a VM of the site names or runs, or that the site's own repository knows.

use std::collections::{BTreeMap, HashSet};

use super::vms::Installed;
use crate::observed::ObservedRepository;
use crate::spec::{Nevra, PackageSpec, RepoLocation, RepoSpec, Spec, StageName};
use crate::world::mirror::{ListedPackage, list_packages};

/// What the repositories of one such stage list.
pub(super) struct OtherStage<'a> {
    pub(super) name: &'a StageName,
    pub(super) packages: Vec<ListedPackage>,
    /// Why there may be more: a repository that could not be read.
    pub(super) unread: Option<String>,
}

/// Stages of the site that are not in its own repository, with others' repositories, in the order of their names.
pub(super) fn stages(spec: &Spec) -> Vec<(&StageName, Vec<&RepoSpec>)> {
    let is_own = |stage: &StageName| spec.site.repository.as_ref().is_some_and(|own| own.position(stage).is_some());
    let is_theirs = |repo: &&RepoSpec| matches!(repo.location, RepoLocation::Url(_) | RepoLocation::Directory(_));
    let others = spec.stages.iter().filter(|(name, _)| !is_own(name));
    let others = others.map(|(name, stage)| (name, stage.repos.iter().filter(is_theirs).collect::<Vec<_>>()));
    others.filter(|(_, repos)| !repos.is_empty()).collect()
}

/// Reads them, all at once.
pub(super) fn look<'a>(
    spec: &'a Spec,
    observed: &ObservedRepository,
    installed: &[Installed],
    wanted: &[String],
) -> Vec<OtherStage<'a>> {
    let ours = observed.pool.values().map(|package| package.nevra.name());
    let known: HashSet<&str> = ours.chain(installed.iter().map(|one| one.package.name.as_str())).collect();
    let named: HashSet<&str> = spec.vms.values().flat_map(|vm| &vm.packages).map(PackageSpec::as_str).collect();
    let is_wanted = |nevra: &Nevra| match wanted {
        [] => known.contains(nevra.name()) || named.iter().any(|name| nevra.is_named(name)),
        wanted => wanted.iter().any(|name| nevra.is_named(name)),
    };
    let one = |name: &'a StageName, repos: Vec<&RepoSpec>| {
        let mut stage = OtherStage { name, packages: Vec::new(), unread: None };
        for repo in repos {
            match list_packages(&repo.location, &is_wanted) {
                Ok(packages) => stage.packages.extend(packages),
                Err(error) => {
                    let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
                    stage.unread = Some(format!("`{}`: {error}{cause}", repo.name));
                }
            }
        }
        stage
    };
    std::thread::scope(|scope| {
        let all: Vec<_> = stages(spec).into_iter().map(|(name, repos)| scope.spawn(|| one(name, repos))).collect();
        all.into_iter().map(|one| one.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    })
}

/// Why each could not be read, where that is so.
pub(super) fn unread(others: &[OtherStage<'_>]) -> BTreeMap<String, String> {
    others.iter().filter_map(|stage| Some((stage.name.to_string(), stage.unread.clone()?))).collect()
}
