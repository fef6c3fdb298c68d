//! A package is wanted and excluded.
//!
//! # Why
//!
//! The exclusion usually wins, and what needs the package then fails to install.
//!
//! # Example
//!
//! ```kickstart
//! %packages
//! vim-enhanced
//! -vim-enhanced
//! %end
//! ```
//!
//! # Fix
//!
//! Keep one of the lines.
//!
//! ```kickstart
//! %packages
//! vim-enhanced
//! %end
//! ```

use crate::lint::{Context, Findings};
use std::collections::HashSet;

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    let entries = || cx.model.packages.iter().flat_map(|section| &section.entries);
    let plain = |entry: &'_ str| entry.split_whitespace().next().unwrap_or_default().len();
    let wanted: HashSet<&str> =
        entries().filter(|(entry, _)| !entry.starts_with('-')).map(|(entry, _)| &entry[..plain(entry)]).collect();
    for (entry, place) in entries() {
        if let Some(name) = entry.strip_prefix('-').filter(|name| wanted.contains(name)) {
            out.add(*place, format!("`{name}` is wanted by another line"), "keep one of the two lines");
        }
    }
}
