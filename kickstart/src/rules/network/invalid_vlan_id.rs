//! A VLAN id is out of range.
//!
//! # Why
//!
//! Ids are 1 to 4094; 0 and 4095 are reserved.
//!
//! # Example
//!
//! ```kickstart
//! network --device=eth0 --vlanid=5000 --bootproto=dhcp
//! ```
//!
//! # Fix
//!
//! Write the id of the VLAN.
//!
//! ```kickstart
//! network --device=eth0 --vlanid=500 --bootproto=dhcp
//! ```

use crate::lint::{Context, Findings};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    for network in cx.model.all("network").filter(|network| !network.text("vlanid").is_empty()) {
        if !network.text("vlanid").parse::<u16>().is_ok_and(|id| (1..=4094).contains(&id)) {
            out.add(network.place_of("vlanid"), "a VLAN id is between 1 and 4094", "write the id of the VLAN");
        }
    }
}
