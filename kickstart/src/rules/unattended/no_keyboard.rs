//! No `keyboard` line.
//!
//! # Why
//!
//! The console gets the US layout.
//!
//! # Example
//!
//! ```kickstart
//! lang de_DE.UTF-8
//! timezone Europe/Berlin
//! ```
//!
//! # Fix
//!
//! Say which keyboard is wanted.
//!
//! ```kickstart
//! lang de_DE.UTF-8
//! keyboard --vckeymap=de
//! timezone Europe/Berlin
//! ```

use crate::lint::{Context, Findings, append_line};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    if !cx.model.is_partial && !cx.model.uses(&["keyboard"]) {
        out.add(cx.model.end, "no `keyboard` line", "add `keyboard --vckeymap=us`");
        out.fix(append_line(cx, "keyboard --vckeymap=us"));
    }
}
