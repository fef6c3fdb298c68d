//! A device has neither IPv4 nor IPv6.
//!
//! # Why
//!
//! With `--noipv4` and `--noipv6` together the device comes up without any address.
//!
//! # Example
//!
//! ```kickstart
//! network --device=eth0 --noipv4 --noipv6
//! ```
//!
//! # Fix
//!
//! Keep one of them.
//!
//! ```kickstart
//! network --device=eth0 --noipv6 --bootproto=dhcp
//! ```

use std::collections::HashSet;

use crate::lint::{Context, Findings};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    // A device that is only a member of a bridge or bond is right to have none.
    let lists = ["bondslaves", "bridgeslaves", "teamslaves"];
    let members: HashSet<&str> =
        cx.model.all("network").flat_map(|other| lists.into_iter().flat_map(|dest| other.list(dest))).collect();
    for network in cx.model.all("network").filter(|network| network.has("noipv4") && network.has("noipv6")) {
        if !members.contains(network.text("device")) {
            out.add(network.place_of("noipv6"), "the device gets no address", "remove `--noipv4` or `--noipv6`");
        }
    }
}
