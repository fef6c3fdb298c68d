//! There is no `%packages` section.
//!
//! # Why
//!
//! "Software selection" stays incomplete without one, even an empty one: in text mode the installer waits for ever, in
//! cmdline mode it ends. Where the kickstart names no source it is a warning: the image that the machine was started from may be
//! what is installed, and needs no packages.
//!
//! # Example
//!
//! ```kickstart
//! url --url=http://mirror.example.com/os/
//! autopart
//! ```
//!
//! # Fix
//!
//! Add a `%packages` section; it may be empty.
//!
//! ```kickstart
//! url --url=http://mirror.example.com/os/
//! autopart
//! %packages
//! %end
//! ```

use crate::lint::{Context, Findings};

/// Commands that name where packages come from.
const SOURCES: &[&str] = &["cdrom", "harddrive", "hmc", "nfs", "url", "repo", "rhsm"];

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    let model = cx.model;
    let needs_none = ["liveimg", "ostreesetup", "ostreecontainer", "bootc", "rescue"];
    if !model.is_partial && !model.is_fragment && model.packages.is_empty() && !model.uses(&needs_none) {
        let (message, help) = ("there is no `%packages` section", "add `%packages` and `%end`; the section may be empty");
        if model.uses(SOURCES) {
            out.add(model.end, message, help);
        } else {
            out.add_warning(model.end, message, help);
        }
    }
}
