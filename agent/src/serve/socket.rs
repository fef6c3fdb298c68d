//! The file of the API socket: made for those who may use it, replaced when a killed agent left it, removed at the end.

use std::io;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};

use camino::{Utf8Path, Utf8PathBuf};
use tokio::net::UnixListener;

use super::caller::group_id;

/// Why the API socket could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// Another agent answers on it.
    #[error("another agent answers on `{path}`: only one may run on a host; `systemctl status rekindle` shows it")]
    InUse {
        /// The socket.
        path: Utf8PathBuf,
    },
    /// Something that is no socket has the name.
    #[error("`{path}` exists and is not a socket: move it away, or set another run directory")]
    NotASocket {
        /// The path.
        path: Utf8PathBuf,
    },
    /// Longer than the kernel takes.
    #[error("`{path}` is longer than the 107 bytes that a socket's path may have: set a shorter run directory")]
    TooLong {
        /// The path.
        path: Utf8PathBuf,
    },
    /// The file system refused.
    #[error("API socket: {action} `{path}`")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: Utf8PathBuf,
        /// The system's words.
        #[source]
        source: io::Error,
    },
}

/// The API socket and who may use it.
#[derive(Debug)]
pub struct ApiSocket {
    pub(super) listener: UnixListener,
    pub(super) group: Option<u32>,
    path: Utf8PathBuf,
}

impl Drop for ApiSocket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Opens the socket at `path` for root, this process's user and the members of `group`, if there is such a group. What a killed
/// agent left there is replaced. Needs a tokio runtime.
pub fn open(path: &Utf8Path, group: &str) -> Result<ApiSocket, SocketError> {
    let io_error = |action| move |source| SocketError::Io { action, path: path.to_owned(), source };
    if path.as_str().len() > 107 {
        return Err(SocketError::TooLong { path: path.to_owned() });
    }
    if let Ok(metadata) = std::fs::symlink_metadata(path) {
        if !metadata.file_type().is_socket() {
            return Err(SocketError::NotASocket { path: path.to_owned() });
        }
        if std::os::unix::net::UnixStream::connect(path).is_ok() {
            return Err(SocketError::InUse { path: path.to_owned() });
        }
        std::fs::remove_file(path).map_err(io_error("remove the old"))?;
    }
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory).map_err(io_error("create the directory of"))?;
    }
    let listener = UnixListener::bind(path).map_err(io_error("create"))?;
    let group = group_id(group);
    if let Some(group) = group {
        let owned = std::os::unix::fs::chown(path, None, Some(group));
        owned.map_err(io_error("give to the group"))?;
    }
    let mode = if group.is_some() { 0o660 } else { 0o600 };
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).map_err(io_error("set the mode of"))?;
    Ok(ApiSocket { listener, path: path.to_owned(), group })
}
