//! `%onerror` in a mode where the installer asks first.
//!
//! # Why
//!
//! In text and graphical mode many errors open a dialog and wait; `%onerror` runs once somebody answers. In cmdline
//! mode it runs at once.
//!
//! # Example
//!
//! ```kickstart
//! text
//! %onerror
//! curl -s http://192.0.2.1/failed
//! %end
//! ```
//!
//! # Fix
//!
//! Use `cmdline`.
//!
//! ```kickstart
//! cmdline
//! %onerror
//! curl -s http://192.0.2.1/failed
//! %end
//! ```

use crate::document::SectionKind;
use crate::lint::{Context, Findings};
use crate::reading::Command;

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    let model = cx.model;
    let asks = |mode: &Command<'_>| mode.name != "cmdline" && !mode.has("nonInteractive");
    let Some(mode) = model.commands.iter().rev().find(|command| command.object == "cmdline").filter(|mode| asks(mode)) else {
        return;
    };
    for script in model.scripts.iter().filter(|script| script.kind == SectionKind::OnError) {
        let message = format!("in `{}` mode the installer asks before it runs this", mode.name);
        out.add(script.place, message, "use `cmdline`");
    }
}
