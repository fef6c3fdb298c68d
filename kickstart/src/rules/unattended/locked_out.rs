//! Root is locked and nobody else may administer the machine.
//!
//! # Why
//!
//! The installer is content with `rootpw --lock`, but after the first boot nobody can log in and become root, unless a
//! script sees to it.
//!
//! # Example
//!
//! ```kickstart
//! rootpw --lock
//! autopart
//! ```
//!
//! # Fix
//!
//! Add a user in the group wheel, with a password or an SSH key.
//!
//! ```kickstart
//! rootpw --lock
//! user --name=ops --groups=wheel --iscrypted --password=$6$salt$hash
//! autopart
//! ```

use crate::lint::{Context, Findings};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    let model = cx.model;
    let Some(root) = model.all("rootpw").last() else { return };
    let has_key = model.all("sshkey").any(|key| key.text("username") == "root");
    let has_admin =
        model.all("user").any(|user| !user.has("lock") && user.list("groups").any(|group| group.starts_with("wheel")));
    let has_script = model
        .scripts
        .iter()
        .any(|script| ["authorized_keys", "useradd", "usermod", "sudoers"].iter().any(|w| script.body.contains(w)));
    if root.has("lock") && root.text("password").is_empty() && !has_key && !has_admin && !has_script && !model.is_partial {
        out.add(root.place, "nobody can administer this machine", "add `user --name=… --groups=wheel …`");
    }
}
