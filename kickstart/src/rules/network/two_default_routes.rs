//! Two devices each get a default route.
//!
//! # Why
//!
//! Which one is used is chance; replies leave by the wrong device and are dropped.
//!
//! # Example
//!
//! ```kickstart
//! network --device=eth0 --bootproto=static --ip=192.0.2.10 --netmask=255.255.255.0 --gateway=192.0.2.1
//! network --device=eth1 --bootproto=static --ip=198.51.100.10 --netmask=255.255.255.0 --gateway=198.51.100.1
//! ```
//!
//! # Fix
//!
//! Add `--nodefroute` to all but one, or leave their gateways out.
//!
//! ```kickstart
//! network --device=eth0 --bootproto=static --ip=192.0.2.10 --netmask=255.255.255.0 --gateway=192.0.2.1
//! network --device=eth1 --bootproto=static --ip=198.51.100.10 --netmask=255.255.255.0 --nodefroute
//! ```

use crate::lint::{Context, Findings};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    let routed = cx.model.all("network").filter(|network| !network.text("gateway").is_empty() && !network.has("nodefroute"));
    let mut routed = routed.filter(|network| network.text("bootProto") == "static");
    let Some(first) = routed.next() else { return };
    for other in routed {
        let message = format!("line {} gives the machine a default route already", first.place.line);
        out.add(other.place_of("gateway"), message, "add `--nodefroute`");
    }
}
