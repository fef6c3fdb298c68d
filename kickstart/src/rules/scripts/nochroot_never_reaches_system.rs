//! A `%post --nochroot` never touches the new system.
//!
//! # Why
//!
//! Without the chroot `/etc` is the installer's own: what the script writes is gone at the reboot. The new system is
//! `/mnt/sysimage` (or `/mnt/sysroot`).
//!
//! # Example
//!
//! ```kickstart
//! %post --nochroot
//! echo hello > /etc/motd
//! %end
//! ```
//!
//! # Fix
//!
//! Write to `/mnt/sysimage/…`, or drop `--nochroot`.
//!
//! ```kickstart
//! %post --nochroot
//! echo hello > /mnt/sysimage/etc/motd
//! %end
//! ```

use crate::document::SectionKind;
use crate::lint::{Context, Findings};
use crate::reading::Script;

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    let outside = |script: &&Script<'_>| script.kind == SectionKind::Post && script.header.has("nochroot");
    for script in cx.model.scripts.iter().filter(outside) {
        let reaches =
            ["/mnt/sys", "ANA_INSTALL_PATH", "chroot", "SYSIMAGE", "SYSROOT"].iter().any(|word| script.body.contains(word));
        let writes = ["> /etc", ">/etc", "> /root", ">/root", "> /var", "> /usr", ">> /etc", ">> /root"];
        let write = script.lines().find(|(line, _)| writes.iter().any(|write| line.contains(write)));
        if let Some((_, place)) = write.filter(|_| !reaches) {
            out.add(place, "this writes to the installer, not to the new system", "write to `/mnt/sysimage/…`");
        }
    }
}
