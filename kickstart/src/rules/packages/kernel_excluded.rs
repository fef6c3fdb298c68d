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
    for (entry, place) in cx.model.packages.iter().flat_map(|section| &section.entries) {
        if matches!(*entry, "-kernel" | "-kernel*" | "-kernel-core") {
            out.add(*place, "the machine gets no kernel", "remove the line, unless this is a container image");
        }
    }
}
