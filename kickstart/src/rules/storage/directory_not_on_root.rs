//! A directory that must be on the root file system has one of its own.
//!
//! # Why
//!
//! `/etc`, `/bin`, `/lib` and a few others are needed before anything else is mounted. The installer stops with "This mount
//! point is invalid. The directory must be on the / file system".
//!
//! # Example
//!
//! ```kickstart
//! part / --size=8192
//! part /etc --size=512
//! ```
//!
//! # Fix
//!
//! Leave the line out, or mount something below it.
//!
//! ```kickstart
//! part / --size=8192
//! part /var --size=4096
//! ```

use crate::lint::{Context, Findings};

/// What `must_be_on_root` of Anaconda's configuration has had since RHEL 7.
const ON_ROOT: &[&str] = &["/bin", "/dev", "/sbin", "/etc", "/lib", "/root", "/mnt", "/proc"];

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    for (point, command) in cx.model.mounts().filter(|(point, _)| ON_ROOT.contains(&point.trim_end_matches('/'))) {
        let message = format!("`{point}` must be on the root file system");
        out.add(command.place_of("mntpoint"), message, "remove the line; the installer takes no disk space for this directory");
    }
}
