//! Two environments are chosen.
//!
//! # Why
//!
//! A machine has one environment: the last line wins.
//!
//! # Example
//!
//! ```kickstart
//! %packages
//! @^minimal-environment
//! @^server-product-environment
//! %end
//! ```
//!
//! # Fix
//!
//! Keep one; groups come in addition as `@group`.
//!
//! ```kickstart
//! %packages
//! @^minimal-environment
//! @headless-management
//! %end
//! ```

use crate::lint::{Context, Findings};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    let entries = cx.model.packages.iter().flat_map(|section| &section.entries);
    let mut environments = entries.filter(|(entry, _)| entry.starts_with("@^"));
    let Some((first, place)) = environments.next() else { return };
    for (other, other_place) in environments.filter(|(other, _)| other != first) {
        let message = format!("line {} chooses the environment `{first}`; `{other}` takes its place", place.line);
        out.add(*other_place, message, "keep one; groups are `@group`");
    }
}
