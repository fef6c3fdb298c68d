//! No `lang` line.
//!
//! # Why
//!
//! The installer takes US English without a word.
//!
//! # Example
//!
//! ```kickstart
//! keyboard us
//! timezone UTC
//! ```
//!
//! # Fix
//!
//! Say which language is wanted.
//!
//! ```kickstart
//! lang en_US.UTF-8
//! keyboard us
//! timezone UTC
//! ```

use crate::lint::{Context, Findings, append_line};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    if !cx.model.is_partial && !cx.model.uses(&["lang"]) {
        out.add(cx.model.end, "no `lang` line", "add `lang en_US.UTF-8`");
        out.fix(append_line(cx, "lang en_US.UTF-8"));
    }
}
