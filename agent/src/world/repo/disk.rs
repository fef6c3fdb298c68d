//! Every change to the repository's files goes through here, so that tests can stop a run, or fail it, between any two.
//!
//! Files are made under a name that nobody reads and renamed; what must survive a power cut is synced before whatever makes it
//! visible.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use camino::Utf8Path;

use super::error::RepoError;

/// Asked before each change with its name; an error stands for the file system's.
pub type FaultHook = Arc<dyn Fn(&'static str) -> io::Result<()> + Send + Sync>;

/// The file system under the repository.
#[derive(Clone, Default)]
pub(super) struct Disk {
    hook: Option<FaultHook>,
}

impl Disk {
    /// One that asks `hook` before each change.
    pub(super) fn with_hook(hook: FaultHook) -> Self {
        Self { hook: Some(hook) }
    }

    /// A place between two changes.
    pub(super) fn point(&self, name: &'static str) -> io::Result<()> {
        self.hook.as_ref().map_or(Ok(()), |hook| hook(name))
    }

    fn run<T>(&self, what: &'static str, path: &Utf8Path, change: impl FnOnce() -> io::Result<T>) -> Result<T, RepoError> {
        self.point(what).and_then(|()| change()).map_err(|source| RepoError::File { what, path: path.to_owned(), source })
    }

    /// Makes a directory and those above it.
    pub(super) fn create_dirs(&self, path: &Utf8Path) -> Result<(), RepoError> {
        if path.is_dir() {
            return Ok(());
        }
        self.run("make the directory", path, || fs::create_dir_all(path))
    }

    /// Makes a directory that nobody else may look into.
    pub(super) fn create_private_dir(&self, path: &Utf8Path) -> Result<(), RepoError> {
        self.run("make the directory", path, || {
            fs::create_dir_all(path)?;
            fs::set_permissions(path, fs::Permissions::from_mode(0o700))
        })
    }

    /// Gives `to` the same bytes as `from`. What is there already stays.
    pub(super) fn link(&self, from: &Utf8Path, to: &Utf8Path) -> Result<(), RepoError> {
        self.run("link", to, || match fs::hard_link(from, to) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            other => other,
        })
    }

    /// Renames; what was at `to` is replaced.
    pub(super) fn rename(&self, from: &Utf8Path, to: &Utf8Path) -> Result<(), RepoError> {
        self.run("rename to", to, || fs::rename(from, to))
    }

    /// Points the symbolic link `link` at `target`, in one step.
    pub(super) fn point_link(&self, link: &Utf8Path, target: &str) -> Result<(), RepoError> {
        let new = link.with_file_name(format!(".{}.new", link.file_name().unwrap_or("link")));
        self.run("make the link", &new, || {
            match fs::remove_file(&new) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            std::os::unix::fs::symlink(target, &new)
        })?;
        self.rename(&new, link)
    }

    /// Writes a file that is not there yet, or anew, and syncs it.
    pub(super) fn write(&self, path: &Utf8Path, bytes: &[u8]) -> Result<(), RepoError> {
        self.run("write", path, || {
            let mut file = File::create(path)?;
            file.write_all(bytes)?;
            file.sync_data()
        })
    }

    /// Replaces a file in one step.
    pub(super) fn replace(&self, path: &Utf8Path, bytes: &[u8]) -> Result<(), RepoError> {
        let new = path.with_file_name(format!(".{}.new", path.file_name().unwrap_or("file")));
        self.write(&new, bytes)?;
        self.rename(&new, path)
    }

    /// Appends whole lines to `path` and syncs it. A last line that a crash cut off is cut away first.
    pub(super) fn append(&self, path: &Utf8Path, lines: &str) -> Result<(), RepoError> {
        self.run("append to", path, || {
            let mut file = File::options().read(true).append(true).create(true).open(path)?;
            let whole = whole_lines(&file)?;
            if whole != file.metadata()?.len() {
                file.set_len(whole)?;
            }
            file.write_all(lines.as_bytes())?;
            file.sync_data()
        })
    }

    /// Removes a file or a link; that there is none is fine.
    pub(super) fn remove(&self, path: &Utf8Path) -> Result<(), RepoError> {
        self.run("remove", path, || match fs::remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        })
    }

    /// Removes a directory and everything in it; that there is none is fine.
    pub(super) fn remove_dir(&self, path: &Utf8Path) -> Result<(), RepoError> {
        self.run("remove", path, || match fs::remove_dir_all(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        })
    }

    /// Syncs a file or a directory.
    pub(super) fn sync(&self, path: &Utf8Path) -> Result<(), RepoError> {
        self.run("sync", path, || File::open(path)?.sync_all())
    }

    /// Has the file system of `path` written to the disk what it can by now; nothing counts on it.
    pub(super) fn begin_sync(path: &Utf8Path) {
        drop(File::open(path).map(|directory| nix::unistd::syncfs(directory.as_fd())));
    }

    /// Syncs everything on the file system of `path`: cheaper than many single files.
    pub(super) fn sync_all(&self, path: &Utf8Path) -> Result<(), RepoError> {
        self.run("sync the file system of", path, || {
            let directory = File::open(path)?;
            nix::unistd::syncfs(directory.as_fd()).map_err(io::Error::from)
        })
    }
}

/// Bytes up to and with the last line break.
fn whole_lines(file: &File) -> io::Result<u64> {
    use std::os::unix::fs::FileExt as _;
    let mut end = file.metadata()?.len();
    let mut block = [0u8; 4096];
    while end > 0 {
        let start = end.saturating_sub(block.len() as u64);
        let part = &mut block[..(end - start) as usize];
        file.read_exact_at(part, start)?;
        if let Some(at) = part.iter().rposition(|byte| *byte == b'\n') {
            return Ok(start + at as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use camino::Utf8PathBuf;

    use super::*;

    #[test]
    fn a_line_that_a_crash_cut_off_is_cut_away_by_the_next_append() {
        let dir = tempfile::tempdir().unwrap();
        let path = Utf8PathBuf::from_path_buf(dir.path().join("lines")).unwrap();
        for (before, after) in [("", "new\n"), ("a\nb\n", "a\nb\nnew\n"), ("a\nhal", "a\nnew\n"), ("hal", "new\n")] {
            fs::write(&path, before).unwrap();
            Disk::default().append(&path, "new\n").unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), after, "{before:?}");
        }
        let long = format!("{}\n{}", "x".repeat(5000), "y".repeat(9000));
        fs::write(&path, long).unwrap();
        Disk::default().append(&path, "new\n").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().len(), 5005);
    }
}
