//! A script starts with a shebang that is not its interpreter.
//!
//! # Why
//!
//! The installer writes the body to a file and runs it with `--interpreter`, `/bin/sh` if there is none; the first line
//! of the body decides nothing.
//!
//! # Example
//!
//! ```kickstart
//! %post
//! #!/usr/bin/python3
//! print("hello")
//! %end
//! ```
//!
//! # Fix
//!
//! Name the interpreter in the header.
//!
//! ```kickstart
//! %post --interpreter=/usr/bin/python3
//! print("hello")
//! %end
//! ```

use crate::lint::{Context, Findings};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    for script in &cx.model.scripts {
        let Some((line, place)) = script.lines().next() else { continue };
        let Some(shebang) = line.strip_prefix("#!") else { continue };
        let mut words = shebang.split_whitespace();
        let program = words.find(|word| *word != "/usr/bin/env").unwrap_or_default();
        let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
        let is_shell = |name: &str| matches!(name, "sh" | "bash" | "dash");
        let (wanted, used) = (name(program), name(script.interpreter()));
        // On these systems sh is bash.
        if wanted != used && !(is_shell(&wanted) && is_shell(&used)) {
            let message = format!("the script is run by `{}`, not by `{program}`", script.interpreter());
            out.add(place, message, "name the interpreter with `--interpreter`");
        }
    }
}
