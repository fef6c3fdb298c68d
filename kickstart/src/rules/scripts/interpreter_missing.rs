//! The interpreter is not there.
//!
//! # Why
//!
//! From RHEL 8 on there is no `/usr/bin/python` and no Python 2; the installer has bash and Python 3 and neither Perl
//! nor Ruby.
//!
//! # Example
//!
//! ```kickstart
//! %pre --interpreter=/usr/bin/python
//! print "hello"
//! %end
//! ```
//!
//! # Fix
//!
//! Name one that is there.
//!
//! ```kickstart
//! %pre --interpreter=/usr/bin/python3
//! print("hello")
//! %end
//! ```

use crate::document::SectionKind;
use crate::lint::{Context, Findings};
use crate::release::Release;

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    for script in &cx.model.scripts {
        let interpreter = script.interpreter().split_whitespace().next().unwrap_or_default();
        let name = interpreter.rsplit('/').next().unwrap_or_default();
        let runs_in_installer = script.kind != SectionKind::Post || script.header.has("nochroot");
        let is_old_python = cx.release != Release::Rhel7 && matches!(name, "python" | "python2" | "python2.7");
        let is_elsewhere =
            runs_in_installer && matches!(name, "perl" | "ruby" | "node" | "zsh" | "fish" | "php" | "ksh" | "tcsh");
        if !interpreter.starts_with('/') {
            out.add_warning(script.place, "an interpreter is a path that starts with `/`", "write `--interpreter=/usr/bin/…`");
        } else if is_old_python {
            out.add_warning(
                script.place,
                format!("{} has no `{interpreter}`", cx.release),
                "use /usr/bin/python3 or /usr/libexec/platform-python",
            );
        } else if is_elsewhere {
            out.add_warning(script.place, format!("the installer has no `{name}`"), "use /bin/bash or /usr/bin/python3");
        }
    }
}
