//! Something asks at the first boot or during the installation by request.
//!
//! # Why
//!
//! `firstboot --enable` shows a set-up dialog at the first boot, `vnc` and `rdp` wait for a viewer, `autostep` walks
//! through the screens.
//!
//! # Example
//!
//! ```kickstart
//! autopart
//! firstboot --enable
//! ```
//!
//! # Fix
//!
//! Switch it off.
//!
//! ```kickstart
//! autopart
//! firstboot --disable
//! ```

use crate::lint::{Context, Findings};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    for command in &cx.model.commands {
        let asks = match command.object {
            "firstboot" => command.matched.last("firstboot").is_some_and(|taken| !taken.row.names.contains(&"--disable")),
            "vnc" | "rdp" | "autostep" => true,
            _ => false,
        };
        if asks {
            out.add(command.place, format!("`{}` waits for a person", command.name), "remove the line, or disable it");
        }
    }
}
