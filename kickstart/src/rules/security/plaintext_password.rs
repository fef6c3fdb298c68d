//! A password is in plain text.
//!
//! # Why
//!
//! The kickstart is served over the network and kept on the machine; whoever reads it has the password.
//!
//! # Example
//!
//! ```kickstart
//! rootpw --plaintext secret-word
//! ```
//!
//! # Fix
//!
//! Store a hash: `openssl passwd -6`.
//!
//! ```kickstart
//! rootpw --iscrypted $6$salt$hash
//! ```

use crate::lint::{Context, Findings};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    for command in cx.model.commands.iter().filter(|command| matches!(command.object, "rootpw" | "user" | "sshpw")) {
        let is_crypted = command.matched.last("isCrypted").is_some_and(|taken| taken.row.names.contains(&"--iscrypted"));
        let password = command.text("password");
        if !password.is_empty() && !is_crypted && !command.has("sshkey") {
            let help = "store a hash with `--iscrypted`; `openssl passwd -6` makes one";
            out.add(command.place_of("password"), "a password in plain text", help);
        }
    }
}
