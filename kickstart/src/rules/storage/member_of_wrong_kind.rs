//! A RAID device or a volume group is made of a partition that was made for something else.
//!
//! # Why
//!
//! A partition is for RAID if its name starts with `raid.`, and for LVM if it starts with `pv.`. The installer stops with "has a
//! format of … but should have a format of …".
//!
//! # Example
//!
//! ```kickstart
//! part pv.01 --size=4096
//! part pv.02 --size=4096
//! raid / --level=1 --device=md0 pv.01 pv.02
//! ```
//!
//! # Fix
//!
//! Name the partition after its purpose.
//!
//! ```kickstart
//! part raid.01 --size=4096
//! part raid.02 --size=4096
//! raid / --level=1 --device=md0 raid.01 raid.02
//! ```

use std::collections::HashSet;

use crate::lint::{Context, Findings};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    let made: HashSet<&str> = cx.model.mounts().map(|(point, _)| point).collect();
    for (object, wanted, other) in [("raid", "raid.", "pv."), ("volgroup", "pv.", "raid.")] {
        for command in cx.model.all(object) {
            for (member, word) in command.members() {
                if member.starts_with(other) && made.contains(member) {
                    let message = format!("`{member}` is not made for `{object}`");
                    let help =
                        if wanted == "pv." { "name it `pv.…` where it is made" } else { "name it `raid.…` where it is made" };
                    out.add(command.word_place(word), message, help);
                }
            }
        }
    }
}
