//! A btrfs volume is made of a partition that no line makes, or a subvolume is in a volume that no line makes.
//!
//! # Why
//!
//! The installer stops at the line with "Tried to use undefined partition … in Btrfs volume specification". Members are the mount
//! points of `part` or `raid` lines before it, and a subvolume names its volume by the label.
//!
//! # Example
//!
//! ```kickstart
//! # with: release=f42
//! part btrfs.01 --size=8192
//! btrfs none --label=system btrfs.01
//! btrfs / --subvol --name=root other
//! ```
//!
//! # Fix
//!
//! Name only what the kickstart makes.
//!
//! ```kickstart
//! # with: release=f42
//! part btrfs.01 --size=8192
//! btrfs none --label=system btrfs.01
//! btrfs / --subvol --name=root system
//! ```

use std::collections::HashSet;

use crate::lint::{Context, Findings};
use crate::release::Release;

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    let model = cx.model;
    // RHEL 8 and 9 skip the command, RHEL 10 refuses it.
    if model.is_partial || matches!(cx.release, Release::Rhel8 | Release::Rhel9) {
        return;
    }
    let mut made: HashSet<&str> = model.mounts().map(|(point, _)| point).collect();
    made.extend(model.all("btrfs").flat_map(|line| [line.text("label"), line.text("name")]));
    for line in model.all("btrfs") {
        // The first word is the mount point.
        for word in line.matched.extras.iter().skip(1) {
            let text = line.words[*word].value.as_ref();
            let member = text.strip_prefix("LABEL=").unwrap_or(text);
            if made.contains(member) || member.starts_with("/dev/") || member.starts_with("UUID=") {
                continue;
            }
            let (what, help) = if line.has("subvol") {
                ("volume", "add a `btrfs none --label=NAME …` line for it, or correct the name")
            } else {
                ("btrfs member", "add `part NAME --size=…` for it, or correct the name")
            };
            let message = format!("no line makes the {what} `{}`", member.escape_debug());
            // What is on the disk already may be meant, unless it goes away.
            if model.wipes_disks() || member.starts_with("btrfs.") {
                out.add(line.word_place(*word), message, help);
            } else {
                out.add_warning(line.word_place(*word), message, help);
            }
        }
    }
}
