//! Nothing is mounted at `/`.
//!
//! # Why
//!
//! The installer refuses a layout without a root file system, after it has started and asked for nothing else.
//!
//! # Example
//!
//! ```kickstart
//! part /boot --size=1024
//! part /home --size=4096
//! ```
//!
//! # Fix
//!
//! Give one partition or volume the mount point `/`.
//!
//! ```kickstart
//! part /boot --size=1024
//! part / --size=8192
//! ```

use crate::lint::{Context, Findings};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    let model = cx.model;
    if model.is_partial || !model.has_custom_layout() || model.uses(&["autopart"]) {
        return;
    }
    if !model.mounts().any(|(point, _)| point == "/") {
        let place = model.mounts().last().map_or(model.end, |(_, command)| command.place);
        out.add(place, "no file system is mounted at `/`", "add a `part`, `logvol` or `mount` line for `/`");
    }
}
