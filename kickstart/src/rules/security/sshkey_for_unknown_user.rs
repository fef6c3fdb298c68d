//! An SSH key is for a user that no line makes.
//!
//! # Why
//!
//! The installer writes the key nowhere, without an error.
//!
//! # Example
//!
//! ```kickstart
//! sshkey --username=ops "ssh-ed25519 AAAA ops"
//! ```
//!
//! # Fix
//!
//! Add the `user` line, or correct the name.
//!
//! ```kickstart
//! user --name=ops
//! sshkey --username=ops "ssh-ed25519 AAAA ops"
//! ```

use crate::lint::{Context, Findings};
use std::collections::HashSet;

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    if cx.model.is_partial {
        return;
    }
    let made: HashSet<&str> = cx.model.all("user").map(|user| user.text("name")).collect();
    for key in cx.model.all("sshkey").filter(|key| key.text("username") != "root" && !made.contains(key.text("username"))) {
        let message = format!("no line makes the user `{}`", key.text("username"));
        out.add(key.place_of("username"), message, "add `user --name=…`, or correct the name");
    }
}
