//! Root may log in over SSH with a password.
//!
//! # Why
//!
//! `--allow-ssh` opens the account that everybody tries first.
//!
//! # Example
//!
//! ```kickstart
//! rootpw --iscrypted --allow-ssh $6$salt$hash
//! ```
//!
//! # Fix
//!
//! Drop the option and log in with a key, or as another user.
//!
//! ```kickstart
//! rootpw --iscrypted $6$salt$hash
//! ```

use crate::lint::{Context, Findings};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    for command in cx.model.all("rootpw").filter(|command| command.has("allow_ssh")) {
        out.add(command.place_of("allow_ssh"), "root may log in over SSH with a password", "use `sshkey`, or another user");
    }
}
