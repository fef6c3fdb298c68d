//! The machine starts with a BIOS from a GPT disk that has no `biosboot` partition.
//!
//! # Why
//!
//! The boot loader has no room on such a disk: the installer refuses the layout. Found only where the firmware is known
//! (`--firmware bios`) and `clearpart --disklabel=gpt` asks for GPT.
//!
//! # Example
//!
//! ```kickstart
//! # with: firmware=bios
//! clearpart --all --initlabel --disklabel=gpt
//! part / --size=8192
//! ```
//!
//! # Fix
//!
//! Add `part biosboot --fstype=biosboot --size=1`, or `reqpart`.
//!
//! ```kickstart
//! # with: firmware=bios
//! clearpart --all --initlabel --disklabel=gpt
//! part biosboot --fstype=biosboot --size=1
//! part / --size=8192
//! ```

use crate::lint::Firmware;
use crate::lint::{Context, Findings};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    let model = cx.model;
    let is_known = cx.options.firmware == Some(Firmware::Bios) && !model.is_partial && model.has_custom_layout();
    let Some(label) = model.all("clearpart").find(|command| command.text("disklabel") == "gpt") else { return };
    let has_one = model.mounts().any(|(point, command)| point == "biosboot" || command.text("fstype") == "biosboot");
    if is_known && !has_one && !model.uses(&["autopart", "reqpart"]) {
        let help = "add `part biosboot --fstype=biosboot --size=1`, or `reqpart`";
        out.add(label.place_of("disklabel"), "no line makes the `biosboot` partition that GPT needs", help);
    }
}
