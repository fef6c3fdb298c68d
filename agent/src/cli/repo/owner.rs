//! Root works on the repository as the user whose state it is, which is the agent's: what root itself made there, or gpg for it,
//! would be closed to the agent from then on.

use std::ffi::CString;
use std::os::unix::fs::MetadataExt as _;

use nix::errno::Errno;
use nix::unistd::{Gid, Uid, User, initgroups, setgid, setgroups, setuid};

use super::common::login;
use crate::cli::context::Context;
use crate::cli::error::{CliError, OrExit as _};

/// Becomes the owner of the state directory, if this is root and the directory is another user's. There is no way back.
pub(super) fn become_owner(context: &Context) -> Result<(), CliError> {
    let directory = context.state_dir()?;
    if !Uid::effective().is_root() {
        return Ok(());
    }
    // Where there is none yet, there is nobody else's.
    let Ok(metadata) = std::fs::metadata(directory) else { return Ok(()) };
    let uid = Uid::from_raw(metadata.uid());
    if uid.is_root() {
        return Ok(());
    }
    // As long as it can be told.
    login();
    let user = User::from_uid(uid).ok().flatten();
    let gid = user.as_ref().map_or_else(|| Gid::from_raw(metadata.gid()), |user| user.gid);
    let become_them = || -> Result<(), Errno> {
        match user.and_then(|user| CString::new(user.name).ok()) {
            Some(name) => initgroups(&name, gid)?,
            None => setgroups(&[gid])?,
        }
        setgid(gid)?;
        setuid(uid)
    };
    become_them().or_world(|| format!("become the user {uid}, whose `{directory}` is"))
}
