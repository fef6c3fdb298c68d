//! `/boot` is a logical volume.
//!
//! # Why
//!
//! The boot loader does not read it there: the installer refuses a `/boot` of type LVM. On Fedora this is a warning.
//!
//! # Example
//!
//! ```kickstart
//! part pv.01 --size=9000
//! volgroup vg0 pv.01
//! logvol /boot --vgname=vg0 --name=boot --size=1024
//! ```
//!
//! # Fix
//!
//! Make `/boot` a partition.
//!
//! ```kickstart
//! part /boot --size=1024
//! part pv.01 --size=9000
//! volgroup vg0 pv.01
//! logvol / --vgname=vg0 --name=root --size=8000
//! ```

use crate::lint::{Context, Findings};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    for volume in cx.model.all("logvol").filter(|volume| volume.text("mntpoint") == "/boot") {
        let place = volume.place_of("mntpoint");
        let (message, help) = ("`/boot` cannot be a logical volume", "write `part /boot --size=1024`");
        if cx.release.is_rhel() {
            out.add(place, message, help);
        } else {
            out.add_warning(place, message, help);
        }
    }
}
