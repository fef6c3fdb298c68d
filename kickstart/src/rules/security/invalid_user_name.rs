//! A user name is none.
//!
//! # Why
//!
//! The installer passes it on to `useradd`, which refuses it after the packages are installed; the user is missing.
//!
//! # Example
//!
//! ```kickstart
//! user --name="Web Admin"
//! ```
//!
//! # Fix
//!
//! Small letters, digits, `_` and `-`, not starting with a digit or `-`, at most 32 characters.
//!
//! ```kickstart
//! user --name=webadmin
//! ```

use crate::lint::{Context, Findings};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    for command in cx.model.commands.iter().filter(|command| matches!(command.object, "user" | "group")) {
        let name = command.text("name");
        let is_inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if !starts_well || name.len() > 32 || !name.trim_end_matches('$').chars().all(is_inner) {
            let message = format!("this is no name for a {}", command.object);
            out.add(command.place_of("name"), message, "letters, digits, `_` and `-`, a letter first, at most 32");
        } else if name == "root" && command.object == "user" {
            out.add(command.place_of("name"), "root exists already", "use `rootpw`");
        }
    }
}
