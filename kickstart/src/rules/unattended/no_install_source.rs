//! No line says where the packages come from.
//!
//! # Why
//!
//! Unless the kernel command line has `inst.repo=`, the installer looks for its own medium or a subscription, and asks
//! when it finds neither.
//!
//! # Example
//!
//! ```kickstart
//! autopart
//! %packages
//! %end
//! ```
//!
//! # Fix
//!
//! Add `url`, `nfs`, `cdrom`, `harddrive` or `rhsm`.
//!
//! ```kickstart
//! url --url=https://mirror.example.com/os/
//! autopart
//! %packages
//! %end
//! ```

use crate::lint::{Context, Findings};

/// Commands that say where to install from.
const SOURCES: &[&str] =
    &["url", "nfs", "cdrom", "harddrive", "hmc", "rhsm", "liveimg", "ostreesetup", "ostreecontainer", "bootc", "rescue"];

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    if !cx.model.is_partial && !cx.model.uses(SOURCES) {
        let help = "add `url --url=…`, or start with `inst.repo=…`";
        out.add(cx.model.end, "nothing says where the packages come from", help);
    }
}
