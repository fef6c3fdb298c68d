//! The embedded repository with real packages, keys and clients.

mod crash;
mod decide;
mod entry;
mod gate;
mod journey;
mod many;
mod owner;
mod promote;
mod signing;

use camino::{Utf8Path, Utf8PathBuf};
use rekindle::execute::repo as execute;
use rekindle::execute::repo::{Added, Asked, RepoFault};
use rekindle::plan::repo::{PromotionRequest, Selection};
use rekindle::spec::{RepositorySpec, StageName, Timestamp};
use rekindle::world::repo::Repository;
use rekindle_tests::rpms::{DnfRepo, RpmLab};

/// 2026-11-23, some time in the morning.
const NOW: Timestamp = Timestamp(1_795_418_280_000);

fn stage(name: &str) -> StageName {
    name.parse().expect("a stage")
}

fn asked() -> Asked {
    Asked { by: "ci".to_owned(), login: "ci".to_owned(), note: String::new(), now: NOW }
}

fn open(lab: &RpmLab, policy: &RepositorySpec) -> Repository {
    Repository::open(&lab.dir.join("repository"), policy, &lab.gnupg()).expect("a repository")
}

fn add(repository: &Repository, files: &[Utf8PathBuf]) -> Result<Added, RepoFault> {
    execute::add(repository, &RpmLab::open_stage(), &stage("dev"), files, &asked())
}

fn promotion(names: &[&str], from: &str, to: &str) -> PromotionRequest {
    PromotionRequest {
        selection: Selection::Named(names.iter().map(|name| (*name).to_owned()).collect()),
        from: stage(from),
        to: stage(to),
        approved_by: None,
    }
}

fn promote(repository: &Repository, names: &[&str], from: &str, to: &str) -> Result<execute::Promoted, RepoFault> {
    execute::promote(repository, &RpmLab::open_stage(), &promotion(names, from, to), &asked())
}

/// What `stage` holds, as its clients would name it.
fn content(repository: &Repository, stage: &str) -> Vec<String> {
    let observed = repository.observe().expect("a readable repository");
    let mut names: Vec<String> = observed.packages(stage).map(|(package, _)| package.nevra.to_string()).collect();
    names.sort();
    names
}

/// The packages that dnf sees in a stage, with every signature required.
#[track_caller]
fn dnf_sees(lab: &RpmLab, name: &str, stage: &str) -> Vec<String> {
    dnf_sees_in(lab, name, &lab.dir.join("repository"), stage)
}

/// The same, for the repository in `root`.
#[track_caller]
fn dnf_sees_in(lab: &RpmLab, name: &str, root: &Utf8Path, stage: &str) -> Vec<String> {
    let served = Repository::served_directory(root, &self::stage(stage));
    let dnf = lab.dnf(name, &DnfRepo::in_directory(&served, &lab.signer.public));
    let ran = dnf.run(&["repoquery", "--quiet", "--queryformat", "%{name}-%{evr}.%{arch}"]);
    assert!(ran.ok(), "{}", ran.text);
    let mut lines: Vec<String> = ran.text.lines().filter(|line| line.ends_with(".noarch")).map(str::to_owned).collect();
    lines.sort();
    lines
}

fn sha256(lab: &RpmLab, path: &Utf8Path) -> String {
    lab.must("sha256sum", &[path.as_str()])[..64].to_owned()
}
