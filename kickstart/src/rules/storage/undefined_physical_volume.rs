//! A volume group is made of a partition that no line makes.
//!
//! # Why
//!
//! The installer stops at the line: a physical volume is the mount point of a `part` or `raid` line before it.
//!
//! # Example
//!
//! ```kickstart
//! part pv.01 --size=4096
//! volgroup vg0 pv.01 pv.02
//! ```
//!
//! # Fix
//!
//! Name only physical volumes that the kickstart makes.
//!
//! ```kickstart
//! part pv.01 --size=4096
//! part pv.02 --size=4096
//! volgroup vg0 pv.01 pv.02
//! ```

use crate::lint::{Context, Findings};
use std::collections::HashSet;

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    if cx.model.is_partial {
        return;
    }
    let made: HashSet<&str> = cx.model.mounts().map(|(point, _)| point).collect();
    for group in cx.model.all("volgroup") {
        for (volume, word) in group.members() {
            if !made.contains(volume) && !volume.starts_with('-') {
                let message = format!("no line makes the physical volume `{volume}`");
                out.add(group.word_place(word), message, "add `part NAME --size=…` for it, or correct the name");
            }
        }
    }
}
