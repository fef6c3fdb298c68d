//! A RHEL kickstart without `eula --agreed`.
//!
//! # Why
//!
//! Some graphical set-ups of RHEL 7 ask for the licence at the first boot.
//!
//! # Example
//!
//! ```kickstart
//! # with: release=rhel7
//! firstboot --disable
//! %packages
//! @graphical-server-environment
//! %end
//! ```
//!
//! # Fix
//!
//! Add `eula --agreed`.
//!
//! ```kickstart
//! # with: release=rhel7
//! eula --agreed
//! firstboot --disable
//! %packages
//! @graphical-server-environment
//! %end
//! ```

use crate::lint::{Context, Findings};
use crate::release::Release;

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    let is_graphical = |entry: &str| entry.starts_with('@') && (entry.contains("graphical") || entry.contains("gnome"));
    let graphical = cx.model.packages.iter().flat_map(|section| &section.entries).find(|(entry, _)| is_graphical(entry));
    if let Some((_, place)) = graphical
        && cx.release == Release::Rhel7
        && !cx.model.is_partial
        && !cx.model.uses(&["eula"])
    {
        out.add(*place, "the licence is asked for at the first boot", "add `eula --agreed`");
    }
}
