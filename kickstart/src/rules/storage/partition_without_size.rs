//! A partition has no size.
//!
//! # Why
//!
//! Without `--size`, `--recommended`, `--hibernation` or an existing partition the installer has nothing to go by and
//! fails when it allocates.
//!
//! # Example
//!
//! ```kickstart
//! part / --fstype=xfs --grow
//! ```
//!
//! # Fix
//!
//! Give a `--size`; with `--grow` it is the least.
//!
//! ```kickstart
//! part / --fstype=xfs --size=4096 --grow
//! ```

use crate::lint::{Context, Findings};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    for part in cx.model.all("part") {
        let has_size = part.has("size") || part.has("recommended") || part.has("hibernation") || part.has("onPart");
        if !has_size && !part.keeps_content() && part.text("fstype") != "tmpfs" {
            let help = "add `--size=MIB`; with `--grow` it is the least size";
            out.add(part.place, format!("`{}` has no size", part.text("mntpoint")), help);
        }
    }
}
