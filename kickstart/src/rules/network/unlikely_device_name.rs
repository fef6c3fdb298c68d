//! A network device with a name that no kernel and no naming rule gives.
//!
//! # Why
//!
//! The installer has no such device: the line sets up nothing, and the machine comes up without its address. Devices are called `eth0`,
//! `ens3`, `enp1s0` and so on; a bond, a bridge, a team or a VLAN has any name.
//!
//! # Example
//!
//! ```kickstart
//! network --device=primary --bootproto=dhcp
//! ```
//!
//! # Fix
//!
//! Name the device as the kernel does, by its MAC address, or write `link`.
//!
//! ```kickstart
//! network --device=link --bootproto=dhcp
//! network --device=storage --bondslaves=ens4,ens5 --bootproto=dhcp
//! ```

use crate::lint::{Context, Findings};

/// What names of devices begin with; a digit or one more part follows.
const KINDS: &[&str] = &[
    "eth", "en", "em", "wl", "ww", "ib", "sl", "usb", "hv", "lan", "wan", "net", "dm", "tap", "veth", "vmnic", "rename", "br",
    "bond", "team", "virbr", "dummy", "vlan", "macvlan", "ens", "idrac",
];

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    let virtual_names: Vec<&str> =
        cx.model.all("network").filter(|network| is_virtual(network)).map(|network| network.text("device")).collect();
    for network in cx.model.all("network") {
        let device = network.text("device");
        let is_mac = device.len() == 17 && device.bytes().filter(|byte| *byte == b':').count() == 5;
        let is_word = matches!(device, "" | "link" | "bootif" | "ibft") || device.len() > 17;
        let is_usual = KINDS.iter().any(|kind| device.strip_prefix(kind).is_some_and(has_number)) || is_slot(device);
        if !is_mac && !is_word && !is_usual && !virtual_names.contains(&device) {
            let help = "write the kernel's name such as `ens3`, a MAC address, or `link`";
            out.add(network.place_of("device"), "no device is called that", help);
        }
    }
}

/// A device that its line makes.
fn is_virtual(network: &crate::reading::Command<'_>) -> bool {
    ["bondslaves", "bridgeslaves", "teamslaves"].iter().any(|dest| network.has(dest))
}

fn has_number(rest: &str) -> bool {
    rest.bytes().any(|byte| byte.is_ascii_digit()) && !rest.contains(['/', ' '])
}

/// `p1p2`, as older rules name a port in a slot.
fn is_slot(device: &str) -> bool {
    device.strip_prefix('p').and_then(|rest| rest.split_once('p')).is_some_and(|(slot, port)| {
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        is_number(slot) && is_number(port.split('_').next().unwrap_or_default())
    })
}
