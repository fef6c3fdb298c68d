//! Facts of this agent run that nobody needs after a restart: errors of steps, results of checks.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::observed::{CheckResult, Disposition, StepError, Subject};
use crate::spec::{Timestamp, VmName};

/// What a failed step says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepFailure {
    /// What follows.
    pub disposition: Disposition,
    /// The cause, should the attempt fail of it.
    pub cause: crate::observed::Cause,
    /// The whole chain of causes in one line.
    pub detail: String,
}

/// The board. Lanes write, `collect` reads.
#[derive(Debug, Default)]
pub struct Board {
    errors: Mutex<BTreeMap<Subject, StepError>>,
    checks: Mutex<BTreeMap<VmName, Vec<CheckResult>>>,
}

impl Board {
    /// The work on `subject` ended well: its errors are over.
    pub fn succeeded(&self, subject: &Subject) {
        lock(&self.errors).remove(subject);
    }

    /// The work on `subject` failed.
    pub fn failed(&self, subject: &Subject, failure: StepFailure, now: Timestamp) {
        let mut errors = lock(&self.errors);
        let before = errors.get(subject);
        let error = StepError {
            at: now,
            first: before.map_or(now, |error| error.first),
            count: before.map_or(1, |error| error.count.saturating_add(1)),
            disposition: failure.disposition,
            cause: failure.cause,
            detail: failure.detail,
        };
        errors.insert(subject.clone(), error);
    }

    /// The errors that are not over.
    pub fn errors(&self) -> BTreeMap<Subject, StepError> {
        lock(&self.errors).clone()
    }

    /// A check has been run.
    pub fn checked(&self, vm: &VmName, result: CheckResult) {
        let mut checks = lock(&self.checks);
        let results = checks.entry(vm.clone()).or_default();
        match results.iter_mut().find(|known| known.name == result.name) {
            Some(known) => *known = result,
            None => results.push(result),
        }
    }

    /// The last results of a VM's checks.
    pub fn checks(&self, vm: &VmName) -> Vec<CheckResult> {
        lock(&self.checks).get(vm).cloned().unwrap_or_default()
    }

    /// Forgets a VM's results: a new attempt is another machine.
    pub fn forget(&self, vm: &VmName) {
        lock(&self.checks).remove(vm);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
