//! A netmask is none.
//!
//! # Why
//!
//! A netmask is ones and then zeros: 255.255.255.0, not 255.0.255.0, and not an address or a prefix length.
//!
//! # Example
//!
//! ```kickstart
//! network --device=eth0 --bootproto=static --ip=192.0.2.10 --netmask=255.0.255.0
//! ```
//!
//! # Fix
//!
//! Write the mask of the network.
//!
//! ```kickstart
//! network --device=eth0 --bootproto=static --ip=192.0.2.10 --netmask=255.255.255.0
//! ```

use crate::lint::{Context, Findings};
use std::net::Ipv4Addr;

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    for network in cx.model.all("network").filter(|network| !network.text("netmask").is_empty()) {
        let mask = network.text("netmask").parse::<Ipv4Addr>().map(u32::from);
        // The ones are at the top exactly if the rest, plus one, is a power of two.
        if !mask.is_ok_and(|mask| mask != 0 && (!mask).wrapping_add(1) & !mask == 0) {
            out.add(network.place_of("netmask"), "`--netmask` is no netmask", "write it as 255.255.255.0");
        }
    }
}
