//! The gateway is not in the network of the device.
//!
//! # Why
//!
//! No route to the gateway: the machine has no way out, and the installer fetches nothing.
//!
//! # Example
//!
//! ```kickstart
//! network --device=eth0 --bootproto=static --ip=192.0.2.10 --netmask=255.255.255.0 --gateway=198.51.100.1
//! ```
//!
//! # Fix
//!
//! Write a gateway of the same network.
//!
//! ```kickstart
//! network --device=eth0 --bootproto=static --ip=192.0.2.10 --netmask=255.255.255.0 --gateway=192.0.2.1
//! ```

use crate::lint::{Context, Findings};
use std::net::Ipv4Addr;

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    for network in cx.model.all("network") {
        let [ip, mask, gateway] = ["ip", "netmask", "gateway"].map(|dest| network.text(dest).parse::<Ipv4Addr>().map(u32::from));
        let (Ok(ip), Ok(mask), Ok(gateway)) = (ip, mask, gateway) else { continue };
        // Point to point: the gateway is reached by a route of its own.
        if mask == u32::MAX {
            continue;
        }
        if ip & mask != gateway & mask {
            let message = "the gateway is outside the network of the device";
            out.add(network.place_of("gateway"), message, "correct `--gateway`, `--ip` or `--netmask`");
        } else if ip == gateway {
            out.add(network.place_of("gateway"), "the gateway is the machine itself", "write the address of the router");
        }
    }
}
