//! Two lines mount something at the same place.
//!
//! # Why
//!
//! `part` lines among themselves are compared by every validator; a `part` and a `logvol` are not, and the installer
//! drops what the earlier line makes without a word.
//!
//! # Example
//!
//! ```kickstart
//! part /var --size=1024
//! logvol /var --vgname=vg0 --name=var --size=2048
//! ```
//!
//! # Fix
//!
//! Give each mount point once.
//!
//! ```kickstart
//! part /var --size=1024
//! logvol /var/log --vgname=vg0 --name=log --size=2048
//! ```

use crate::lint::{Context, Findings};
use std::collections::HashMap;

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    let mut first: HashMap<&str, (&str, usize)> = HashMap::new();
    for (point, command) in cx.model.mounts().filter(|(point, _)| point.starts_with('/')) {
        match first.get(point) {
            // Two `part` lines have been compared with each other by the checks.
            Some((object, _)) if *object == command.object && matches!(command.object, "part" | "btrfs") => {}
            Some((_, line)) => {
                let message = format!("line {line} mounts something at `{point}` already");
                out.add(command.place, message, "give each mount point once");
            }
            None => drop(first.insert(point, (command.object, command.place.line))),
        }
    }
}
