//! No `timezone` line.
//!
//! # Why
//!
//! "Time settings" must be complete; what the installer guesses depends on its network.
//!
//! # Example
//!
//! ```kickstart
//! lang en_US.UTF-8
//! keyboard us
//! ```
//!
//! # Fix
//!
//! Say which time zone is wanted.
//!
//! ```kickstart
//! lang en_US.UTF-8
//! keyboard us
//! timezone UTC --utc
//! ```

use crate::lint::{Context, Findings, append_line};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    if !cx.model.is_partial && !cx.model.uses(&["timezone"]) {
        out.add(cx.model.end, "no `timezone` line", "add `timezone UTC --utc`");
        out.fix(append_line(cx, "timezone UTC --utc"));
    }
}
