//! A logical volume or RAID device has a mount point that is none.
//!
//! # Why
//!
//! A mount point starts with `/`, or is `swap`. The installer stops with "The mount point is not valid. It must start with a /".
//!
//! # Example
//!
//! ```kickstart
//! part pv.01 --size=9000
//! volgroup vg0 pv.01
//! logvol srv --vgname=vg0 --name=srv --size=1024
//! ```
//!
//! # Fix
//!
//! Start it with `/`; a thin pool is `none`.
//!
//! ```kickstart
//! part pv.01 --size=9000
//! volgroup vg0 pv.01
//! logvol /srv --vgname=vg0 --name=srv --size=1024
//! ```

use crate::lint::{Context, Findings};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    for (point, command) in cx.model.mounts() {
        let is_special = match command.object {
            "logvol" => point == "swap" || command.has("thin_pool"),
            "raid" => point == "swap" || ["pv.", "btrfs."].iter().any(|kind| point.starts_with(kind)),
            // A partition of any other name is made and mounted nowhere; `mount` is checked as ksvalidator does it.
            _ => true,
        };
        if !is_special && !point.starts_with('/') && !point.is_empty() {
            let message = format!("`{}` is no mount point", point.escape_debug());
            out.add(command.place_of("mntpoint"), message, "start it with `/`");
        }
    }
}
