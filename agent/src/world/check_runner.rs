//! How a health check is run, behind a trait so that the simulator can answer for the VMs it runs.
//!
//! `world::collect` calls it for each check of a VM that is verifying or ready. It blocks for at most the check's timeout and
//! never fails: a check that cannot be run is a check that did not pass, with the reason.

use std::net::IpAddr;

use crate::observed::CheckResult;
use crate::spec::{CheckSpec, VmSpec};

/// Runs health checks. Implementations: `checks` (HTTP, TCP, guest agent) and `sim`.
pub trait CheckRunner: Send + Sync {
    /// Runs `check` of `vm` once. `address` is where the VM is reached; none: not known (yet).
    fn run(&self, vm: &VmSpec, check: &CheckSpec, address: Option<IpAddr>) -> CheckResult;
}
