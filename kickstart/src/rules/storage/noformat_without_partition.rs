//! A partition is to be kept, and no line says which.
//!
//! # Why
//!
//! `--noformat` is about a partition that exists. Without `--onpart` the installer stops with "part --noformat must also use the
//! --onpart option".
//!
//! # Example
//!
//! ```kickstart
//! part /data --noformat
//! ```
//!
//! # Fix
//!
//! Name the partition with `--onpart`.
//!
//! ```kickstart
//! part /data --onpart=vda3 --noformat
//! ```

use crate::lint::{Context, Findings};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    for part in cx.model.all("part").filter(|part| part.has("format") && !part.has("onPart")) {
        out.add(part.place_of("format"), "`--noformat` without `--onpart`", "add `--onpart=DEVICE`, or remove `--noformat`");
    }
}
