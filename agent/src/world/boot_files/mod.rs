//! Boot files: the kernel and initrd of an install tree, copied here, compared with the digests in `.treeinfo`, and kept.
//!
//! ```text
//! {cache}/boot/{os}/current              which digest is the tree's now, where it came from, when that was last asked
//! {cache}/boot/{os}/{digest}/vmlinuz     world-readable: qemu reads it under its own user
//! {cache}/boot/{os}/{digest}/initrd.img
//! {cache}/boot/{os}/{digest}/verified    size and time of both files when their digests were compared
//! ```
//!
//! `execute` calls [`ensure`] before each attempt: it asks for `.treeinfo` every time and copies only what has changed. `collect`
//! calls [`cached`]. A directory appears under its digest only when it is whole (written elsewhere, synced, renamed), so a
//! kill at any instant leaves nothing that looks good and is not. Nothing here may hand out a file whose digest was not compared.

mod error;
mod source;
mod treeinfo;

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::time::{Duration, UNIX_EPOCH};

use camino::{Utf8Path, Utf8PathBuf};
use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::Change;
use crate::observed::BootFiles;
use crate::spec::{OsName, OsSpec, Timestamp, TreeLocation};
pub use error::BootFilesError;
pub use source::TreeReadError;
use source::{Patience, Source, read_error};
use treeinfo::{TreeFile, Treeinfo, TreeinfoError};

/// A digest that is no longer the tree's stays for as long as an install that was begun with it may still need it.
const KEEP_OLD: Duration = Duration::from_secs(24 * 3600);
const KERNEL: &str = "vmlinuz";
const INITRD: &str = "initrd.img";
const VERIFIED: &str = "verified";
const CURRENT: &str = "current";

/// Sizes that no tree comes near.
#[derive(Debug, Clone, Copy)]
struct Limits {
    treeinfo: u64,
    image: u64,
    patience: Patience,
}

impl Default for Limits {
    fn default() -> Self {
        Self { treeinfo: 256 << 10, image: 1 << 30, patience: Patience::default() }
    }
}

/// What `verified` says of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    size: u64,
    seconds: i64,
    nanoseconds: i64,
}

/// The content of `{digest}/verified`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Verified {
    kernel: Stamp,
    initrd: Stamp,
}

/// The content of `current`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Current {
    digest: String,
    tree: String,
    checked: u64,
}

/// Asks the tree of `os` for its boot files and makes the cache hold them. Blocks: a few milliseconds when nothing has changed,
/// else as long as two files take to copy (at most ten minutes each). Callers for the same OS wait for one another.
pub fn ensure(os: &OsSpec, cache_dir: &Utf8Path, now: Timestamp) -> Result<(BootFiles, Change), BootFilesError> {
    ensure_within(os, cache_dir, now, &Limits::default())
}

/// The boot files that are here and whole, by OS, whatever the site says now. Reads a few small files.
pub fn cached(cache_dir: &Utf8Path) -> BTreeMap<OsName, BootFiles> {
    let Ok(entries) = fs::read_dir(cache_dir.join("boot")) else { return BTreeMap::new() };
    let names = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<OsName>().ok());
    names.filter_map(|os| Some((os.clone(), current(&os_dir(cache_dir, &os))?.1))).collect()
}

/// The boot files of `os`, if they are here, whole, and from the tree that the site names now.
pub fn cached_for(os: &OsSpec, cache_dir: &Utf8Path) -> Option<BootFiles> {
    let (current, files) = current(&os_dir(cache_dir, &os.name))?;
    (current.tree == tree_text(&os.tree)).then_some(files)
}

fn ensure_within(
    os: &OsSpec,
    cache_dir: &Utf8Path,
    now: Timestamp,
    limits: &Limits,
) -> Result<(BootFiles, Change), BootFilesError> {
    let dir = os_dir(cache_dir, &os.name);
    make_dir(&dir)?;
    let _lock = lock(&dir)?;
    let source = Source::new(&os.tree, limits.patience);
    let tree = read_treeinfo(os, &source, limits)?;
    let digest = hex(&Sha256::digest(format!("{}\n{}\n", tree.kernel.sha256, tree.initrd.sha256)))[..32].to_owned();

    let before = current(&dir).map(|(current, _)| current);
    let change = if whole(&dir.join(&digest)) { Change::Unchanged } else { Change::Changed };
    if change == Change::Changed {
        fill(os, &source, &tree, &dir, &digest, limits)?;
    }
    let after = Current { digest, tree: tree_text(&os.tree), checked: now.0 };
    let same = before.as_ref().is_some_and(|before| before.digest == after.digest && before.tree == after.tree);
    if let Some(before) = before.filter(|before| before.digest != after.digest) {
        // Its age counts from now, see `remove_old`.
        let _ = File::open(dir.join(before.digest)).and_then(|old| old.set_modified(UNIX_EPOCH + Duration::from_millis(now.0)));
    }
    put(&dir.join(CURRENT), &json(&after), if same { Durably::No } else { Durably::Yes })?;
    remove_old(&dir, &after.digest, now);
    Ok((files(&dir, &after), if same { change } else { Change::Changed }))
}

fn os_dir(cache_dir: &Utf8Path, os: &OsName) -> Utf8PathBuf {
    cache_dir.join("boot").join(os.as_str())
}

fn tree_text(tree: &TreeLocation) -> String {
    match tree {
        TreeLocation::Url(url) => url.as_str().to_owned(),
        TreeLocation::Directory(directory) => directory.to_string(),
    }
}

fn files(dir: &Utf8Path, current: &Current) -> BootFiles {
    let dir = dir.join(&current.digest);
    BootFiles { kernel: dir.join(KERNEL), initrd: dir.join(INITRD), checked: Timestamp(current.checked) }
}

/// What `current` says, if it points at something whole.
fn current(dir: &Utf8Path) -> Option<(Current, BootFiles)> {
    let current: Current = read_json(&dir.join(CURRENT))?;
    let plain = current.digest.len() == 32 && current.digest.bytes().all(|b| b.is_ascii_hexdigit());
    (plain && whole(&dir.join(&current.digest))).then(|| {
        let files = files(dir, &current);
        (current, files)
    })
}

/// Both files are as they were when their digests were compared.
fn whole(dir: &Utf8Path) -> bool {
    let Some(verified) = read_json::<Verified>(&dir.join(VERIFIED)) else { return false };
    let is = |name: &str, expected: Stamp| {
        let metadata = fs::symlink_metadata(dir.join(name)).ok();
        metadata.is_some_and(|m| m.is_file() && stamp(&m) == expected)
    };
    is(KERNEL, verified.kernel) && is(INITRD, verified.initrd)
}

fn stamp(metadata: &fs::Metadata) -> Stamp {
    Stamp { size: metadata.len(), seconds: metadata.mtime(), nanoseconds: metadata.mtime_nsec() }
}

fn read_treeinfo(os: &OsSpec, source: &Source<'_>, limits: &Limits) -> Result<Treeinfo, BootFilesError> {
    // Some trees have the file without its dot; the installer looks for both, in this order.
    for name in [".treeinfo", "treeinfo"] {
        let place = source.place(name);
        let failed = |source| BootFilesError::Read { os: os.name.clone(), place: place.clone(), source };
        let reader = match source.open(name, false) {
            Ok(reader) => reader,
            Err(TreeReadError::NotFound) => continue,
            Err(error) => return Err(failed(error)),
        };
        let mut bytes = Vec::new();
        reader.take(limits.treeinfo + 1).read_to_end(&mut bytes).map_err(|error| failed(read_error(error)))?;
        if bytes.len() as u64 > limits.treeinfo {
            return Err(BootFilesError::TooLarge { os: os.name.clone(), place, limit: limits.treeinfo });
        }
        let bad = |reason: String| BootFilesError::BadTreeinfo { os: os.name.clone(), place: place.clone(), reason };
        let text = std::str::from_utf8(&bytes).map_err(|_| bad("it is not UTF-8 text".to_owned()))?;
        return Treeinfo::parse(text).map_err(|error| bad(explain(&error)));
    }
    let place = source.place("");
    Err(BootFilesError::NoTreeinfo { os: os.name.clone(), place: place.trim_end_matches('/').to_owned() })
}

fn explain(error: &TreeinfoError) -> String {
    match error {
        TreeinfoError::Syntax { line, reason } => format!("line {line}: {reason}"),
        TreeinfoError::NoImage(image) => format!("[images-x86_64] does not name the {image}: this tree has no x86_64 installer"),
        TreeinfoError::BadPath(path) => format!("[images-x86_64] names {path:?}, which is not a plain path within the tree"),
        TreeinfoError::NoChecksum { path, found: None } => {
            format!(
                "[checksums] has no line for `{path}`, so the file cannot be verified; sync the tree with its own `.treeinfo`"
            )
        }
        TreeinfoError::NoChecksum { path, found: Some(found) } => {
            format!("[checksums] has {found:?} for `{path}`; `sha256:` and 64 hexadecimal digits are needed")
        }
    }
}

/// Copies both files to a directory of their own and moves it to its place when their digests are right.
fn fill(
    os: &OsSpec,
    source: &Source<'_>,
    tree: &Treeinfo,
    dir: &Utf8Path,
    digest: &str,
    limits: &Limits,
) -> Result<(), BootFilesError> {
    // The lock is ours: whatever is there from before belongs to somebody who was killed.
    let work = dir.join(format!(".new-{digest}"));
    remove_dir(&work)?;
    make_dir(&work)?;
    let made = (|| {
        let kernel = copy(os, source, &tree.kernel, &work.join(KERNEL), limits)?;
        let initrd = copy(os, source, &tree.initrd, &work.join(INITRD), limits)?;
        put(&work.join(VERIFIED), &json(&Verified { kernel, initrd }), Durably::Yes)?;
        let target = dir.join(digest);
        // What is there is not whole; a domain that boots from it would not get far either.
        remove_dir(&target)?;
        fs::rename(&work, &target).map_err(cache("move into place", &target))?;
        sync_dir(dir)
    })();
    if made.is_err() {
        let _ = fs::remove_dir_all(&work);
    }
    made
}

fn copy(os: &OsSpec, source: &Source<'_>, file: &TreeFile, to: &Utf8Path, limits: &Limits) -> Result<Stamp, BootFilesError> {
    let place = source.place(&file.path);
    let failed = |source| BootFilesError::Read { os: os.name.clone(), place: place.clone(), source };
    let mut reader = source.open(&file.path, true).map_err(failed)?;
    let mut out = OpenOptions::new().write(true).create_new(true).open(to).map_err(cache("create", to))?;
    let (mut hash, mut size, mut buffer) = (Sha256::new(), 0u64, vec![0u8; 128 << 10]);
    loop {
        let read = match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(failed(read_error(error))),
        };
        size += read as u64;
        if size > limits.image {
            return Err(BootFilesError::TooLarge { os: os.name.clone(), place, limit: limits.image });
        }
        hash.update(&buffer[..read]);
        out.write_all(&buffer[..read]).map_err(cache("write", to))?;
    }
    let found = hex(&hash.finalize());
    if found != file.sha256 {
        return Err(BootFilesError::WrongDigest { os: os.name.clone(), place, expected: file.sha256.clone(), found });
    }
    out.set_permissions(Permissions::from_mode(0o644)).map_err(cache("set the mode of", to))?;
    out.sync_all().map_err(cache("sync", to))?;
    Ok(stamp(&out.metadata().map_err(cache("look at", to))?))
}

/// Removes digests that the tree has not had for a day, and what was left half-made.
fn remove_old(dir: &Utf8Path, current: &str, now: Timestamp) {
    let Ok(entries) = dir.read_dir_utf8() else { return };
    for entry in entries.flatten() {
        let (name, path) = (entry.file_name(), entry.path());
        if name == current || !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        let since = fs::metadata(path).and_then(|m| m.modified()).ok().and_then(|at| {
            let at = at.duration_since(UNIX_EPOCH).ok()?;
            Some(Timestamp(u64::try_from(at.as_millis()).ok()?))
        });
        let left_over = name.starts_with(".new-");
        if left_over || since.is_none_or(|since| now.since(since) > KEEP_OLD) {
            match fs::remove_dir_all(path) {
                Ok(()) => tracing::info!(%path, "removed boot files that are no longer the tree's"),
                Err(error) => tracing::warn!(%path, %error, "cannot remove old boot files"),
            }
        }
    }
}

fn lock(dir: &Utf8Path) -> Result<Flock<File>, BootFilesError> {
    let path = dir.join(".lock");
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path).map_err(cache("create", &path))?;
    let mut file = file;
    loop {
        match Flock::lock(file, FlockArg::LockExclusive) {
            Ok(lock) => return Ok(lock),
            Err((again, nix::errno::Errno::EINTR)) => file = again,
            Err((_, errno)) => return Err(cache("lock", &path)(errno.into())),
        }
    }
}

fn make_dir(path: &Utf8Path) -> Result<(), BootFilesError> {
    DirBuilder::new().recursive(true).mode(0o755).create(path).map_err(cache("create", path))?;
    // A narrow umask must not keep qemu out.
    fs::set_permissions(path, Permissions::from_mode(0o755)).map_err(cache("set the mode of", path))
}

fn remove_dir(path: &Utf8Path) -> Result<(), BootFilesError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(cache("remove", path)(error)),
        _ => Ok(()),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Durably {
    Yes,
    No,
}

/// Writes a small file so that it is there with all its bytes or as it was.
fn put(path: &Utf8Path, bytes: &[u8], durably: Durably) -> Result<(), BootFilesError> {
    let work = Utf8PathBuf::from(format!("{path}.new"));
    let mut file = File::create(&work).map_err(cache("create", &work))?;
    file.write_all(bytes).map_err(cache("write", &work))?;
    if durably == Durably::Yes {
        file.sync_all().map_err(cache("sync", &work))?;
    }
    fs::rename(&work, path).map_err(cache("move into place", path))?;
    match (durably, path.parent()) {
        (Durably::Yes, Some(parent)) => sync_dir(parent),
        _ => Ok(()),
    }
}

fn sync_dir(path: &Utf8Path) -> Result<(), BootFilesError> {
    File::open(path).and_then(|dir| dir.sync_all()).map_err(cache("sync", path))
}

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

fn read_json<T: serde::de::DeserializeOwned>(path: &Utf8Path) -> Option<T> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(4096).read_to_end(&mut bytes).ok()?;
    serde_json::from_slice(&bytes).ok()
}

fn cache(action: &'static str, path: &Utf8Path) -> impl FnOnce(io::Error) -> BootFilesError {
    move |source| BootFilesError::Cache { action, path: path.to_owned(), source }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests;
