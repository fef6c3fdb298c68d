//! What the loop publishes after each pass, for everyone who only looks.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::observed::{Observed, Phase};
use crate::spec::{HypervisorName, Spec, Timestamp, VmName};

/// One VM after a pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VmStatus {
    /// Its phase; none: nothing has been done for it yet.
    pub phase: Option<Phase>,
    /// What is being done, or why nothing is, as a sentence for people.
    pub note: String,
    /// When its current phase is given up.
    pub deadline: Option<Timestamp>,
    /// There is nothing more to do for it unless something changes: `Ready`, or it waits for a person.
    pub settled: bool,
}

/// The state of the world and of the work after one pass.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// When the pass ended.
    pub at: Timestamp,
    /// This hypervisor.
    pub hypervisor: HypervisorName,
    /// What should be.
    pub spec: Arc<Spec>,
    /// What was.
    pub observed: Arc<Observed>,
    /// Every VM of this hypervisor in the site or in the store.
    pub vms: BTreeMap<VmName, VmStatus>,
    /// Sentences about pools, networks and the hypervisor itself that wait or fail.
    pub notes: Vec<String>,
    /// Errors of the site on disk, if its newest revision could not be loaded and the one before is still in force.
    pub site_error: Option<String>,
    /// No step remains and nothing is under way.
    pub idle: bool,
    /// Passes so far.
    pub passes: u64,
    /// How long the last pass took, in microseconds.
    pub pass_micros: u64,
}
