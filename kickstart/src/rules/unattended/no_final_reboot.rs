//! No `reboot`, `poweroff` or `shutdown`.
//!
//! # Why
//!
//! When it has finished, the installer waits for the ENTER key, in cmdline mode too.
//!
//! # Example
//!
//! ```kickstart
//! cmdline
//! autopart
//! ```
//!
//! # Fix
//!
//! Say what comes after the installation.
//!
//! ```kickstart
//! cmdline
//! autopart
//! reboot
//! ```

use crate::lint::{Context, Findings, append_line};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    // All five are one command with several names; `halt` waits too and has a rule of its own.
    let ends = cx.model.commands.iter().any(|command| command.object == "halt");
    if !cx.model.is_partial && !ends {
        out.add(cx.model.end, "the installer waits for ENTER when it has finished", "add `reboot` or `poweroff`");
        out.fix(append_line(cx, "reboot"));
    }
}
