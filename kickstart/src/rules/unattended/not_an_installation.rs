//! Nothing in the file is about disks, packages or accounts.
//!
//! # Why
//!
//! The installer would stop and ask for all of it. A piece of a kickstart that others include, and one for a rescue, look like that
//! and are fine: nothing else is said to be missing in them.
//!
//! # Example
//!
//! ```kickstart
//! lang en_US.UTF-8
//! timezone Europe/Berlin --utc
//! ```
//!
//! # Fix
//!
//! Add what an installation needs, or lint the file that includes this one.
//!
//! ```kickstart
//! lang en_US.UTF-8
//! timezone Europe/Berlin --utc
//! rootpw --lock
//! autopart
//! %packages
//! @core
//! %end
//! ```

use crate::lint::{Context, Findings};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    // An empty file has been reported as one, and a script alone is surely a piece.
    let has_command = !cx.model.commands.is_empty() && !cx.model.uses(&["rescue"]);
    if cx.model.is_fragment && has_command {
        let help = "add disks, `%packages` and `rootpw`; a piece that others include needs none of them";
        out.add(cx.model.end, "this installs nothing: there are no disks, no packages and no accounts", help);
    }
}
