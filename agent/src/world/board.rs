//! Facts of this agent run that nobody needs after a restart: errors of steps, results of checks, what the Puppet CA and PuppetDB hold.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::observed::{
    CaRefusal, CertificateOf, CertificateState, CheckResult, Disposition, ObservedCertificate, PuppetDbWord, SeenCertificate,
    StepError, Subject,
};
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
    certificates: Mutex<BTreeMap<VmName, Vec<ObservedCertificate>>>,
    puppetdb: Mutex<BTreeMap<VmName, PuppetDbWord>>,
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

    /// The CA was asked about a name at `at`, and this is what it holds.
    pub fn certificate_seen(&self, of: CertificateOf, state: CertificateState, at: Timestamp) {
        self.certificate(of, |known| {
            let first = known.seen.filter(|seen| seen.state == state).map_or(at, |seen| seen.first);
            known.seen = Some(SeenCertificate { state, at, first });
            if state == CertificateState::Absent {
                known.refusal = None;
            }
        });
    }

    /// The CA would not say or do what was asked of it for a name.
    pub fn certificate_refused(&self, of: CertificateOf, words: String, at: Timestamp) {
        self.certificate(of, |known| known.refusal = Some(CaRefusal { at, words }));
    }

    /// The CA did what was asked of it for a name.
    pub fn certificate_served(&self, of: CertificateOf) {
        self.certificate(of, |known| known.refusal = None);
    }

    fn certificate(&self, of: CertificateOf, note: impl FnOnce(&mut ObservedCertificate)) {
        let mut certificates = lock(&self.certificates);
        let known = certificates.entry(of.vm.clone()).or_default();
        // What was asked for an attempt that is over says nothing about this one, and is not kept beside it.
        if known.iter().any(|other| other.of.attempt > of.attempt) {
            return;
        }
        known.retain(|other| other.of.attempt == of.attempt);
        match known.iter_mut().find(|known| known.of == of) {
            Some(known) => note(known),
            None => {
                let mut new = ObservedCertificate { of, seen: None, refusal: None };
                note(&mut new);
                known.push(new);
            }
        }
    }

    /// What the CA was last seen to hold under a VM's names.
    pub fn certificates(&self, vm: &VmName) -> Vec<ObservedCertificate> {
        lock(&self.certificates).get(vm).cloned().unwrap_or_default()
    }

    /// PuppetDB was asked about a VM.
    pub fn puppetdb_heard(&self, vm: &VmName, word: PuppetDbWord) {
        lock(&self.puppetdb).insert(vm.clone(), word);
    }

    /// What PuppetDB was last heard to hold of a VM.
    pub fn puppetdb(&self, vm: &VmName) -> Option<PuppetDbWord> {
        lock(&self.puppetdb).get(vm).cloned()
    }

    /// Forgets a VM's results: a new attempt is another machine.
    pub fn forget(&self, vm: &VmName) {
        lock(&self.checks).remove(vm);
        lock(&self.certificates).remove(vm);
        lock(&self.puppetdb).remove(vm);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
