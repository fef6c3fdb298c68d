//! A script in the chroot uses the path of the new system from outside.
//!
//! # Why
//!
//! `%post` without `--nochroot` sees the new system as `/`; `/mnt/sysimage` and `/mnt/sysroot` are not there.
//!
//! # Example
//!
//! ```kickstart
//! %post
//! cp /etc/motd /mnt/sysimage/etc/motd
//! %end
//! ```
//!
//! # Fix
//!
//! Drop the prefix, or add `--nochroot`.
//!
//! ```kickstart
//! %post --nochroot
//! cp /etc/motd /mnt/sysimage/etc/motd
//! %end
//! ```

use crate::document::SectionKind;
use crate::lint::{Context, Findings};
use crate::reading::Script;

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    let in_chroot = |script: &&Script<'_>| script.kind == SectionKind::Post && !script.header.has("nochroot");
    for script in cx.model.scripts.iter().filter(in_chroot) {
        let outside = |line: &str| line.contains("/mnt/sysimage") || line.contains("/mnt/sysroot");
        if let Some((_, place)) = script.lines().find(|(line, _)| outside(line) && !line.trim_start().starts_with('#')) {
            out.add(place, "this path does not exist inside the chroot", "remove the prefix, or add `--nochroot`");
        }
    }
}
