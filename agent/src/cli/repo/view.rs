//! What `rekindle repo` writes as JSON.

use serde::Serialize;

use crate::observed::{Action, ObservedRepository, Publication, StagePackage};
use crate::plan::repo::Refused;
use crate::spec::{Digest, Nevra};

/// A refusal.
#[derive(Debug, Serialize)]
pub(super) struct RefusedView {
    what: String,
    reason: String,
}

impl From<&Refused> for RefusedView {
    fn from(refused: &Refused) -> Self {
        Self { what: refused.what.clone(), reason: refused.reason.clone() }
    }
}

/// A package by name and digest.
#[derive(Debug, Serialize)]
pub(super) struct NamedView {
    pub(super) package: String,
    pub(super) sha256: String,
}

impl From<&(Nevra, Digest)> for NamedView {
    fn from((nevra, digest): &(Nevra, Digest)) -> Self {
        Self { package: nevra.to_string(), sha256: digest.to_string() }
    }
}

/// A publication.
#[derive(Debug, Serialize)]
pub(super) struct PublicationView {
    pub(super) stage: String,
    pub(super) generation: u64,
    pub(super) at: String,
    pub(super) by: String,
    pub(super) login: String,
    pub(super) action: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) approved_by: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) note: String,
    pub(super) added: Vec<NamedView>,
    pub(super) removed: Vec<NamedView>,
    pub(super) seconds: f64,
}

impl PublicationView {
    /// `publication`, with the names that `observed` has for its digests.
    pub(super) fn new(publication: &Publication, observed: &ObservedRepository) -> Self {
        // Names of packages whose bytes are gone are still known.
        let name = |digest: &Digest| {
            let known = || observed.known.iter().find(|(_, other)| *other == digest).map(|(nevra, _)| nevra);
            let nevra = observed.pool.get(digest).map(|package| &package.nevra).or_else(known);
            nevra.map_or_else(|| digest.short().to_owned(), ToString::to_string)
        };
        let named = |packages: &[StagePackage]| {
            packages.iter().map(|p| NamedView { package: name(&p.digest), sha256: p.digest.to_string() }).collect()
        };
        let action = match &publication.action {
            Action::Promote { from } => format!("promote from {from}"),
            Action::Rollback { to } => format!("rollback to {to}"),
            other => other.as_str().to_owned(),
        };
        Self {
            stage: publication.stage.to_string(),
            generation: publication.generation,
            at: publication.at.to_string(),
            by: publication.by.clone(),
            login: publication.login.clone(),
            action,
            approved_by: publication.approved_by.clone(),
            note: publication.note.clone(),
            added: named(&publication.added),
            removed: named(&publication.removed),
            seconds: publication.took.as_secs_f64(),
        }
    }
}
