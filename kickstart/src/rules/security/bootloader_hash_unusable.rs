//! The hash of the boot loader's password is of a kind that GRUB does not know.
//!
//! # Why
//!
//! The installer stops with "GRUB2 encrypted password must be in grub.pbkdf2 format"; hashes for `rootpw` and those of
//! `--md5pass` are none.
//!
//! # Example
//!
//! ```kickstart
//! bootloader --iscrypted --password=$6$salt$hash
//! ```
//!
//! # Fix
//!
//! Give what `grub2-mkpasswd-pbkdf2` prints.
//!
//! ```kickstart
//! bootloader --iscrypted --password=grub.pbkdf2.sha512.10000.AA.BB
//! ```

use crate::lint::{Context, Findings};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    for command in cx.model.all("bootloader").filter(|command| command.is_grub()) {
        let given = ["password", "_md5pass"].into_iter().find(|dest| !command.text(dest).is_empty());
        let Some(dest) = given else { continue };
        let is_hash = dest == "_md5pass" || command.has("isCrypted");
        if is_hash && !command.text(dest).starts_with("grub.pbkdf2.") {
            out.add(command.place_of(dest), "GRUB does not take this hash", "give the one that `grub2-mkpasswd-pbkdf2` prints");
        }
    }
}
