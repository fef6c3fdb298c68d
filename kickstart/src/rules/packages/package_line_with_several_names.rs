//! A line of `%packages` has several names.
//!
//! # Why
//!
//! A line is one package: `vim git` is looked for as a package of that name, is not found, and the installation stops.
//!
//! # Example
//!
//! ```kickstart
//! %packages
//! vim git
//! %end
//! ```
//!
//! # Fix
//!
//! Write each on a line of its own.
//!
//! ```kickstart
//! %packages
//! vim
//! git
//! %end
//! ```

use crate::lint::{Context, Findings};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    for (entry, place) in cx.model.packages.iter().flat_map(|section| &section.entries) {
        // Groups may have options and names with spaces.
        if !entry.starts_with(['@', '-', '%']) && entry.contains(char::is_whitespace) {
            out.add(*place, "one line is one package", "write each name on a line of its own");
        }
    }
}
