//! `stages/NAME.toml`.

use crate::site::problems::{At, Key};
use crate::site::table::Table;
use crate::site::units::Span;
use crate::site::value::Plain;
use crate::spec::{ApprovalPolicy, CheckName, NetworkName, PuppetName};

use super::RepoFile;

/// `stages/NAME.toml`.
#[derive(Debug)]
pub(crate) struct StageFile {
    pub(crate) repos: Vec<RepoFile>,
    pub(crate) puppet_environment: Key<PuppetName>,
    pub(crate) network: Key<NetworkName>,
    pub(crate) approval: Key<bool>,
    pub(crate) max_lease: Key<Span>,
    pub(crate) auto_promote: Key<bool>,
    pub(crate) promotion: Option<PromotionFile>,
}

/// `[promotion]`.
#[derive(Debug)]
pub(crate) struct PromotionFile {
    pub(crate) entry: Key<bool>,
    pub(crate) approvers: Vec<At<Plain>>,
    pub(crate) approval: Key<ApprovalPolicy>,
    pub(crate) checks: Vec<At<CheckName>>,
}

impl StageFile {
    /// Reads the file's top-level table.
    pub(crate) fn read(mut t: Table<'_>) -> Self {
        let (approval, max_lease, auto_promote) = match t.table("policy") {
            None => (Key::Absent, Key::Absent, Key::Absent),
            Some(mut p) => {
                let policy = (p.get("approval"), p.get("max_lease"), p.get("auto_promote"));
                p.finish();
                policy
            }
        };
        let promotion = t.table("promotion").map(|mut p| {
            let promotion = PromotionFile {
                entry: p.get("entry"),
                approvers: p.list("approvers"),
                approval: p.get("approval"),
                checks: p.list("checks"),
            };
            p.finish();
            promotion
        });
        let stage = Self {
            repos: RepoFile::all(&mut t),
            puppet_environment: t.get("puppet_environment"),
            network: t.get("network"),
            approval,
            max_lease,
            auto_promote,
            promotion,
        };
        t.finish();
        stage
    }
}
