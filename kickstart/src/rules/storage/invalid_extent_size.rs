//! A volume group has an extent size that LVM does not have.
//!
//! # Why
//!
//! `--pesize` is in KiB and must be a power of two up to 16 GiB. The installer stops at the line with the list of sizes.
//!
//! # Example
//!
//! ```kickstart
//! part pv.01 --size=9000
//! volgroup vg0 pv.01 --pesize=5000
//! logvol / --vgname=vg0 --name=root --size=8000
//! part /boot --size=1024
//! ```
//!
//! # Fix
//!
//! Leave the option out: 4 MiB is what LVM takes.
//!
//! ```kickstart
//! part pv.01 --size=9000
//! volgroup vg0 pv.01 --pesize=4096
//! logvol / --vgname=vg0 --name=root --size=8000
//! part /boot --size=1024
//! ```

use crate::lint::{Context, Findings};

/// The largest extent in KiB, as LVM has it.
const LARGEST_KIB: i64 = 16 << 20;

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    for group in cx.model.all("volgroup") {
        // 0 asks for what LVM takes by itself.
        let Some(size) = group.number("pesize").filter(|size| *size != 0) else { continue };
        if !(1..=LARGEST_KIB).contains(&size) || size & (size - 1) != 0 {
            let help = "give KiB as a power of two such as 4096, or leave `--pesize` out";
            out.add(group.place_of("pesize"), format!("LVM has no extents of {size} KiB"), help);
        }
    }
}
