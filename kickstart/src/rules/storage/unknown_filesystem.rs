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
    "nodev",
    "udf",
    "bcachefs",
    "erofs",
    "exfat",
];

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    for command in cx.model.commands.iter().filter(|command| matches!(command.object, "part" | "logvol" | "raid" | "autopart")) {
        let name = command.text("fstype");
        if !name.is_empty() && !KNOWN.contains(&name) {
            let shown: String = name.chars().take(20).collect();
            let message = format!("the installer has no file system `{shown}`");
            out.add(command.place_of("fstype"), message, "use xfs, ext4, swap, efi, vfat or another that the release has");
        }
    }
}
