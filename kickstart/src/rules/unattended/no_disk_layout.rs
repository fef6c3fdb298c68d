//! No line says how to lay out the disks.
//!
//! # Why
//!
//! "Installation Destination" stays incomplete: in text mode the installer waits for ever, in cmdline mode it ends.
//!
//! # Example
//!
//! ```kickstart
//! text
//! clearpart --all --initlabel
//! ```
//!
//! # Fix
//!
//! Add `autopart`, or `part` lines.
//!
//! ```kickstart
//! text
//! clearpart --all --initlabel
//! autopart
//! ```

use crate::lint::{Context, Findings};

/// Commands that make or name the file systems to install to.
const LAYOUTS: &[&str] = &["autopart", "part", "logvol", "raid", "btrfs", "mount", "volgroup", "reqpart"];

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    if !cx.model.is_partial && !cx.model.is_fragment && !cx.model.uses(LAYOUTS) && !cx.model.uses(&["rescue"]) {
        out.add(cx.model.end, "nothing says how to lay out the disks", "add `autopart`, or `part` lines");
    }
}
