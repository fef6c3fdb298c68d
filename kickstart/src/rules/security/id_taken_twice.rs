//! Two users or two groups have the same number.
//!
//! # Why
//!
//! The second is not made: the installer notes it in its log and goes on, so that a user is missing on the machine.
//!
//! # Example
//!
//! ```kickstart
//! user --name=ops --uid=1000
//! user --name=dev --uid=1000
//! ```
//!
//! # Fix
//!
//! Give each its own number, or none.
//!
//! ```kickstart
//! user --name=ops --uid=1000
//! user --name=dev --uid=1001
//! ```

use std::collections::HashMap;

use crate::lint::{Context, Findings};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    for (object, dest) in [("user", "uid"), ("group", "gid")] {
        let mut taken: HashMap<i64, usize> = HashMap::new();
        for command in cx.model.all(object) {
            let Some(number) = command.number(dest) else { continue };
            if let Some(line) = taken.get(&number) {
                let message = format!("line {line} gives {dest} {number} to another {object}");
                out.add(command.place_of(dest), message, "give another number, or none");
            } else {
                taken.insert(number, command.place.line);
            }
        }
    }
}
