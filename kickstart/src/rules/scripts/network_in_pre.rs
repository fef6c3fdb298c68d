//! A `%pre` script uses the network, and no line sets one up.
//!
//! # Why
//!
//! `%pre` runs before any `network` line but the first, which the installer brings up when it starts. Without one, and with an installation
//! from a disc, there is no network yet.
//!
//! # Example
//!
//! ```kickstart
//! cdrom
//! %pre
//! curl -sf http://192.0.2.1/disks > /tmp/disks.ks
//! %end
//! ```
//!
//! # Fix
//!
//! Add a `network` line, or start the installer with `ip=dhcp`.
//!
//! ```kickstart
//! cdrom
//! network --device=link --bootproto=dhcp --activate
//! %pre
//! curl -sf http://192.0.2.1/disks > /tmp/disks.ks
//! %end
//! ```

use crate::document::SectionKind;
use crate::lint::{Context, Findings};

/// Commands that need a network.
const NEEDING: &[&str] =
    &["curl ", "wget ", "ssh ", "scp ", "rsync ", "nc ", "ping ", "dnf ", "mount -t nfs", "mount.nfs", "dig ", "host "];

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    let model = cx.model;
    // An installation over the network has one by then.
    if model.is_partial
        || model.uses(&["network", "url", "nfs", "liveimg", "ostreesetup", "ostreecontainer"])
        || !model.uses(&["cdrom", "harddrive"])
    {
        return;
    }
    for script in model.scripts.iter().filter(|script| script.kind == SectionKind::Pre) {
        let uses = |line: &str| {
            let line = line.trim_start();
            !line.starts_with('#')
                && NEEDING.iter().any(|command| {
                    line.starts_with(command) || line.contains(&format!(" {command}")) || line.contains(&format!("({command}"))
                })
        };
        if let Some((_, place)) = script.lines().find(|(line, _)| uses(line)) {
            out.add(
                place,
                "this needs a network, and none is set up yet",
                "add a `network` line, or start the installer with `ip=dhcp`",
            );
        }
    }
}
