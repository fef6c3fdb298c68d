//! The boot loader has a password in plain text.
//!
//! # Why
//!
//! It is kept readable in the kickstart; the hash of the boot loader is as easy to give.
//!
//! # Example
//!
//! ```kickstart
//! bootloader --password=secret-word
//! ```
//!
//! # Fix
//!
//! Give the hash that `grub2-mkpasswd-pbkdf2` prints.
//!
//! ```kickstart
//! bootloader --iscrypted --password=grub.pbkdf2.sha512.10000.AA.BB
//! ```

use crate::lint::{Context, Findings};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    for command in cx.model.all("bootloader") {
        let password = command.text("password");
        if !password.is_empty() && !password.starts_with("grub.pbkdf2.") && !command.has("isCrypted") {
            let help = "`grub2-mkpasswd-pbkdf2` prints a hash; give it with `--iscrypted`";
            out.add(command.place_of("password"), "a password in plain text", help);
        }
    }
}
