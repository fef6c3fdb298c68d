//! The boot loader is to go to the beginning of a partition.
//!
//! # Why
//!
//! GRUB 2 does not support it: the installer stops with "GRUB2 does not support installation to a partition".
//!
//! # Example
//!
//! ```kickstart
//! bootloader --location=partition
//! ```
//!
//! # Fix
//!
//! Leave the option out.
//!
//! ```kickstart
//! bootloader --location=mbr
//! ```

use crate::diagnostic::{Applicability, Fix};
use crate::lint::{Context, Findings};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    for command in cx.model.all("bootloader").filter(|command| command.is_grub() && command.text("location") == "partition") {
        let place = command.place_of("location");
        out.add(place, "GRUB 2 cannot be installed on a partition", "write `--location=mbr`");
        if place.span.of(cx.text()).contains('=') {
            out.fix(Fix::replace(place.span, "--location=mbr", Applicability::Unsafe));
        }
    }
}
