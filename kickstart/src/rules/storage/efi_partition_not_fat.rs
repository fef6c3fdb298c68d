//! `/boot/efi` is nothing that firmware can read.
//!
//! # Why
//!
//! UEFI firmware reads FAT from a partition. A `part /boot/efi` line always gets it, whatever `--fstype` says; a logical volume is
//! refused, and a RAID device must have `--fstype=efi`.
//!
//! # Example
//!
//! ```kickstart
//! part raid.01 --size=600
//! part raid.02 --size=600
//! raid /boot/efi --level=1 --device=efi --fstype=xfs raid.01 raid.02
//! part / --size=8192
//! ```
//!
//! # Fix
//!
//! Write `part /boot/efi`, or `--fstype=efi` for a mirror.
//!
//! ```kickstart
//! part raid.01 --size=600
//! part raid.02 --size=600
//! raid /boot/efi --level=1 --device=efi --fstype=efi raid.01 raid.02
//! part / --size=8192
//! ```

use crate::lint::{Context, Findings};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    for (_, command) in cx.model.mounts().filter(|(point, command)| *point == "/boot/efi" && !command.keeps_content()) {
        let is_fat = matches!(command.text("fstype"), "efi" | "vfat" | "macefi" | "EFI System Partition");
        match command.object {
            "logvol" | "btrfs" => {
                out.add(
                    command.place_of("mntpoint"),
                    "firmware reads `/boot/efi` only from a partition",
                    "write `part /boot/efi --size=600`",
                );
            }
            "raid" if !matches!(command.text("fstype"), "efi" | "EFI System Partition") => {
                out.add(command.place_of("fstype"), "firmware reads `/boot/efi` only as FAT", "write `--fstype=efi`");
            }
            "part" if command.has("fstype") && !is_fat => {
                let message = "the installer makes `/boot/efi` FAT, whatever is said here";
                out.add_warning(command.place_of("fstype"), message, "write `--fstype=efi`");
            }
            _ => {}
        }
    }
}
