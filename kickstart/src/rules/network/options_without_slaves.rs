//! Options of a bond or team, and no devices to make it of.
//!
//! # Why
//!
//! `--bondopts` and `--teamconfig` do nothing without `--bondslaves` and `--teamslaves`: the device is taken for a
//! plain one that does not exist.
//!
//! # Example
//!
//! ```kickstart
//! network --device=bond0 --bondopts=mode=active-backup --bootproto=dhcp
//! ```
//!
//! # Fix
//!
//! Name the devices.
//!
//! ```kickstart
//! network --device=bond0 --bondslaves=eth0,eth1 --bondopts=mode=active-backup --bootproto=dhcp
//! ```

use crate::lint::{Context, Findings};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    for network in cx.model.all("network") {
        for (options, slaves, option) in
            [("bondopts", "bondslaves", "--bondslaves"), ("teamconfig", "teamslaves", "--teamslaves")]
        {
            if !network.text(options).is_empty() && network.text(slaves).is_empty() {
                out.add(network.place_of(options), format!("no `{option}`"), &format!("add `{option}=DEVICE,DEVICE`"));
            }
        }
    }
}
