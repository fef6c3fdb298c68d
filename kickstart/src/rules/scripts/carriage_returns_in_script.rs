//! A script has CR LF line ends.
//!
//! # Why
//!
//! The installer passes the body on as it is: the shell sees a carriage return at the end of every command and finds
//! none of them.
//!
//! # Example
//!
//! ```kickstart
//! %post\r
//! echo hello\r
//! %end\r
//! ```
//!
//! # Fix
//!
//! Save the file with Unix line ends.
//!
//! ```kickstart
//! %post
//! echo hello
//! %end
//! ```

use crate::diagnostic::{Applicability, Fix};
use crate::lint::{Context, Findings};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    for script in cx.model.scripts.iter().filter(|script| script.body.contains("\r\n")) {
        // Anaconda splits and joins lines; the carriage returns stay.
        if let Some((_, place)) = script.lines().find(|(line, _)| !line.trim().is_empty()) {
            out.add(place, "the lines of this script end with CR LF", "save the file with Unix line ends");
            out.fix(Fix::replace(script.body_span, script.body.replace("\r\n", "\n"), Applicability::Safe));
        }
    }
}
