//! `clearpart --disklabel` names a kind of partition table that does not exist.
//!
//! # Why
//!
//! The installer stops: "Disklabel given in clearpart command is not supported on this platform".
//!
//! # Example
//!
//! ```kickstart
//! clearpart --all --initlabel --disklabel=gtp
//! ```
//!
//! # Fix
//!
//! Write `gpt` or `msdos`.
//!
//! ```kickstart
//! clearpart --all --initlabel --disklabel=gpt
//! ```

use crate::lint::{Context, Findings};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    for command in cx.model.all("clearpart").filter(|command| command.has("disklabel")) {
        if !matches!(command.text("disklabel"), "gpt" | "msdos" | "mac" | "dasd" | "sun") {
            out.add(command.place_of("disklabel"), "there is no such kind of partition table", "write `gpt` or `msdos`");
        }
    }
}
