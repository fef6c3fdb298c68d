//! `--fstype` names a file system that the installer does not have.
//!
//! # Why
//!
//! The installer stops with "file system type is not supported".
//!
//! # Example
//!
//! ```kickstart
//! part / --fstype=foofs --size=8192
//! ```
//!
//! # Fix
//!
//! Name one it has: `xfs`, `ext4`, `swap`, `efi`, `vfat`, …
//!
//! ```kickstart
//! part / --fstype=xfs --size=8192
//! ```

use crate::lint::{Context, Findings};

/// Names of formats the installer makes or keeps.
const KNOWN: &[&str] = &[
    "ext2",
    "ext3",
    "ext4",
    "xfs",
    "btrfs",
    "swap",
    "vfat",
    "efi",
    "macefi",
    "biosboot",
    "prepboot",
    "appleboot",
    "hfs",
    "hfs+",
    "f2fs",
    "gfs2",
    "jfs",
    "reiserfs",
    "ntfs",
    "ntfs-3g",
    "iso9660",
    "tmpfs",
    "lvmpv",
    "mdmember",
    "luks",
    "nfs",
    "nfs4",
    "ext4dev",
    "stratis",
    "xfs_external_log",
    "stratis xfs",
    "none",
    "EFI System Partition",
    "PPC PReP Boot",
    "Apple Bootstrap",
    "BIOS Boot",
    "software RAID",
    "physical volume (LVM)",
    "nodev",
    "udf",
    "bcachefs",
    "erofs",
    "exfat",
];

/// What a partition without a mount point of its own is called, or starts with.
const SPECIAL: &[&str] = &["biosboot", "prepboot", "appleboot", "raid.", "pv.", "btrfs.", "stratis."];

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    for command in cx.model.commands.iter().filter(|command| matches!(command.object, "part" | "logvol" | "raid" | "autopart")) {
        let name = command.text("fstype");
        // The purpose of such a partition decides, and its `--fstype` is not looked at.
        let point = command.text("mntpoint");
        let is_told = point == "swap"
            || point == "/boot/efi" && command.object == "part"
            || SPECIAL.iter().any(|kind| point.starts_with(kind));
        if !is_told && !name.is_empty() && !KNOWN.contains(&name) {
            let shown: String = name.chars().take(20).collect();
            let message = format!("the installer has no file system `{shown}`");
            out.add(command.place_of("fstype"), message, "use xfs, ext4, swap, efi, vfat or another that the release has");
        }
    }
}
