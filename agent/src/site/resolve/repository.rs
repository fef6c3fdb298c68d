//! `[repository]` of `site.toml` → `RepositorySpec`.

use std::collections::BTreeSet;
use std::time::Duration;

use camino::Utf8Path;

use super::os::absolute;
use super::refer::{STAGE, look_up};
use crate::site::excerpt::quote;
use crate::site::file::RepositoryFile;
use crate::site::load::SiteFiles;
use crate::site::problems::{Problem, Problems};
use crate::site::units::Span;
use crate::spec::{EntryPolicy, RepoLocation, RepoSpec, RepositorySpec, StageName};

/// Versions of a package that a stage keeps where the site does not say.
const KEEP_VERSIONS: u32 = 3;
/// How long replaced repodata stay readable: far longer than any client takes between two requests.
const KEEP_METADATA: Duration = Duration::from_hours(6);
/// How long packages that left a stage stay readable: dnf uses repodata for two days before it asks again.
const KEEP_REMOVED: Duration = Duration::from_hours(7 * 24);

/// Resolves `file` of the site in `root`.
pub(super) fn resolve(file: &RepositoryFile, root: &Utf8Path, files: &SiteFiles, problems: &Problems) -> Option<RepositorySpec> {
    let mut seen = BTreeSet::new();
    for at in &file.stages {
        look_up(STAGE, &files.stages, at, problems);
        if !seen.insert(&at.value) {
            problems.push(Problem::new(at.span, format!("stage {} is here twice", quote(at.value.as_str()))));
        }
    }
    if file.stages.is_empty() {
        let problem = Problem::new(file.place.clone(), "`[repository]` has no stages");
        problems.push(problem.help("write `stages = [\"dev\", \"testing\", …]` in the order in which packages move"));
    }
    let entry = file.entry.value().copied().unwrap_or(EntryPolicy::Signed);
    if file.signing_key.is_absent() {
        if let (EntryPolicy::SignOnce, Some(at)) = (entry, file.entry.get()) {
            let problem = Problem::new(at.span, "`entry = \"sign\"` needs a `signing_key`");
            problems.push(problem.help("name the key as gpg does, best by its fingerprint"));
        } else if file.keyring.is_empty() {
            let problem = Problem::new(file.place.clone(), "`[repository]` has neither a `keyring` nor a `signing_key`");
            problems.push(problem.help("unsigned packages never enter: write `keyring = [\"keys/build.asc\"]`"));
        }
    }
    if let Some(at) = file.signing_key.get()
        && at.value.0.starts_with('-')
    {
        problems.push(Problem::new(at.span, "a key does not start with `-`"));
    }
    let mut keyring = Vec::new();
    for at in &file.keyring {
        let path = absolute(root, &at.value);
        if !path.is_file() {
            problems.push(Problem::new(at.span, format!("there is no file {}", quote(at.value.as_str()))));
        }
        keyring.push(path);
    }
    let span = |key: &crate::site::problems::Key<Span>, default| key.value().map_or(default, |Span(span)| *span);
    Some(RepositorySpec {
        name: file.name.value().cloned().or_else(|| "site".parse().ok())?,
        stages: file.stages.iter().map(|at| at.value.clone()).collect(),
        keyring,
        entry,
        signing_key: file.signing_key.value().map(|key| key.0.clone()),
        keep_versions: file.keep_versions.value().map_or(KEEP_VERSIONS, |count| count.as_u32()),
        keep_metadata: span(&file.keep_metadata, KEEP_METADATA),
        keep_removed: span(&file.keep_removed, KEEP_REMOVED),
        url: file.url.value().cloned(),
    })
}

/// The site's own repository as `stage` has it; none where the stage is not one of its stages. A stage may not give its name to
/// another repository.
pub(super) fn of_stage(
    repository: Option<&RepositoryFile>,
    stage: &StageName,
    others: &[RepoSpec],
    problems: &Problems,
) -> Option<RepoSpec> {
    let file = repository?;
    if !file.stages.iter().any(|at| at.value == *stage) {
        return None;
    }
    let name = file.name.value().map_or("site", crate::spec::RepoName::as_str);
    if others.iter().any(|repo| repo.name == name) {
        let message = format!("stage `{stage}` has a repository `{name}` of its own, which is the name of the site's");
        let problem = Problem::new(file.place.clone(), message);
        problems.push(problem.help("rename one of them: `name = \"…\"` in `[repository]`"));
    }
    Some(RepoSpec { name: name.to_owned(), location: RepoLocation::Own, cost: None })
}
