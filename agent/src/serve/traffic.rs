//! Counters of what the install listener has done, for `/metrics`.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::reconcile::ReportRefused;

/// Counts since the agent's start.
#[derive(Debug, Default)]
pub struct Traffic {
    pub(super) kickstarts: Counter,
    pub(super) callbacks: Counter,
    pub(super) archives: Counter,
    pub(super) files: Counter,
    pub(super) denied: Counter,
    pub(super) limited: Counter,
    pub(super) foreign: Counter,
    pub(super) reports: Reports,
}

/// Reports that Puppet servers have forwarded.
#[derive(Debug, Default)]
pub(super) struct Reports {
    taken: Counter,
    /// Given to the agent of the hypervisor that the VM is on.
    pub(super) passed_on: Counter,
    /// That agent could not be reached, or too many waited for it.
    pub(super) lost: Counter,
    /// Connections of peers that may not forward.
    pub(super) strangers: Counter,
    refused: [Counter; ReportRefused::KINDS.len()],
}

impl Reports {
    pub(super) fn taken(&self) {
        self.taken.add();
    }

    /// `kind` is one of [`ReportRefused::KINDS`].
    pub(super) fn refused(&self, kind: &str) {
        if let Some(place) = ReportRefused::KINDS.iter().position(|known| *known == kind) {
            self.refused[place].add();
        }
    }

    /// What became of them, and how often.
    pub(super) fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let refused = ReportRefused::KINDS.into_iter().zip(self.refused.iter().map(Counter::get));
        let others = [("taken", &self.taken), ("passed-on", &self.passed_on), ("lost", &self.lost), ("address", &self.strangers)];
        others.map(|(verdict, counter)| (verdict, counter.get())).into_iter().chain(refused)
    }
}

/// A number that only grows.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
