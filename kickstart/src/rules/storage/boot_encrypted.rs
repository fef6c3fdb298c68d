//! The boot loader would have to read an encrypted device.
//!
//! # Why
//!
//! The kernel is on `/boot`, or on `/` where there is no `/boot`. The installer refuses to have either encrypted: "cannot be on
//! an encrypted block device".
//!
//! # Example
//!
//! ```kickstart
//! part / --size=8192 --encrypted --passphrase=long-enough-words
//! ```
//!
//! # Fix
//!
//! Give `/boot` a partition of its own that is not encrypted.
//!
//! ```kickstart
//! part /boot --size=1024
//! part / --size=8192 --encrypted --passphrase=long-enough-words
//! ```

use crate::lint::{Context, Findings};
use crate::rules::storage::boot_on_lvm::{boots_by_grub, kernel_device};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    if let Some(device) = kernel_device(cx.model).filter(|device| device.has("encrypted"))
        && boots_by_grub(cx.model)
    {
        let message = format!("the boot loader cannot read an encrypted `{}`", device.text("mntpoint"));
        out.add(device.place_of("encrypted"), message, "add `part /boot --size=1024` without `--encrypted`");
    }
}
