//! Counters of what the install listener has done, for `/metrics`.

use std::sync::atomic::{AtomicU64, Ordering};

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
