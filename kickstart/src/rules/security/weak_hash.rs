//! A password hash of an old kind.
//!
//! # Why
//!
//! MD5 (`$1$`) hashes are broken by trying; the crypto policy of RHEL 9 and Fedora does not take them for new
//! passwords.
//!
//! # Example
//!
//! ```kickstart
//! rootpw --iscrypted $1$salt$hash
//! ```
//!
//! # Fix
//!
//! Make a new one: `openssl passwd -6`.
//!
//! ```kickstart
//! rootpw --iscrypted $6$salt$hash
//! ```

use crate::lint::{Context, Findings};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    for command in cx.model.commands.iter().filter(|command| matches!(command.object, "rootpw" | "user")) {
        if command.text("password").starts_with("$1$") {
            out.add(command.place_of("password"), "an MD5 hash is broken by trying", "`openssl passwd -6` makes a better one");
        }
    }
}
