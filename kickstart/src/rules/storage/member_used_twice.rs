//! A partition is a member of two volume groups or RAID devices.
//!
//! # Why
//!
//! The second line takes what the first one has: the installer fails when it makes the devices.
//!
//! # Example
//!
//! ```kickstart
//! part pv.01 --size=4096
//! volgroup vg0 pv.01
//! volgroup vg1 pv.01
//! ```
//!
//! # Fix
//!
//! Make a partition for each.
//!
//! ```kickstart
//! part pv.01 --size=4096
//! part pv.02 --size=4096
//! volgroup vg0 pv.01
//! volgroup vg1 pv.02
//! ```

use crate::lint::{Context, Findings};
use std::collections::HashMap;

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    let mut used = HashMap::new();
    for device in cx.model.commands.iter().filter(|command| matches!(command.object, "volgroup" | "raid")) {
        for (member, word) in device.members() {
            if let Some(line) = used.insert(member, device.place.line) {
                let message = format!("`{member}` is used by line {line} already");
                out.add(device.word_place(word), message, "make a partition for each volume group and RAID device");
            }
        }
    }
}
