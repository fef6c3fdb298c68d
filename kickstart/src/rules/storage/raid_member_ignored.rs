//! Members of a `raid` line before and after its options: those after are ignored.
//!
//! # Why
//!
//! The line is read without an error, but only the members that follow the mount point directly are used; the array
//! gets fewer disks than it seems.
//!
//! # Example
//!
//! ```kickstart
//! raid / raid.01 --level=1 --device=md0 raid.02
//! ```
//!
//! # Fix
//!
//! Write all members in one place.
//!
//! ```kickstart
//! raid / --level=1 --device=md0 raid.01 raid.02
//! ```

use crate::lint::{Context, Findings};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    for raid in cx.model.all("raid").filter(|raid| raid.has("partitions")) {
        if let Some(word) = raid.matched.extras.first() {
            let help = "write all members together, after the options";
            out.add(raid.word_place(*word), "the installer ignores the members from here on", help);
        }
    }
}
