//! A RAID device has fewer members than its level needs.
//!
//! # Why
//!
//! A mirror needs two disks, RAID 5 three, RAID 6 and RAID 10 four; spares do not count. The installer refuses fewer.
//!
//! # Example
//!
//! ```kickstart
//! part raid.01 --size=4096
//! raid / --level=1 --device=md0 raid.01
//! ```
//!
//! # Fix
//!
//! Add members, or take a level that works with fewer.
//!
//! ```kickstart
//! part raid.01 --size=4096
//! part raid.02 --size=4096
//! raid / --level=1 --device=md0 raid.01 raid.02
//! ```

use crate::lint::{Context, Findings};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    for raid in cx.model.all("raid").filter(|raid| !raid.keeps_content()) {
        let level = raid.text("level").to_ascii_lowercase();
        let least = match level.strip_prefix("raid").unwrap_or(&level) {
            "0" | "1" => 2,
            "4" | "5" => 3,
            "6" | "10" => 4,
            _ => continue,
        };
        let spares = usize::try_from(raid.number("spares").unwrap_or(0)).unwrap_or(0);
        let members = raid.members().len().saturating_sub(spares);
        // Linux makes a RAID 10 of two disks, but the installer asks for four.
        if members < least && members > 0 {
            let message = format!("RAID level {level} needs {least} members besides spares and has {members}");
            out.add(raid.place_of("level"), message, "add partitions, or choose another level");
        }
    }
}
