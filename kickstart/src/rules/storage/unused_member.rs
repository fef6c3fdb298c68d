//! A physical volume or RAID member is made and used by nothing.
//!
//! # Why
//!
//! Its space is lost: `pv.…` and `raid.…` partitions hold no file system.
//!
//! # Example
//!
//! ```kickstart
//! part pv.01 --size=4096
//! part / --size=8192
//! ```
//!
//! # Fix
//!
//! Use it in a `volgroup` or `raid` line, or drop it.
//!
//! ```kickstart
//! part pv.01 --size=4096
//! volgroup vg0 pv.01
//! logvol / --vgname=vg0 --name=root --size=2048
//! ```

use crate::lint::{Context, Findings};
use crate::reading::Command;
use std::collections::HashSet;

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    if cx.model.is_partial {
        return;
    }
    let devices = cx.model.commands.iter().filter(|command| matches!(command.object, "volgroup" | "raid"));
    let caches = cx.model.all("logvol").flat_map(|volume| volume.list("cache_pvs"));
    let used: HashSet<&str> = devices.flat_map(Command::members).map(|(member, _)| member).chain(caches).collect();
    for (point, command) in cx.model.mounts() {
        let is_member = point.starts_with("pv.") || point.starts_with("raid.");
        if is_member && !used.contains(point) {
            let message = format!("nothing uses `{point}`");
            out.add(command.place_of("mntpoint"), message, "name it in a `volgroup` or `raid` line, or remove this line");
        }
    }
}
