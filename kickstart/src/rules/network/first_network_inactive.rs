//! The network is needed to install, and no device is activated.
//!
//! # Why
//!
//! Only the first `network` line is activated by itself, and `--no-activate` switches that off too; packages from the
//! network are then out of reach.
//!
//! # Example
//!
//! ```kickstart
//! url --url=http://192.0.2.1/os/
//! network --device=eth0 --bootproto=dhcp --no-activate
//! ```
//!
//! # Fix
//!
//! Drop `--no-activate`, or activate another device.
//!
//! ```kickstart
//! url --url=http://192.0.2.1/os/
//! network --device=eth0 --bootproto=dhcp --activate
//! ```

use crate::lint::{Context, Findings};
use crate::reading::Command;

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    let is_off =
        |network: &Command<'_>| network.matched.last("activate").is_some_and(|taken| taken.row.names.contains(&"--no-activate"));
    let mut devices = cx.model.all("network").filter(|network| network.has("device") || network.has("bootProto")).peekable();
    let needs_network = cx.model.uses(&["url", "nfs"]);
    if let Some(first) = devices.peek().copied()
        && needs_network
        && devices.all(is_off)
    {
        out.add(first.place_of("activate"), "no device is activated to install from", "remove `--no-activate`");
    }
}
