//! A line uses a disk that `ignoredisk` hides.
//!
//! # Why
//!
//! The installer does not see the disk and stops at the line that names it.
//!
//! # Example
//!
//! ```kickstart
//! ignoredisk --only-use=vda
//! part / --size=8192 --ondisk=vdb
//! ```
//!
//! # Fix
//!
//! Name a disk that is not hidden, or do not hide it.
//!
//! ```kickstart
//! ignoredisk --only-use=vda
//! part / --size=8192 --ondisk=vda
//! ```

use crate::lint::{Context, Findings};
use std::collections::HashSet;

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    let plain = |disk: &'_ str| !disk.contains(['*', '?', '[', '|', '/', '=']);
    let hidden: HashSet<&str> = cx.model.all("ignoredisk").flat_map(|command| command.list("ignoredisk")).collect();
    let shown: HashSet<&str> = cx.model.all("ignoredisk").flat_map(|command| command.list("onlyuse")).collect();
    if !hidden.iter().chain(&shown).all(|disk| plain(disk)) {
        return;
    }
    for (object, dest) in [("part", "disk"), ("clearpart", "drives"), ("bootloader", "bootDrive")] {
        for command in cx.model.all(object) {
            for disk in command.list(dest).filter(|disk| plain(disk)) {
                if hidden.contains(disk) || !(shown.is_empty() || shown.contains(disk)) {
                    let message = format!("`ignoredisk` hides the disk `{disk}`");
                    out.add(command.place_of(dest), message, "name another disk, or let `ignoredisk` show this one");
                }
            }
        }
    }
}
