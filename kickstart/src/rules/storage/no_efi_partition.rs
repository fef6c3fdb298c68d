//! The machine starts with UEFI and no line makes `/boot/efi`.
//!
//! # Why
//!
//! The installer ends with "must be mounted on one of /boot/efi". Found only where the firmware is known (`--firmware
//! uefi`).
//!
//! # Example
//!
//! ```kickstart
//! # with: firmware=uefi
//! part /boot --size=1024
//! part / --size=8192
//! ```
//!
//! # Fix
//!
//! Add the partition, or `reqpart`, which adds what the machine needs.
//!
//! ```kickstart
//! # with: firmware=uefi
//! part /boot/efi --fstype=efi --size=600
//! part /boot --size=1024
//! part / --size=8192
//! ```

use crate::lint::Firmware;
use crate::lint::{Context, Findings};
use crate::reading::Command;

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    let model = cx.model;
    let is_known = cx.options.firmware == Some(Firmware::Uefi) && !model.is_partial && model.has_custom_layout();
    if !is_known || model.uses(&["autopart", "reqpart"]) || model.mounts().any(|(point, _)| point == "/boot/efi") {
        return;
    }
    let is_off = |command: &Command<'_>| command.has("disabled") || command.text("location") == "none";
    if model.all("bootloader").any(is_off) {
        return;
    }
    let place = model.mounts().next().map_or(model.end, |(_, command)| command.place);
    out.add(place, "no line makes the EFI system partition", "add `part /boot/efi --fstype=efi --size=600`, or `reqpart`");
}
