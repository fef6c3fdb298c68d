//! The kernel is excluded.
//!
//! # Why
//!
//! The machine is installed without a kernel and does not start.
//!
//! # Example
//!
//! ```kickstart
//! %packages
//! @core
//! -kernel
//! %end
//! ```
//!
//! # Fix
//!
//! Drop the line, unless this is a container image.
//!
//! ```kickstart
//! %packages
//! @core
//! %end
//! ```

use crate::lint::{Context, Findings};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    // Another kernel takes the place: with pages of 64 KiB, real time, one of the vendor.
    let is_kernel = |name: &str| {
        ["kernel-64k", "kernel-rt", "kernel-lt", "kernel-ml", "kernel-lpae", "kernel-longterm"]
            .iter()
            .any(|kind| name.starts_with(kind))
            || name.starts_with("kernel-uek")
    };
    if cx.model.packages.iter().flat_map(|section| &section.entries).any(|(entry, _)| is_kernel(entry)) {
        return;
    }
    for (entry, place) in cx.model.packages.iter().flat_map(|section| &section.entries) {
        if matches!(*entry, "-kernel" | "-kernel*" | "-kernel-core") {
            out.add(*place, "the machine gets no kernel", "remove the line, unless this is a container image");
        }
    }
}
