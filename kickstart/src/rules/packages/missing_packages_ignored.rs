//! Packages that are missing are ignored.
//!
//! # Why
//!
//! With `--ignoremissing` a misspelt or vanished package is left out without an error, and the machine is not what the
//! kickstart says.
//!
//! # Example
//!
//! ```kickstart
//! %packages --ignoremissing
//! @core
//! %end
//! ```
//!
//! # Fix
//!
//! Drop the option, so that a missing package stops the installation.
//!
//! ```kickstart
//! %packages
//! @core
//! %end
//! ```

use crate::lint::{Context, Findings};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    for section in cx.model.packages.iter().filter(|section| section.header.has("ignoremissing")) {
        out.add(section.place, "missing packages are left out without a word", "remove `--ignoremissing`");
    }
}
