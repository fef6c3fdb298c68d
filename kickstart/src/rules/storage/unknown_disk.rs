//! A line names a disk that the machine does not have.
//!
//! # Why
//!
//! The installer stops: "Disk "sdz" given in part command does not exist". Found only where the disks are known.
//!
//! # Example
//!
//! ```kickstart
//! # with: disks=vda
//! part / --size=8192 --ondisk=sda
//! ```
//!
//! # Fix
//!
//! Name a disk the machine has.
//!
//! ```kickstart
//! # with: disks=vda
//! part / --size=8192 --ondisk=vda
//! ```

use crate::lint::{Context, Findings};

/// Options that name disks, by command.
const NAMING: &[(&str, &str)] = &[
    ("part", "disk"),
    ("clearpart", "drives"),
    ("ignoredisk", "ignoredisk"),
    ("ignoredisk", "onlyuse"),
    ("bootloader", "bootDrive"),
    ("bootloader", "driveorder"),
];

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    if cx.options.disks.is_empty() {
        return;
    }
    for (object, dest) in NAMING {
        for command in cx.model.all(object) {
            for disk in command.list(dest) {
                let name = disk.strip_prefix("/dev/").unwrap_or(disk);
                // Patterns and persistent names are for the installer to resolve.
                let is_plain = !name.contains(['*', '?', '[', '|', '/', '=']);
                if is_plain && !cx.options.disks.iter().any(|known| known == name) {
                    let message = format!("the machine has no disk `{name}`");
                    out.add(command.place_of(dest), message, &format!("it has {}", cx.options.disks.join(", ")));
                }
            }
        }
    }
}
