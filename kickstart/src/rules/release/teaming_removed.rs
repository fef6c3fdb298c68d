//! Network teams are gone from RHEL 10.
//!
//! # Why
//!
//! The option is still read, but RHEL 10 has no teamd: the device does not come up. RHEL 9 deprecates it.
//!
//! # Example
//!
//! ```kickstart
//! # with: release=rhel10
//! network --device=team0 --teamslaves=eth0,eth1 --bootproto=dhcp
//! ```
//!
//! # Fix
//!
//! Use a bond.
//!
//! ```kickstart
//! # with: release=rhel10
//! network --device=bond0 --bondslaves=eth0,eth1 --bondopts=mode=active-backup --bootproto=dhcp
//! ```

use crate::lint::{Context, Findings};
use crate::release::Release;

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    if cx.release != Release::Rhel10 {
        return;
    }
    for network in cx.model.all("network").filter(|network| !network.text("teamslaves").is_empty()) {
        out.add(network.place_of("teamslaves"), "rhel10 has no teams", "use `--bondslaves` and `--bondopts`");
    }
}
