//! `--iscrypted`, but the text is no password hash.
//!
//! # Why
//!
//! The text is written to `/etc/shadow` as it is: nobody can log in with it.
//!
//! # Example
//!
//! ```kickstart
//! rootpw --iscrypted secret-word
//! ```
//!
//! # Fix
//!
//! Give a hash that starts with `$6$` or `$y$`, or drop `--iscrypted`.
//!
//! ```kickstart
//! rootpw --iscrypted $6$salt$hash
//! ```

use crate::lint::{Context, Findings};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    for command in cx.model.commands.iter().filter(|command| matches!(command.object, "rootpw" | "user")) {
        let is_crypted = command.matched.last("isCrypted").is_some_and(|taken| taken.row.names.contains(&"--iscrypted"));
        let hash = command.text("password");
        let is_locked = hash.starts_with(['!', '*']);
        if is_crypted && !hash.is_empty() && !is_locked && !hash.starts_with('$') {
            out.add(command.place_of("password"), "this is no password hash", "`openssl passwd -6` makes one");
        }
    }
}
