//! One agent a host: a lock on a file that the kernel releases however the process ends.

use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};

use camino::{Utf8Path, Utf8PathBuf};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

/// The lock. Released when it is dropped.
#[derive(Debug)]
pub struct Lock {
    _file: Flock<File>,
}

/// Why the lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process holds it.
    #[error("an agent runs on this host already (process {pid}): it holds `{path}`")]
    Held {
        /// The file.
        path: Utf8PathBuf,
        /// The process as it wrote itself down.
        pid: String,
    },
    /// The file cannot be used.
    #[error("take the lock `{path}`")]
    File {
        /// The file.
        path: Utf8PathBuf,
        /// The system's words.
        #[source]
        source: std::io::Error,
    },
}

impl Lock {
    /// Takes the lock on `path`, which is made if it is not there, or says who has it. Does not wait.
    pub fn take(path: &Utf8Path) -> Result<Self, LockError> {
        let error = |source| LockError::File { path: path.to_owned(), source };
        // Not truncated: until the lock is ours, the content is another process's.
        let file = File::options().read(true).write(true).create(true).truncate(false).open(path).map_err(error)?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(mut file) => {
                let pid = format!("{}\n", std::process::id());
                file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(pid.as_bytes())).map_err(error)?;
                Ok(Self { _file: file })
            }
            Err((mut file, Errno::EWOULDBLOCK)) => {
                let mut pid = String::new();
                // Who holds it is a courtesy; the lock itself is what counts.
                let _ = file.read_to_string(&mut pid);
                let pid = Some(pid.trim()).filter(|pid| !pid.is_empty()).unwrap_or("unknown").to_owned();
                Err(LockError::Held { path: path.to_owned(), pid })
            }
            Err((_, errno)) => Err(error(errno.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_taker_is_told_who_holds_the_lock_until_it_is_released() {
        let temporary = tempfile::tempdir().expect("directory");
        let path = Utf8PathBuf::from_path_buf(temporary.path().join("lock")).expect("UTF-8");
        let first = Lock::take(&path).expect("the first takes it");
        let error = Lock::take(&path).expect_err("the second must not");
        assert!(matches!(&error, LockError::Held { pid, .. } if *pid == std::process::id().to_string()), "{error}");
        drop(first);
        Lock::take(&path).expect("free again");
    }
}
