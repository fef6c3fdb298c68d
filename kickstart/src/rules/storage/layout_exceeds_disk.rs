//! The partitions need more than the disk has.
//!
//! # Why
//!
//! The installer ends with "Unable to allocate requested partition scheme". Found only where the size of the disk is
//! known (`--disk`).
//!
//! # Example
//!
//! ```kickstart
//! # with: disk=20480
//! part /boot --size=1024
//! part / --size=102400
//! ```
//!
//! # Fix
//!
//! Ask for less and let one partition grow.
//!
//! ```kickstart
//! # with: disk=20480
//! part /boot --size=1024
//! part / --size=8192 --grow
//! ```

use crate::lint::{Context, Findings};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    let Some(disk) = cx.options.disk_mib else { return };
    if cx.model.is_partial {
        return;
    }
    let mut used: u64 = 0;
    for part in cx.model.all("part").filter(|part| !part.keeps_content() && part.text("fstype") != "tmpfs") {
        used = used.saturating_add(part.number("size").and_then(|size| u64::try_from(size).ok()).unwrap_or(0));
        if used > disk {
            let message = format!("the partitions up to here need {used} MiB; the disk has {disk} MiB");
            out.add(part.place_of("size"), message, "make them smaller and let one `--grow`");
            return;
        }
    }
}
