//! The firewall is switched off.
//!
//! # Why
//!
//! Every service that listens is open to everybody.
//!
//! # Example
//!
//! ```kickstart
//! firewall --disabled
//! ```
//!
//! # Fix
//!
//! Switch it on and open what is needed.
//!
//! ```kickstart
//! firewall --enabled --service=ssh
//! ```

use crate::lint::{Context, Findings};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    for command in cx.model.all("firewall") {
        if command.matched.last("enabled").is_some_and(|taken| taken.row.names.contains(&"--disabled")) {
            out.add(command.place_of("enabled"), "the firewall is switched off", "write `firewall --enabled --service=ssh`");
        }
    }
}
