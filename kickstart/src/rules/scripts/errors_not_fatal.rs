//! `--erroronfail`, but only the last command counts.
//!
//! # Why
//!
//! A shell script ends with the result of its last command. Without `set -e` (or `exit` and `||` where it matters) a
//! failure before it goes unseen, `--erroronfail` or not.
//!
//! # Example
//!
//! ```kickstart
//! %post --erroronfail
//! dnf -y install puppet-agent
//! echo done
//! %end
//! ```
//!
//! # Fix
//!
//! Start the script with `set -e`.
//!
//! ```kickstart
//! %post --erroronfail
//! set -e
//! dnf -y install puppet-agent
//! echo done
//! %end
//! ```

use crate::diagnostic::{Applicability, Fix};
use crate::lint::{Context, Findings};
use crate::source::Span;

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    for script in cx.model.scripts.iter().filter(|script| script.header.has("errorOnFail")) {
        let is_shell = ["sh", "bash", "dash", "ksh"].iter().any(|shell| script.interpreter().rsplit('/').next() == Some(shell));
        let handles = |line: &str| {
            let line = line.trim();
            let sets =
                line.strip_prefix("set ").is_some_and(|rest| rest.starts_with("-e") || rest.contains("errexit") || is_flag(rest));
            sets || line.starts_with("trap ")
                || line.contains("exit ")
                || line.contains("||")
                || line.starts_with("#!") && line.contains(" -e")
        };
        let commands = script.lines().filter(|(line, _)| !line.trim().is_empty() && !line.trim_start().starts_with('#')).count();
        if is_shell && commands > 1 && !script.lines().any(|(line, _)| handles(line)) {
            out.add(script.place, "only the last command of this script can fail it", "start it with `set -e`");
            // A shebang does nothing there, but belongs first.
            let first = script.lines().next().filter(|(line, _)| line.starts_with("#!"));
            let at = first.map_or(script.body_span.start, |(_, place)| cx.whole_line(place).end);
            out.fix(Fix::replace(Span::new(at, at), "set -e\n", Applicability::Unsafe));
        }
    }
}

/// `-euo …` or `-uex`: a group of flags with `e` in it.
fn is_flag(rest: &str) -> bool {
    let word = rest.split_whitespace().next().unwrap_or_default();
    word.strip_prefix('-').is_some_and(|flags| flags.contains('e') && !flags.starts_with('o'))
}
