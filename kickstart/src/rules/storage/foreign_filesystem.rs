//! A directory of the system is on a file system that Linux does not keep its rights on.
//!
//! # Why
//!
//! Owners, modes and security labels do not fit on FAT and the like. For `/`, `/usr`, `/var`, `/tmp` and `/home` the installer
//! stops with "must be on a linux file system".
//!
//! # Example
//!
//! ```kickstart
//! part / --fstype=xfs --size=8192
//! part /home --fstype=vfat --size=4096
//! ```
//!
//! # Fix
//!
//! Name a Linux file system.
//!
//! ```kickstart
//! part / --fstype=xfs --size=8192
//! part /home --fstype=xfs --size=4096
//! ```

use crate::lint::{Context, Findings};

/// What `must_be_on_linuxfs` of Anaconda's configuration has had since RHEL 7.
const LINUX: &[&str] = &["/", "/var", "/tmp", "/usr", "/home", "/usr/share", "/usr/lib"];
/// Formats that the installer can make or keep, and that are not Linux's own.
const FOREIGN: &[&str] =
    &["vfat", "efi", "EFI System Partition", "macefi", "hfs", "hfs+", "ntfs", "ntfs-3g", "exfat", "udf", "iso9660", "swap"];

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    for (point, command) in cx.model.mounts().filter(|(point, _)| LINUX.contains(point)) {
        let name = command.text("fstype");
        if FOREIGN.contains(&name) {
            let message = format!("`{point}` cannot be on `{name}`");
            out.add(command.place_of("fstype"), message, "use xfs, ext4 or another Linux file system");
        }
    }
}
