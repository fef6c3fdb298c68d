//! An SSH key is not of a form that sshd reads.
//!
//! # Why
//!
//! The key is written as it is, and sshd ignores it: a key without quotes loses all but its first word.
//!
//! # Example
//!
//! ```kickstart
//! user --name=ops
//! sshkey --username=ops "AAAAC3NzaC1lZDI1NTE5"
//! ```
//!
//! # Fix
//!
//! Give the whole line of the `.pub` file, in quotes.
//!
//! ```kickstart
//! user --name=ops
//! sshkey --username=ops "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 ops"
//! ```

use crate::lint::{Context, Findings};

/// What a line of `authorized_keys` starts with.
const KINDS: &[&str] = &["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-", "cert-authority", "command=", "from=", "no-", "restrict"];

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    for key in cx.model.all("sshkey") {
        let text = key.text("sshkey").trim();
        let is_whole = KINDS.iter().any(|kind| text.starts_with(kind)) && text.contains(' ');
        if !is_whole {
            out.add(key.place_of("sshkey"), "this is no whole SSH key", "give the line of the `.pub` file, in quotes");
        }
    }
}
