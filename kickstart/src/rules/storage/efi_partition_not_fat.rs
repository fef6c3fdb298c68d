//! `/boot/efi` has a file system that firmware cannot read.
//!
//! # Why
//!
//! UEFI firmware reads FAT. The installer refuses any other type there.
//!
//! # Example
//!
//! ```kickstart
//! part /boot/efi --fstype=xfs --size=600
//! part / --size=8192
//! ```
//!
//! # Fix
//!
//! Write `--fstype=efi`.
//!
//! ```kickstart
//! part /boot/efi --fstype=efi --size=600
//! part / --size=8192
//! ```

use crate::diagnostic::{Applicability, Fix};
use crate::lint::{Context, Findings};
use crate::source::Span;

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    for (_, command) in cx.model.mounts().filter(|(point, command)| *point == "/boot/efi" && command.object == "part") {
        if !matches!(command.text("fstype"), "efi" | "vfat" | "macefi") && !command.keeps_content() {
            out.add(command.place_of("fstype"), "firmware reads `/boot/efi` only as FAT", "write `--fstype=efi`");
            let span = command.place_of("fstype").span;
            if span.of(cx.text()).contains('=') {
                out.fix(Fix::replace(span, "--fstype=efi", Applicability::Unsafe));
            } else if !command.has("fstype") {
                out.fix(Fix::replace(Span::new(span.end, span.end), " --fstype=efi", Applicability::Unsafe));
            }
        }
    }
}
