//! The address is the network itself or its broadcast address.
//!
//! # Why
//!
//! No machine can have the first or last address of a network (other than in networks of one or two addresses).
//!
//! # Example
//!
//! ```kickstart
//! network --device=eth0 --bootproto=static --ip=192.0.2.0 --netmask=255.255.255.0
//! ```
//!
//! # Fix
//!
//! Take an address between them.
//!
//! ```kickstart
//! network --device=eth0 --bootproto=static --ip=192.0.2.10 --netmask=255.255.255.0
//! ```

use crate::lint::{Context, Findings};
use std::net::Ipv4Addr;

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    for network in cx.model.all("network") {
        let [ip, mask] = ["ip", "netmask"].map(|dest| network.text(dest).parse::<Ipv4Addr>().map(u32::from));
        let (Ok(ip), Ok(mask)) = (ip, mask) else { continue };
        let hosts = !mask;
        if hosts > 1 && hosts != u32::MAX && (ip & hosts == 0 || ip & hosts == hosts) {
            let help = "take an address between the first and the last";
            out.add(network.place_of("ip"), "this is the address of the network or its broadcast address", help);
        }
    }
}
