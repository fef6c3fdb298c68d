//! A host name is none.
//!
//! # Why
//!
//! The installer refuses it: labels of letters, digits and hyphens between dots, no hyphen at the ends, at most 63
//! characters each and 253 in all; some releases only warn of names over 64.
//!
//! # Example
//!
//! ```kickstart
//! network --device=eth0 --bootproto=dhcp --hostname=-bad_host!
//! ```
//!
//! # Fix
//!
//! Write a host name.
//!
//! ```kickstart
//! network --device=eth0 --bootproto=dhcp --hostname=web1.example.com
//! ```

use crate::lint::{Context, Findings};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    for network in cx.model.all("network").filter(|network| !network.text("hostname").is_empty()) {
        if !is_hostname(network.text("hostname")) {
            let help = "labels of letters, digits and hyphens between dots, none longer than 63";
            out.add(network.place_of("hostname"), "`--hostname` is no host name", help);
        }
    }
}

fn is_hostname(name: &str) -> bool {
    let is_label = |label: &str| {
        let is_inner = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        (1..=63).contains(&label.len()) && label.bytes().all(is_inner) && !label.starts_with('-') && !label.ends_with('-')
    };
    name.len() <= 253 && name.strip_suffix('.').unwrap_or(name).split('.').all(is_label)
}
