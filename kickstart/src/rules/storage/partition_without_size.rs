//! A partition has no size.
//!
//! # Why
//!
//! Without `--size`, `--recommended`, `--hibernation`, `--grow` or an existing partition the installer makes it 500 MiB large, whatever
//! it is for.
//!
//! # Example
//!
//! ```kickstart
//! part / --fstype=xfs
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
        let has_size = ["size", "grow", "recommended", "hibernation", "onPart"].iter().any(|dest| part.has(dest));
        if !has_size && !part.keeps_content() && part.text("fstype") != "tmpfs" {
            let help = "add `--size=MIB`; with `--grow` it is the least size";
            out.add(part.place, format!("`{}` has no size and gets 500 MiB", part.text("mntpoint")), help);
        }
    }
}
