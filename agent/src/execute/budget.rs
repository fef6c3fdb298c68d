//! Stops a run between any two effects: how tests show that a kill at any instant loses nothing.

use std::sync::atomic::{AtomicU64, Ordering};

use super::StepFault;

/// How many more effects may happen.
#[derive(Debug)]
pub struct EffectBudget(AtomicU64);

impl EffectBudget {
    /// No limit.
    pub const fn unlimited() -> Self {
        Self(AtomicU64::new(u64::MAX))
    }

    /// Exactly `effects` more, then every step ends as if the process had been killed before it.
    pub const fn limited(effects: u64) -> Self {
        Self(AtomicU64::new(effects))
    }

    /// The limit has been reached.
    pub fn is_spent(&self) -> bool {
        self.0.load(Ordering::SeqCst) == 0
    }

    pub(super) fn spend(&self) -> Result<(), StepFault> {
        let left = self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| match left {
            u64::MAX => Some(u64::MAX),
            left => left.checked_sub(1),
        });
        left.map(drop).map_err(|_| StepFault::Killed)
    }
}
