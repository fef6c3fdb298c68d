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

/// Kernels that take its place: with pages of 64 KiB, for real time, of a vendor. Their names may go on (`kernel-uek-core`).
const OTHERS: &[&str] = &["kernel-64k", "kernel-longterm", "kernel-lpae", "kernel-lt", "kernel-ml", "kernel-rt", "kernel-uek"];

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    let entries = || cx.model.packages.iter().flat_map(|section| &section.entries);
    if entries().any(|(entry, _)| OTHERS.iter().any(|other| entry.starts_with(other))) {
        return;
    }
    for (entry, place) in entries() {
        if matches!(*entry, "-kernel" | "-kernel*" | "-kernel-core") {
            out.add(*place, "the machine gets no kernel", "remove the line, unless this is a container image");
        }
    }
}
