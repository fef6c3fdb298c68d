//! A RAID device is made of a partition that no line makes.
//!
//! # Why
//!
//! The installer stops at the line: a member is the mount point of a `part` line before it.
//!
//! # Example
//!
//! ```kickstart
//! part raid.01 --size=4096 --ondisk=vda
//! raid / --level=1 --device=md0 raid.01 raid.02
//! ```
//!
//! # Fix
//!
//! Name only partitions that the kickstart makes.
//!
//! ```kickstart
//! part raid.01 --size=4096 --ondisk=vda
//! part raid.02 --size=4096 --ondisk=vdb
//! raid / --level=1 --device=md0 raid.01 raid.02
//! ```

use crate::lint::{Context, Findings};
use std::collections::HashSet;

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    if cx.model.is_partial {
        return;
    }
    let made: HashSet<&str> = cx.model.mounts().map(|(point, _)| point).collect();
    for raid in cx.model.all("raid") {
        for (member, word) in raid.members().into_iter().filter(|(member, _)| !made.contains(member)) {
            let message = format!("no line makes the RAID member `{member}`");
            out.add(raid.word_place(word), message, "add `part NAME --size=…` for it, or correct the name");
        }
    }
}
