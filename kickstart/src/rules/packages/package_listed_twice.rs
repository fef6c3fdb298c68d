//! A package or group is listed twice.
//!
//! # Why
//!
//! It does no harm; one of the lines is probably meant to be another package.
//!
//! # Example
//!
//! ```kickstart
//! %packages
//! @core
//! vim-enhanced
//! @core
//! %end
//! ```
//!
//! # Fix
//!
//! Drop one of them.
//!
//! ```kickstart
//! %packages
//! @core
//! vim-enhanced
//! %end
//! ```

use crate::diagnostic::{Applicability, Fix};
use crate::lint::{Context, Findings};
use std::collections::HashMap;

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    let mut first: HashMap<&str, usize> = HashMap::new();
    for (entry, place) in cx.model.packages.iter().flat_map(|section| &section.entries) {
        match first.get(entry) {
            Some(line) => {
                out.add(*place, format!("line {line} lists `{entry}` already"), "remove one of the two lines");
                out.fix(Fix::remove(cx.whole_line(*place), Applicability::Safe));
            }
            None => drop(first.insert(entry, place.line)),
        }
    }
}
