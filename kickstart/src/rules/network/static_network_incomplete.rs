//! A static network lacks its address or netmask.
//!
//! # Why
//!
//! The installer reads the line without a word and brings the device up without an address; everything after that
//! fails. A missing gateway or name server is a warning.
//!
//! # Example
//!
//! ```kickstart
//! network --device=eth0 --bootproto=static --ip=192.0.2.10 --gateway=192.0.2.1 --nameserver=192.0.2.1
//! ```
//!
//! # Fix
//!
//! Give `--ip`, `--netmask`, `--gateway` and `--nameserver`.
//!
//! ```kickstart
//! network --device=eth0 --bootproto=static --ip=192.0.2.10 --netmask=255.255.255.0 --gateway=192.0.2.1 --nameserver=192.0.2.1
//! ```

use crate::lint::{Context, Findings};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    for network in cx.model.all("network").filter(|network| network.text("bootProto") == "static" && !network.has("noipv4")) {
        let place = network.place_of("bootProto");
        let is_ipv6_only = network.text("ip").is_empty() && !matches!(network.text("ipv6"), "" | "auto" | "dhcp");
        if is_ipv6_only {
            continue;
        }
        for (dest, option) in [("ip", "--ip"), ("netmask", "--netmask")] {
            if network.text(dest).is_empty() {
                out.add(place, format!("a static network without `{option}`"), &format!("add `{option}=…`"));
            }
        }
        if network.text("gateway").is_empty() && !network.has("nodefroute") {
            out.add_warning(place, "a static network without `--gateway`", "add `--gateway=…`, or `--nodefroute`");
        }
        if network.text("nameserver").is_empty() && !network.has("nodns") {
            out.add_warning(place, "a static network without `--nameserver`", "add `--nameserver=…`, or `--nodns`");
        }
    }
}
