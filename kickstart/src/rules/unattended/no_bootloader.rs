//! No `bootloader` line.
//!
//! # Why
//!
//! The installer then chooses a disk for the boot loader by itself, and passes nothing to the kernel: on a machine without a screen that is a
//! console that stays dark.
//!
//! # Example
//!
//! ```kickstart
//! autopart
//! ```
//!
//! # Fix
//!
//! Say where it goes and what the kernel is given.
//!
//! ```kickstart
//! autopart
//! bootloader --append="console=ttyS0"
//! ```

use crate::lint::{Context, Findings, append_line};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    let model = cx.model;
    if !model.is_partial && !model.uses(&["bootloader", "rescue", "zipl"]) {
        out.add(
            model.end,
            "there is no `bootloader` line",
            "add `bootloader`, with `--append=\"console=ttyS0\"` for a serial console",
        );
        out.fix(append_line(cx, "bootloader"));
    }
}
