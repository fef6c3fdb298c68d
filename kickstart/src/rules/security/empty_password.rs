//! A password is empty.
//!
//! # Why
//!
//! Anybody logs in. The installer takes an empty password for a user without a word.
//!
//! # Example
//!
//! ```kickstart
//! user --name=ops --password=""
//! ```
//!
//! # Fix
//!
//! Give a hash, or `--lock`.
//!
//! ```kickstart
//! user --name=ops --lock
//! ```

use crate::lint::{Context, Findings};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    for command in cx.model.commands.iter().filter(|command| matches!(command.object, "user" | "sshpw")) {
        if command.matched.all("password").any(|taken| taken.value == Some("")) {
            out.add(command.place_of("password"), "the password is empty", "give a hash with `--iscrypted`, or `--lock`");
        }
    }
}
