//! A logical volume has no size.
//!
//! # Why
//!
//! `--recommended` and `--hibernation` are for swap only. The installer stops with "Size cannot be decided on from kickstart nor
//! obtained from device".
//!
//! # Example
//!
//! ```kickstart
//! part pv.01 --size=9000
//! volgroup vg0 pv.01
//! logvol /srv --vgname=vg0 --name=srv --recommended
//! ```
//!
//! # Fix
//!
//! Give a `--size` or a `--percent`.
//!
//! ```kickstart
//! part pv.01 --size=9000
//! volgroup vg0 pv.01
//! logvol /srv --vgname=vg0 --name=srv --size=1024
//! ```

use crate::lint::{Context, Findings};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    for volume in cx.model.all("logvol").filter(|volume| !volume.keeps_content()) {
        let is_given = |dest| volume.number(dest).is_some_and(|number| number > 0);
        let is_swap = volume.text("mntpoint") == "swap" && (volume.has("recommended") || volume.has("hibernation"));
        if !is_given("size") && !is_given("percent") && !is_swap {
            let message = format!("`{}` has no size", volume.text("name"));
            out.add(volume.place, message, "add `--size=MIB` or `--percent=N`; with `--grow` the size is the least");
        }
    }
}
