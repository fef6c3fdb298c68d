//! Something is to be encrypted, and there is no passphrase.
//!
//! # Why
//!
//! In text mode the installer asks for one; in cmdline mode it ends with "no encryption key specified".
//!
//! # Example
//!
//! ```kickstart
//! part / --size=8192 --encrypted
//! ```
//!
//! # Fix
//!
//! Give `--passphrase`, once for all lines or for each.
//!
//! ```kickstart
//! part / --size=8192 --encrypted --passphrase=correct-horse-battery
//! ```

use crate::lint::{Context, Findings};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    let encrypting = || cx.model.commands.iter().filter(|command| command.has("encrypted"));
    // A passphrase on one line serves the lines that have none.
    if encrypting().any(|command| !command.text("passphrase").is_empty()) {
        return;
    }
    for command in encrypting() {
        out.add(command.place_of("encrypted"), "no passphrase to encrypt with", "add `--passphrase=…`");
    }
}
