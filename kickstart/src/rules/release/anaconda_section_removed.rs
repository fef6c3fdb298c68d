//! `%anaconda` is gone.
//!
//! # Why
//!
//! RHEL 10 refuses the section with "Unknown kickstart section"; RHEL 9 and Fedora warn of it. `ksvalidator` takes it
//! everywhere.
//!
//! # Example
//!
//! ```kickstart
//! # with: release=rhel10
//! %anaconda
//! pwpolicy root --minlen=8
//! %end
//! ```
//!
//! # Fix
//!
//! Remove it: password policies are set in the installer's configuration.
//!
//! ```kickstart
//! # with: release=rhel10
//! rootpw --lock
//! ```

use crate::document::SectionKind;
use crate::lint::{Context, Findings};
use crate::release::Release;

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    for (_, place) in cx.model.others.iter().filter(|(kind, _)| *kind == SectionKind::Anaconda) {
        let message = format!("{} has no `%anaconda` section", cx.release);
        match cx.release {
            Release::Rhel10 => out.add(*place, message, "remove the section"),
            Release::Rhel7 | Release::Rhel8 => {}
            _ => out.add_warning(*place, "the `%anaconda` section is on its way out", "remove the section"),
        }
    }
}
