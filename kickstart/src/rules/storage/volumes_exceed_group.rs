//! The logical volumes of a group need more than its physical volumes have.
//!
//! # Why
//!
//! The installer ends with "too large to fit in free space". Counted only where no physical volume grows.
//!
//! # Example
//!
//! ```kickstart
//! part pv.01 --size=4096
//! volgroup vg0 pv.01
//! logvol / --vgname=vg0 --name=root --size=3000
//! logvol /home --vgname=vg0 --name=home --size=2000
//! ```
//!
//! # Fix
//!
//! Let a physical volume grow, or ask for less.
//!
//! ```kickstart
//! part pv.01 --size=4096 --grow
//! volgroup vg0 pv.01
//! logvol / --vgname=vg0 --name=root --size=3000
//! logvol /home --vgname=vg0 --name=home --size=2000
//! ```

use crate::lint::{Context, Findings};
use crate::reading::Command;
use std::collections::HashMap;

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    if cx.model.is_partial {
        return;
    }
    let parts: HashMap<&str, &Command<'_>> = cx.model.all("part").map(|part| (part.text("mntpoint"), part)).collect();
    let mut free: HashMap<&str, i64> = HashMap::new();
    for group in cx.model.all("volgroup").filter(|group| !group.keeps_content()) {
        let sizes = group.members().into_iter().map(|(volume, _)| {
            let part = parts.get(volume).filter(|part| !part.has("grow") && !part.keeps_content())?;
            part.number("size")
        });
        if let Some(size) = sizes.sum::<Option<i64>>().filter(|size| *size > 0) {
            free.insert(group.first("name"), size);
        }
    }
    for volume in cx.model.all("logvol").filter(|volume| !volume.keeps_content() && !volume.has("thin_volume")) {
        let Some(left) = free.get_mut(volume.text("vgname")) else { continue };
        let fits = *left >= 0;
        *left = left.saturating_sub(volume.number("size").unwrap_or(0));
        if fits && *left < 0 {
            let message = format!("volume group `{}` is {} MiB too small", volume.text("vgname"), left.unsigned_abs());
            out.add(volume.place_of("size"), message, "let a physical volume `--grow`, or make the volumes smaller");
        }
    }
}
