//! `clearpart --all` clears every disk, and another line keeps something.
//!
//! # Why
//!
//! A partition that is kept (`--noformat`, `--useexisting`, `--onpart`) is gone if its disk is cleared.
//!
//! # Example
//!
//! ```kickstart
//! clearpart --all
//! part / --size=8192
//! part /data --onpart=vdb1 --noformat
//! ```
//!
//! # Fix
//!
//! Name the disks to clear, or hide the others with `ignoredisk`.
//!
//! ```kickstart
//! clearpart --all --drives=vda
//! part / --size=8192
//! part /data --onpart=vdb1 --noformat
//! ```

use crate::lint::{Context, Findings};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    let keeps = cx.model.mounts().any(|(_, command)| command.object != "mount" && command.keeps_content());
    if keeps && cx.model.wipes_disks() {
        let place = cx.model.all("clearpart").last().map_or(cx.model.end, |command| command.place_of("type"));
        let help = "name the disks to clear with `--drives`";
        out.add(place, "`clearpart --all` clears the disk of what another line keeps", help);
    }
}
