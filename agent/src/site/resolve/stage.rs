//! `stages/NAME.toml` → `StageSpec`.

use camino::Utf8Path;

use super::os::repos;
use super::refer::{NETWORK, look_up};
use super::repository;
use crate::site::file::StageFile;
use crate::site::load::SiteFiles;
use crate::site::problems::Problems;
use crate::site::units::Span;
use crate::spec::{PromotionPolicy, StageName, StagePolicy, StageSpec};

/// Resolves `file` of the site in `root`.
pub(super) fn resolve(
    name: &StageName,
    file: &StageFile,
    root: &Utf8Path,
    files: &SiteFiles,
    problems: &Problems,
) -> Option<StageSpec> {
    let mut repos = repos(&file.repos, root, problems);
    if let Some(repos) = &mut repos {
        let own = files.top.as_ref().and_then(|top| top.repository.as_ref());
        repos.extend(repository::of_stage(own, name, repos, problems));
    }
    if let Some(at) = file.network.get() {
        look_up(NETWORK, &files.networks, at, problems);
    }
    // Puppet's environment names have no hyphens.
    let environment = file.puppet_environment.value().cloned().or_else(|| name.as_str().replace('-', "_").parse().ok());
    Some(StageSpec {
        name: name.clone(),
        repos: repos?,
        puppet_environment: environment?,
        network: file.network.value().cloned(),
        policy: StagePolicy {
            approval: file.approval.value().copied().unwrap_or(false),
            max_lease: file.max_lease.value().map(|Span(span)| *span),
            auto_promote: file.auto_promote.value().copied().unwrap_or(false),
        },
        promotion: file.promotion.as_ref().map_or_else(PromotionPolicy::default, |p| PromotionPolicy {
            entry: p.entry.value().copied().unwrap_or(false),
            approvers: p.approvers.iter().map(|at| at.value.0.clone()).collect(),
            approval: p.approval.value().copied().unwrap_or_default(),
            checks: p.checks.iter().map(|at| at.value.clone()).collect(),
        }),
    })
}
