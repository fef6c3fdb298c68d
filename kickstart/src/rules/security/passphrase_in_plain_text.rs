//! The passphrase of an encrypted disk is in the kickstart.
//!
//! # Why
//!
//! The kickstart is kept on the machine; on an unencrypted `/root` it lies beside the lock. Change the passphrase after
//! the installation.
//!
//! # Example
//!
//! ```kickstart
//! part / --size=8192 --encrypted --passphrase=correct-horse
//! ```
//!
//! # Fix
//!
//! Take a temporary one and replace it in `%post`, for instance by binding to a TPM or Tang server.
//!
//! ```kickstart
//! part / --size=8192 --encrypted --passphrase=temporary
//! %post --erroronfail
//! set -e
//! clevis luks bind -f -k- -d /dev/vda2 tpm2 '{}' <<< temporary
//! cryptsetup luksRemoveKey /dev/vda2 <<< temporary
//! %end
//! ```

use crate::lint::{Context, Findings};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    let replaces = ["luksRemoveKey", "luksChangeKey", "luksKillSlot", "clevis"];
    if cx.model.scripts.iter().any(|script| replaces.iter().any(|word| script.body.contains(word))) {
        return;
    }
    for command in cx.model.commands.iter().filter(|command| !command.text("passphrase").is_empty()) {
        out.add(command.place_of("passphrase"), "the passphrase stays in the kickstart", "replace it in `%post`");
    }
}
