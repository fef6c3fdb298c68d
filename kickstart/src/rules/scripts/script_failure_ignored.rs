//! A script may fail, and the installation goes on.
//!
//! # Why
//!
//! Without `--erroronfail` a script that ends with an error leaves only a line in the log; the machine comes up half
//! set up. With it the installer stops, but (RHEL 7 to 9) it then waits at a dialog: best the script reports its
//! failure itself.
//!
//! # Example
//!
//! ```kickstart
//! %post
//! dnf -y install puppet-agent
//! %end
//! ```
//!
//! # Fix
//!
//! Add `--erroronfail`, or let the script trap its errors.
//!
//! ```kickstart
//! %post --erroronfail
//! set -e
//! dnf -y install puppet-agent
//! %end
//! ```

use crate::diagnostic::{Applicability, Fix};
use crate::document::SectionKind;
use crate::lint::{Context, Findings};
use crate::source::Span;

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    let watched = [SectionKind::Pre, SectionKind::PreInstall, SectionKind::Post];
    for script in cx.model.scripts.iter().filter(|script| watched.contains(&script.kind)) {
        let handles = script.lines().any(|(line, _)| line.trim_start().starts_with("trap "));
        if !script.header.has("errorOnFail") && !handles && !script.body.trim().is_empty() {
            out.add(
                script.place,
                "a failure of this script goes unseen",
                "add `--erroronfail`, or `trap` errors and report them",
            );
            let end = script.place.span.end;
            out.fix(Fix::replace(Span::new(end, end), " --erroronfail", Applicability::Unsafe));
        }
    }
}
