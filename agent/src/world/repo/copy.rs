//! What was handed in, copied aside: its bytes pass once through a buffer of fixed size, whatever the size of the package, and
//! are hashed on the way; then its header is read.
//!
//! `intake` calls it. It judges nothing but whether a file is a package at all.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use camino::{Utf8Path, Utf8PathBuf};
use sha2::{Digest as _, Sha256};

use super::Repository;
use super::error::RepoError;
use super::header::front;
use crate::spec::{Digest, EntryPolicy, Nevra};

/// Bytes read at once.
const CHUNK: usize = 256 << 10;
/// Files of one directory.
const FILES_A_DIRECTORY: usize = 200;
/// Bytes of a file's name at most.
const LONGEST_NAME: usize = 255;
/// Files that are worth a thread.
const FILES_A_WORKER: usize = 16;

/// A copy.
pub(super) struct Copied {
    /// What the file was called.
    pub(super) file: String,
    /// Where the copy is, in the directory of all copies.
    pub(super) place: String,
    /// SHA-256 of its bytes.
    pub(super) source: Digest,
    /// How many they are.
    pub(super) size: u64,
    /// What they are.
    pub(super) content: Content,
}

/// What a copy turned out to be.
pub(super) enum Content {
    /// A package, with what its header says.
    Package(Facts),
    /// The pool has it as this digest; the copy is gone.
    Known(Digest),
    /// No package that can enter, and why; the copy is gone.
    Strange(String),
}

/// What the header says.
pub(super) struct Facts {
    pub(super) nevra: Nevra,
    pub(super) header: String,
    pub(super) summary: String,
    pub(super) built: u64,
}

/// Threads that are worth their while for `count` pieces of work of which `each` keep one busy.
pub(super) fn workers(count: usize, each: usize) -> usize {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    (count / each).clamp(1, processors)
}

impl Repository {
    /// Copies `files` to places below `directory`, in their order; `known` says which digest of the pool bytes have that were handed
    /// in before.
    pub(super) fn copy_all(
        &self,
        files: &[Utf8PathBuf],
        directory: &Utf8Path,
        known: &(dyn Fn(&Digest) -> Option<Digest> + Sync),
    ) -> Result<Vec<Copied>, RepoError> {
        let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
        let work = |worker: usize| {
            let (mut done, mut buffer) = (Vec::new(), vec![0; CHUNK]);
            while !failed.load(Ordering::Relaxed) {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(path) = files.get(index) else { break };
                // Of its own, and small: threads that make files in one directory wait for each other, and some file systems look
                // through all of it for each.
                let own = format!("{worker}-{}", done.len() / FILES_A_DIRECTORY);
                if done.len() % FILES_A_DIRECTORY == 0 {
                    self.disk.create_dirs(&directory.join(&own))?;
                }
                match self.copy(path, directory, format!("{own}/{index}.rpm"), known, &mut buffer) {
                    Ok(copied) => done.push((index, copied)),
                    Err(error) => {
                        failed.store(true, Ordering::Relaxed);
                        return Err(error);
                    }
                }
            }
            Ok(done)
        };
        let mut all = Vec::with_capacity(files.len());
        std::thread::scope(|scope| {
            let work = &work;
            let others: Vec<_> =
                (1..workers(files.len(), FILES_A_WORKER)).map(|worker| scope.spawn(move || work(worker))).collect();
            all.append(&mut work(0)?);
            for other in others {
                all.append(&mut other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
            }
            Ok(())
        })?;
        all.sort_by_key(|(index, _)| *index);
        Ok(all.into_iter().map(|(_, copied)| copied).collect())
    }

    /// Copies and hashes in one go.
    fn copy(
        &self,
        from: &Utf8Path,
        directory: &Utf8Path,
        place: String,
        known: &(dyn Fn(&Digest) -> Option<Digest> + Sync),
        buffer: &mut [u8],
    ) -> Result<Copied, RepoError> {
        let unread = |source| RepoError::File { what: "read", path: from.to_owned(), source };
        // A device would never end.
        let kind = std::fs::metadata(from).map_err(unread)?.file_type();
        if !kind.is_file() && !kind.is_fifo() {
            let what = if kind.is_dir() { "it is a directory: name the files in it" } else { "it is no file" };
            return Err(unread(io::Error::other(what)));
        }
        let mut source = File::open(from).map_err(unread)?;
        let staged = directory.join(&place);
        let error = |source| RepoError::File { what: "write", path: staged.clone(), source };
        self.disk.point("copy a package").map_err(error)?;
        // What is in the pool is read-only; only signing still changes it.
        let mode = if self.policy.entry == EntryPolicy::SignOnce { 0o644 } else { 0o444 };
        let mut copy = File::options().write(true).create_new(true).mode(mode).open(&staged).map_err(error)?;
        let (mut hash, mut size, mut first) = (Sha256::new(), 0, 0);
        loop {
            let read = match source.read(buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(source) => return Err(unread(source)),
            };
            hash.update(&buffer[..read]);
            copy.write_all(&buffer[..read]).map_err(error)?;
            if size == 0 {
                first = read;
            }
            size += read as u64;
        }
        let source = Digest::from(<[u8; 32]>::from(hash.finalize()));
        let file = from.file_name().unwrap_or(from.as_str()).to_owned();
        // Most packages are in the buffer from end to end.
        let front = || match buffer.get(..size as usize).filter(|_| size == first as u64) {
            Some(whole) => front(whole),
            None => File::open(&staged).map_err(|error| error.to_string()).and_then(|copy| front(io::BufReader::new(copy))),
        };
        let content = match known(&source) {
            Some(digest) => Content::Known(digest),
            None => front()
                .map_err(|why| format!("it is no RPM package: {why}"))
                .and_then(|front| facts(&front))
                .map_or_else(Content::Strange, Content::Package),
        };
        if !matches!(content, Content::Package(_)) {
            self.disk.remove(&staged)?;
        }
        Ok(Copied { file, place, source, size, content })
    }
}

/// The digest and size of a file.
pub(super) fn hash(path: &Utf8Path) -> Result<(Digest, u64), RepoError> {
    let read = || -> io::Result<(Digest, u64)> {
        let (mut file, mut hash, mut buffer, mut size) = (File::open(path)?, Sha256::new(), vec![0; CHUNK], 0);
        loop {
            match file.read(&mut buffer) {
                Ok(0) => return Ok((Digest::from(<[u8; 32]>::from(hash.finalize())), size)),
                Ok(read) => {
                    hash.update(&buffer[..read]);
                    size += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    };
    read().map_err(|source| RepoError::File { what: "read", path: path.to_owned(), source })
}

/// What the headers say, which are at the front; the payload is left alone.
fn facts(mut front: &[u8]) -> Result<Facts, String> {
    // What follows the dash is a dump of bytes.
    let why = |error: rpm::Error| error.to_string().split(" - ").next().unwrap_or_default().to_owned();
    let metadata = rpm::PackageMetadata::parse(&mut front).map_err(|error| format!("it is no RPM package: {}", why(error)))?;
    if metadata.is_source_package() {
        return Err("it is a source package: stages hold what VMs install".to_owned());
    }
    let text =
        |value: Result<&str, rpm::Error>| value.map(str::to_owned).map_err(|error| format!("its header is not whole: {error}"));
    let (name, version) = (text(metadata.get_name())?, text(metadata.get_version())?);
    let (release, arch) = (text(metadata.get_release())?, text(metadata.get_arch())?);
    let epoch = metadata.get_epoch().unwrap_or(0);
    let nevra = Nevra::new(&name, epoch, &version, &release, &arch)
        .map_err(|error| format!("{name:?} {version:?} {release:?} {arch:?} can be no package: {error}"))?;
    if nevra.file_name().len() > LONGEST_NAME {
        return Err(format!("file systems take no name as long as `{}`", nevra.file_name()));
    }
    let header = metadata.signature.get_entry_data_as_string(rpm::IndexSignatureTag::RPMSIGTAG_SHA256);
    let Ok(header) = header else {
        return Err("its header has no SHA-256 digest: build it with rpm 4.14 or later".to_owned());
    };
    let summary = metadata.get_summary().unwrap_or_default().lines().next().unwrap_or_default();
    Ok(Facts { nevra, header: header.to_owned(), summary: summary.to_owned(), built: metadata.get_build_time().unwrap_or(0) })
}
