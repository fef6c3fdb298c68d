//! `/boot/efi` has a file system that firmware cannot read.
//!
//! # Why
//!
//! UEFI firmware reads FAT. The installer refuses any other type there.
//!
//! # Example
//!
//! ```kickstart
//! part /boot/efi --fstype=xfs --size=600
//! part / --size=8192
//! ```
//!
//! # Fix
//!
//! Write `--fstype=efi`.
//!
//! ```kickstart
//! part /boot/efi --fstype=efi --size=600
//! part / --size=8192
//! ```

use crate::lint::{Context, Findings};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    for (_, command) in cx.model.mounts().filter(|(point, command)| *point == "/boot/efi" && command.object == "part") {
        if !matches!(command.text("fstype"), "efi" | "vfat" | "macefi") && !command.keeps_content() {
            out.add(command.place_of("fstype"), "firmware reads `/boot/efi` only as FAT", "write `--fstype=efi`");
        }
    }
}
