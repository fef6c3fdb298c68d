//! Stages: where a package is on its way to production, and what that means for VMs.

use std::time::Duration;

use super::{NetworkName, PromotionPolicy, PuppetName, RepoSpec, StageName};

/// What a stage asks of those who use it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StagePolicy {
    /// A request needs somebody's approval.
    pub approval: bool,
    /// The longest lease of a VM; none: for ever.
    pub max_lease: Option<Duration>,
    /// Packages move on by themselves when their checks pass.
    pub auto_promote: bool,
}

/// A stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageSpec {
    /// Its name.
    pub name: StageName,
    /// Its YUM repositories.
    pub repos: Vec<RepoSpec>,
    /// Puppet's environment.
    pub puppet_environment: PuppetName,
    /// The network of VMs that name none.
    pub network: Option<NetworkName>,
    /// Its policy.
    pub policy: StagePolicy,
    /// What it asks of packages that are promoted into it.
    pub promotion: PromotionPolicy,
}
