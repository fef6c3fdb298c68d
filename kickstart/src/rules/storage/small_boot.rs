//! `/boot` is too small for a second kernel.
//!
//! # Why
//!
//! Every kernel with its initramfs takes 100 MiB and more, three are kept, and the rescue image is one more: updates
//! fail when `/boot` is full.
//!
//! # Example
//!
//! ```kickstart
//! part /boot --size=200
//! part / --size=8192
//! ```
//!
//! # Fix
//!
//! Give it 1024 MiB.
//!
//! ```kickstart
//! part /boot --size=1024
//! part / --size=8192
//! ```

use crate::lint::{Context, Findings};

/// Below this many MiB the third kernel does not fit.
const LEAST: i64 = 512;

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    for part in cx.model.all("part").filter(|part| part.text("mntpoint") == "/boot" && !part.has("grow")) {
        if part.number("size").is_some_and(|size| size > 0 && size < LEAST) {
            out.add(part.place_of("size"), "`/boot` is too small to hold three kernels", "write `--size=1024`");
        }
    }
}
