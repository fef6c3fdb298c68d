//! A script section is empty.
//!
//! # Why
//!
//! It does nothing; perhaps its body was lost in a template.
//!
//! # Example
//!
//! ```kickstart
//! %post
//! %end
//! ```
//!
//! # Fix
//!
//! Remove it, or fill it.
//!
//! ```kickstart
//! %post
//! touch /etc/installed
//! %end
//! ```

use crate::lint::{Context, Findings};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    for script in cx.model.scripts.iter().filter(|script| script.body.trim().is_empty()) {
        out.add(script.place, "this script is empty", "remove it, or fill it");
    }
}
