//! IPv6 is switched off and configured in one line.
//!
//! # Why
//!
//! `--noipv6` wins: the address and gateway are ignored.
//!
//! # Example
//!
//! ```kickstart
//! network --device=eth0 --bootproto=dhcp --noipv6 --ipv6=auto
//! ```
//!
//! # Fix
//!
//! Keep one of them.
//!
//! ```kickstart
//! network --device=eth0 --bootproto=dhcp --ipv6=auto
//! ```

use crate::lint::{Context, Findings};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    for network in cx.model.all("network").filter(|network| network.has("noipv6")) {
        let given = ["ipv6", "ipv6gateway"].into_iter().find(|dest| !matches!(network.text(dest), "" | "ignore"));
        if let Some(dest) = given {
            out.add(network.place_of(dest), "`--noipv6` switches this off", "remove one of the two");
        }
    }
}
