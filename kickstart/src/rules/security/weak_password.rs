//! A plain password is very short.
//!
//! # Why
//!
//! One of a few letters is guessed within minutes of the first boot. The installer takes it.
//!
//! # Example
//!
//! ```kickstart
//! rootpw --plaintext abc
//! ```
//!
//! # Fix
//!
//! Take a long one, and store its hash.
//!
//! ```kickstart
//! rootpw --plaintext correct-horse-battery-staple
//! ```

use crate::lint::{Context, Findings};

/// Shorter than this, and it is guessed.
const LEAST: usize = 8;

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    for command in cx.model.commands.iter().filter(|command| matches!(command.object, "rootpw" | "user")) {
        let is_crypted = command.matched.last("isCrypted").is_some_and(|taken| taken.row.names.contains(&"--iscrypted"));
        let length = command.text("password").chars().count();
        if !is_crypted && (1..LEAST).contains(&length) {
            out.add(command.place_of("password"), "the password is shorter than 8 characters", "take a longer one");
        }
    }
}
