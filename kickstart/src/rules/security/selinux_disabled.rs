//! `SELinux` is switched off.
//!
//! # Why
//!
//! A service that is broken into then has the whole machine.
//!
//! # Example
//!
//! ```kickstart
//! selinux --disabled
//! ```
//!
//! # Fix
//!
//! Write `selinux --enforcing`; `--permissive` only warns.
//!
//! ```kickstart
//! selinux --enforcing
//! ```

use crate::diagnostic::{Applicability, Fix};
use crate::lint::{Context, Findings};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    for command in cx.model.all("selinux") {
        if command.matched.last("selinux").is_some_and(|taken| taken.row.names.contains(&"--disabled")) {
            out.add(command.place_of("selinux"), "SELinux is switched off", "write `selinux --enforcing`");
            out.fix(Fix::replace(command.place_of("selinux").span, "--enforcing", Applicability::Unsafe));
        }
    }
}
