//! The installer runs in a mode that asks.
//!
//! # Why
//!
//! Without `cmdline` or `text` it starts its graphical screens where it can; in both of those a question waits for an
//! answer. Only in cmdline mode does it end in place of asking.
//!
//! # Example
//!
//! ```kickstart
//! autopart
//! reboot
//! ```
//!
//! # Fix
//!
//! Write `cmdline`, or `text` where somebody may look at the console.
//!
//! ```kickstart
//! cmdline
//! autopart
//! reboot
//! ```

use crate::lint::{Context, Findings};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    let model = cx.model;
    let modes = || model.commands.iter().filter(|command| command.object == "cmdline");
    if model.is_partial {
        return;
    }
    if modes().next().is_none() {
        out.add(model.end, "no display mode is chosen, so questions may wait on a screen", "add `cmdline`, or `text`");
    }
    for mode in modes().filter(|mode| mode.name == "graphical" && !mode.has("nonInteractive")) {
        out.add(mode.place, "in graphical mode a question waits for an answer", "write `cmdline`");
    }
}
