//! An address is no IP address.
//!
//! # Why
//!
//! The installer takes the text as it is and fails, or comes up without a network, when the device is configured.
//!
//! # Example
//!
//! ```kickstart
//! network --device=eth0 --bootproto=static --ip=10.0.2.999 --netmask=255.255.255.0
//! ```
//!
//! # Fix
//!
//! Write an address.
//!
//! ```kickstart
//! network --device=eth0 --bootproto=static --ip=10.0.2.99 --netmask=255.255.255.0
//! ```

use crate::lint::{Context, Findings};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    for network in cx.model.all("network") {
        for dest in ["ip", "gateway"] {
            let text = network.text(dest);
            // Older kernels' way to say that DHCP is wanted.
            if !text.is_empty() && text != "dhcp" && text.parse::<Ipv4Addr>().is_err() {
                out.add(network.place_of(dest), format!("`--{dest}` is no IPv4 address"), "write four numbers below 256");
            }
        }
        for server in network.list("nameserver") {
            if server.parse::<IpAddr>().is_err() {
                out.add_warning(
                    network.place_of("nameserver"),
                    "`--nameserver` is no IP address",
                    "write the address, not a name",
                );
            }
        }
        let ipv6 = network.text("ipv6");
        let (address, prefix) = ipv6.split_once('/').unwrap_or((ipv6, "64"));
        let is_prefix = prefix.parse::<u8>().is_ok_and(|length| length <= 128);
        let is_address = address.parse::<Ipv6Addr>().is_ok() && is_prefix;
        if !is_address && !matches!(ipv6, "" | "auto" | "dhcp" | "ignore") {
            out.add(network.place_of("ipv6"), "`--ipv6` is no IPv6 address", "write `ADDRESS/PREFIX`, `auto` or `dhcp`");
        }
        let gateway = network.text("ipv6gateway");
        if !gateway.is_empty() && gateway.parse::<Ipv6Addr>().is_err() {
            out.add(network.place_of("ipv6gateway"), "`--ipv6gateway` is no IPv6 address", "write an IPv6 address");
        }
    }
}
