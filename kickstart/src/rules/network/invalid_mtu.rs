//! An MTU is no sensible number.
//!
//! # Why
//!
//! Below 68 (IPv4) nothing works, below 1280 IPv6 does not, and no device takes more than 65536.
//!
//! # Example
//!
//! ```kickstart
//! network --device=eth0 --bootproto=dhcp --mtu=15000000
//! ```
//!
//! # Fix
//!
//! Write the MTU of the network: 1500, or 9000 for jumbo frames.
//!
//! ```kickstart
//! network --device=eth0 --bootproto=dhcp --mtu=9000
//! ```

use crate::lint::{Context, Findings};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    for network in cx.model.all("network").filter(|network| !network.text("mtu").is_empty()) {
        if !network.text("mtu").parse::<u32>().is_ok_and(|mtu| (68..=65536).contains(&mtu)) {
            out.add(network.place_of("mtu"), "`--mtu` is out of range", "1500 is usual, 9000 for jumbo frames");
        }
    }
}
