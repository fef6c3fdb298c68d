//! `halt` leaves the machine waiting.
//!
//! # Why
//!
//! With `halt` the installer waits for the ENTER key when it has finished.
//!
//! # Example
//!
//! ```kickstart
//! cmdline
//! autopart
//! halt
//! ```
//!
//! # Fix
//!
//! Use `poweroff` or `reboot`.
//!
//! ```kickstart
//! cmdline
//! autopart
//! poweroff
//! ```

use crate::diagnostic::{Applicability, Fix};
use crate::lint::{Context, Findings};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    for command in cx.model.all("halt").filter(|command| command.name == "halt") {
        out.add(command.place, "the installer waits for ENTER after `halt`", "use `poweroff` or `reboot`");
        out.fix(Fix::replace(command.place.span, "poweroff", Applicability::Unsafe));
    }
}
