//! Two partitions of one disk, or two volumes of one group, grow without a limit.
//!
//! # Why
//!
//! They share what is left in proportion to their sizes: a small difference in the disk, or one more line, gives each another size than
//! the one that was tested.
//!
//! # Example
//!
//! ```kickstart
//! part / --size=4096 --grow
//! part /srv --size=4096 --grow
//! ```
//!
//! # Fix
//!
//! Let one of them grow, and limit the others with `--maxsize`.
//!
//! ```kickstart
//! part / --size=4096 --grow --maxsize=20480
//! part /srv --size=4096 --grow
//! ```

use std::collections::HashMap;

use crate::lint::{Context, Findings};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    let mut first: HashMap<(&str, &str), usize> = HashMap::new();
    for line in cx.model.commands.iter().filter(|line| matches!(line.object, "part" | "logvol")) {
        let is_unlimited = line.has("grow") && !line.has("maxSizeMB");
        // A physical volume beside a partition is the usual layout of one disk.
        if !is_unlimited || line.has("thin_volume") {
            continue;
        }
        let home = if line.object == "part" { line.text("disk") } else { line.text("vgname") };
        if let Some(other) = first.insert((line.object, home), line.place.line) {
            let message = format!("line {other} grows without a limit too: they share what is left");
            out.add(line.place_of("grow"), message, "limit one of them with `--maxsize=…`");
        }
    }
}
