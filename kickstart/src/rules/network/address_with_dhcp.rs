//! An address is given, and DHCP is asked for.
//!
//! # Why
//!
//! `--bootproto` is dhcp unless it is given; the installer then ignores `--ip`, `--netmask` and `--gateway`.
//!
//! # Example
//!
//! ```kickstart
//! network --device=eth0 --ip=192.0.2.10 --netmask=255.255.255.0 --gateway=192.0.2.1
//! ```
//!
//! # Fix
//!
//! Add `--bootproto=static`, or drop the address.
//!
//! ```kickstart
//! network --device=eth0 --bootproto=static --ip=192.0.2.10 --netmask=255.255.255.0 --gateway=192.0.2.1
//! ```

use crate::lint::{Context, Findings};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    for network in cx.model.all("network").filter(|network| matches!(network.text("bootProto"), "" | "dhcp" | "bootp")) {
        let given = ["ip", "netmask", "gateway"].into_iter().find(|dest| !matches!(network.text(dest), "" | "dhcp"));
        if let Some(dest) = given {
            let message = format!("`--{dest}` is ignored: the address comes from DHCP");
            out.add(network.place_of(dest), message, "add `--bootproto=static`, or remove it");
        }
    }
}
