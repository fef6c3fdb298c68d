//! A thin volume is in a pool that no line makes.
//!
//! # Why
//!
//! The installer stops at the line: a thin pool is a `logvol … --thinpool` line before it, in the same volume group.
//!
//! # Example
//!
//! ```kickstart
//! logvol none --vgname=vg0 --name=pool0 --thinpool --size=4096
//! logvol / --vgname=vg0 --name=root --thin --poolname=pool1 --size=2048
//! ```
//!
//! # Fix
//!
//! Write the name that the pool has.
//!
//! ```kickstart
//! logvol none --vgname=vg0 --name=pool0 --thinpool --size=4096
//! logvol / --vgname=vg0 --name=root --thin --poolname=pool0 --size=2048
//! ```

use crate::lint::{Context, Findings};
use std::collections::HashSet;

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    if cx.model.is_partial {
        return;
    }
    let pools = cx.model.all("logvol").filter(|volume| volume.has("thin_pool"));
    let pools: HashSet<(&str, &str)> = pools.map(|pool| (pool.text("vgname"), pool.text("name"))).collect();
    for volume in cx.model.all("logvol").filter(|volume| volume.has("thin_volume") && !volume.keeps_content()) {
        if !pools.contains(&(volume.text("vgname"), volume.text("pool_name"))) {
            let message = format!("no line makes the thin pool `{}`", volume.text("pool_name"));
            out.add(volume.place_of("pool_name"), message, "add `logvol none --thinpool --name=…` in this volume group");
        }
    }
}
