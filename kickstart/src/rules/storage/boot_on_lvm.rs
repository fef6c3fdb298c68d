//! The kernel is on a logical volume.
//!
//! # Why
//!
//! The boot loader does not read it there. The kernel is on `/boot`, or on `/` where there is no `/boot`; the installer refuses
//! either of type LVM.
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
use crate::reading::{Command, Model};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    if !boots_by_grub(cx.model) {
        return;
    }
    match kernel_device(cx.model).filter(|device| device.object == "logvol") {
        Some(device) if device.text("mntpoint") == "/boot" => {
            out.add(device.place_of("mntpoint"), "`/boot` cannot be a logical volume", "write `part /boot --size=1024`");
        }
        Some(device) => {
            let message = "the kernel would be on a logical volume: no line makes `/boot`";
            out.add(device.place_of("mntpoint"), message, "add `part /boot --size=1024`");
        }
        None => {}
    }
}

/// The line that makes what the kernel is put on, if the kickstart says so.
pub(super) fn kernel_device<'m, 'd>(model: &'m Model<'d>) -> Option<&'m Command<'d>> {
    let is_told = !model.is_partial && !model.all("reqpart").any(|command| command.has("addBoot"));
    let at = |wanted| model.mounts().find(|(point, _)| *point == wanted).map(|(_, command)| command);
    at("/boot").or_else(|| at("/").filter(|_| is_told))
}

/// Whether GRUB is installed, as it is where nothing else is asked for.
pub(super) fn boots_by_grub(model: &Model<'_>) -> bool {
    !model.uses(&["zipl", "bootc"]) && model.all("bootloader").all(Command::is_grub)
}
