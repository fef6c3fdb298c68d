//! Some iSCSI targets are bound to an interface, and others are not.
//!
//! # Why
//!
//! The installer stops with "iscsi --iface must be specified (binding used) either for all targets or for none".
//!
//! # Example
//!
//! ```kickstart
//! iscsi --ipaddr=192.0.2.1 --iface=eth0
//! iscsi --ipaddr=192.0.2.2
//! ```
//!
//! # Fix
//!
//! Give `--iface` on all lines, or on none.
//!
//! ```kickstart
//! iscsi --ipaddr=192.0.2.1 --iface=eth0
//! iscsi --ipaddr=192.0.2.2 --iface=eth1
//! ```

use crate::lint::{Context, Findings};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    let Some(first) = cx.model.all("iscsi").next() else { return };
    for target in cx.model.all("iscsi").filter(|target| target.has("iface") != first.has("iface")) {
        let message = format!(
            "line {} {} `--iface`, this one does not agree",
            first.place.line,
            if first.has("iface") { "has" } else { "has no" }
        );
        out.add(target.place, message, "give `--iface` on all `iscsi` lines or on none");
    }
}
