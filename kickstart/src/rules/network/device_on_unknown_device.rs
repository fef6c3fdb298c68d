//! A VLAN over a bond, team or bridge that no line sets up, or one device in two of them.
//!
//! # Why
//!
//! The installer makes the VLAN over nothing, or takes the device out of the first one: neither comes up.
//!
//! # Example
//!
//! ```kickstart
//! network --device=bond0 --vlanid=20 --interfacename=servers --bootproto=dhcp
//! network --device=bond1 --bondslaves=ens3,ens4 --bootproto=dhcp
//! ```
//!
//! # Fix
//!
//! Set up the device before, and name it once.
//!
//! ```kickstart
//! network --device=bond1 --bondslaves=ens3,ens4 --bootproto=dhcp
//! network --device=ens5 --vlanid=20 --bootproto=dhcp
//! ```

use std::collections::HashMap;

use crate::lint::{Context, Findings};

/// Names that only devices have that a line makes.
const MADE: &[&str] = &["bond", "team", "br"];

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    if cx.model.is_partial {
        return;
    }
    let slaves = ["bondslaves", "bridgeslaves", "teamslaves"];
    let mut made: Vec<&str> = Vec::new();
    let mut member_of: HashMap<&str, &str> = HashMap::new();
    for network in cx.model.all("network") {
        let device = network.text("device");
        for dest in slaves.iter().filter(|dest| network.has(dest)) {
            made.push(device);
            // Members of a team carry JSON of their own.
            for member in network.list(dest).filter(|member| !member.contains(['{', '}', ':', '"'])) {
                if let Some(other) = member_of.insert(member, device).filter(|other| *other != device) {
                    let message = format!("`{member}` is in `{other}` already");
                    out.add(network.place_of(dest), message, "name each device in one line only");
                }
            }
        }
        let number = |name: &str| {
            MADE.iter().any(|kind| name.strip_prefix(kind).is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit())))
        };
        if network.has("vlanid") && number(device) && !made.contains(&device) {
            let message = format!("no line before sets up `{device}`");
            out.add(network.place_of("device"), message, "add a `network` line with its members before this one");
        }
    }
}
