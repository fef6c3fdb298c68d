//! A logical volume is in a volume group that no line makes.
//!
//! # Why
//!
//! The installer stops at the line unless the group is on the disks already. After `clearpart --all` nothing is, so
//! then this is an error, else a warning.
//!
//! # Example
//!
//! ```kickstart
//! clearpart --all --initlabel
//! part pv.01 --size=4096
//! volgroup vg0 pv.01
//! logvol / --vgname=vg1 --name=root --size=2048
//! ```
//!
//! # Fix
//!
//! Write the name that the `volgroup` line has.
//!
//! ```kickstart
//! clearpart --all --initlabel
//! part pv.01 --size=4096
//! volgroup vg0 pv.01
//! logvol / --vgname=vg0 --name=root --size=2048
//! ```

use crate::lint::{Context, Findings};
use std::collections::HashSet;

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    if cx.model.is_partial {
        return;
    }
    let made: HashSet<&str> = cx.model.all("volgroup").map(|group| group.first("name")).collect();
    for volume in cx.model.all("logvol").filter(|volume| !made.contains(volume.text("vgname"))) {
        let message = format!("no line makes the volume group `{}`", volume.text("vgname"));
        let help = "add a `volgroup` line for it, or correct the name";
        if cx.model.wipes_disks() {
            out.add(volume.place_of("vgname"), message, help);
        } else {
            out.add_warning(volume.place_of("vgname"), message, help);
        }
    }
}
