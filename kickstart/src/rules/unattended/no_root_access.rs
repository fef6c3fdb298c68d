//! Nobody could log in: no `rootpw` line and no administrator.
//!
//! # Why
//!
//! "Root password" stays incomplete: the installer waits or ends. Any `rootpw` line completes it, `rootpw --lock` too;
//! so does a `user` in the group wheel that is not locked.
//!
//! # Example
//!
//! ```kickstart
//! lang en_US.UTF-8
//! autopart
//! ```
//!
//! # Fix
//!
//! Add `rootpw --lock` and an administrator, or `rootpw --iscrypted HASH`.
//!
//! ```kickstart
//! lang en_US.UTF-8
//! autopart
//! rootpw --lock
//! user --name=ops --groups=wheel --iscrypted --password=$6$salt$hash
//! ```

use crate::lint::{Context, Findings};
use crate::reading::Command;

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    let model = cx.model;
    let is_admin = |user: &Command<'_>| !user.has("lock") && user.list("groups").any(|group| group.starts_with("wheel"));
    let has_access = model.uses(&["rootpw", "rescue"]) || model.all("user").any(is_admin);
    if !model.is_partial && !model.is_fragment && !has_access {
        let help = "add `rootpw --lock` and `user --name=… --groups=wheel …`, or `rootpw --iscrypted HASH`";
        out.add(model.end, "there is neither a `rootpw` line nor an administrator", help);
    }
}
