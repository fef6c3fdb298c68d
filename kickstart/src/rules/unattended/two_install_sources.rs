//! Two lines each name a place to install from.
//!
//! # Why
//!
//! One of them is silently ignored, and it is not always the first.
//!
//! # Example
//!
//! ```kickstart
//! url --url=http://mirror.example.com/os/
//! cdrom
//! ```
//!
//! # Fix
//!
//! Keep one; further repositories are `repo` lines.
//!
//! ```kickstart
//! url --url=http://mirror.example.com/os/
//! repo --name=extra --baseurl=http://mirror.example.com/extra/
//! ```

use crate::lint::{Context, Findings};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    let is_source = |object| matches!(object, "url" | "nfs" | "cdrom" | "harddrive" | "hmc" | "liveimg" | "ostreesetup");
    let mut sources = cx.model.commands.iter().filter(|command| is_source(command.object));
    let Some(first) = sources.next() else { return };
    for other in sources {
        let message = format!("line {} names another place to install from", first.place.line);
        out.add(other.place, message, "keep one; further repositories are `repo` lines");
    }
}
