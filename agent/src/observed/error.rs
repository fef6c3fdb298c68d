//! What the last work on something failed with: a fact like any other, from which the planner decides what follows.

use super::Cause;
use crate::spec::{NetworkName, OsName, PoolName, Timestamp, VmName};

/// What a piece of work is about. Work on different subjects runs side by side, work on one in order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// Finding out how guests can be run.
    Probe,
    /// A storage pool.
    Pool(PoolName),
    /// A network.
    Network(NetworkName),
    /// An OS's boot files.
    BootFiles(OsName),
    /// The Puppet CA.
    Ca,
    /// PuppetDB.
    PuppetDb,
    /// A VM.
    Vm(VmName),
}

/// What follows from an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// Try again at a later pass; nothing is lost.
    RetryLater,
    /// A person has to act; the subject waits with this reason.
    Blocked,
    /// The attempt has failed.
    GiveUp,
}

/// An error of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepError {
    /// When it was last seen.
    pub at: Timestamp,
    /// When it was first seen, without a success in between.
    pub first: Timestamp,
    /// How often in a row.
    pub count: u32,
    /// What follows.
    pub disposition: Disposition,
    /// The cause, should the attempt fail of it.
    pub cause: Cause,
    /// The whole chain of causes in one line.
    pub detail: String,
}
