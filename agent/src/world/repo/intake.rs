//! Packages on their way in: copied aside, read, checked, signed where the site says so. Nothing of the repository changes here.
//!
//! Bytes pass once through a buffer of fixed size, whatever the size of the package; what is checked is the copy, which nobody
//! else can change.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;

use camino::{Utf8Path, Utf8PathBuf};
use nix::fcntl::{Flock, FlockArg};
use sha2::{Digest as _, Sha256};

use super::error::RepoError;
use super::fragment::{self, Parts};
use super::keys::Signature;
use super::tool::Tool;
use super::{Repository, disk::Disk};
use crate::observed::{ObservedRepository, PoolPackage};
use crate::spec::{Digest, EntryPolicy, Nevra, Timestamp};

/// Bytes read at once.
const CHUNK: usize = 256 << 10;

/// A package that may enter.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// What it was called when it was handed in.
    pub file: String,
    /// What it is.
    pub package: PoolPackage,
    /// Our copy.
    pub(super) staged: Utf8PathBuf,
    /// Its parts of the repodata.
    pub(super) parts: Parts,
}

/// A package that may not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What it was called when it was handed in.
    pub file: String,
    /// Why.
    pub reason: String,
}

/// What was handed in at once. Our copies are gone when it is dropped.
pub struct Intake {
    /// What may enter.
    pub arrivals: Vec<Arrival>,
    /// What is here already, byte for byte.
    pub known: Vec<(String, Digest)>,
    /// What may not enter.
    pub refused: Vec<Refusal>,
    directory: Staging,
}

/// A directory of this process for files on their way.
struct Staging {
    path: Utf8PathBuf,
    disk: Disk,
    // Held while the directory is in use; the kernel lets go of it however the process ends.
    _lock: Flock<File>,
}

impl Drop for Staging {
    fn drop(&mut self) {
        // What stays is swept by whoever changes the repository next.
        drop(self.disk.remove_dir(&self.path));
        drop(self.disk.remove(&lock_of(&self.path)));
    }
}

fn lock_of(directory: &Utf8Path) -> Utf8PathBuf {
    directory.with_extension("lock")
}

/// A copy, before it has been checked.
struct Copied {
    file: String,
    staged: Utf8PathBuf,
    source: Digest,
    size: u64,
    facts: Facts,
}

/// What the header says.
struct Facts {
    nevra: Nevra,
    header: String,
    summary: String,
    built: u64,
}

impl Repository {
    /// Takes in `files`: copies, reads and checks them. The answer says which may enter; nothing has entered yet.
    pub fn receive(
        &self,
        files: &[Utf8PathBuf],
        by: &str,
        now: Timestamp,
        observed: &ObservedRepository,
    ) -> Result<Intake, RepoError> {
        let directory = self.staging()?;
        let repo = directory.path.join("repo");
        let by_source: BTreeMap<&Digest, &Digest> =
            observed.pool.values().flat_map(|p| [(&p.source, &p.digest), (&p.digest, &p.digest)]).collect();
        let mut intake = Intake { arrivals: Vec::new(), known: Vec::new(), refused: Vec::new(), directory };
        let mut copies: BTreeMap<String, Copied> = BTreeMap::new();
        for (index, path) in files.iter().enumerate() {
            let file = path.file_name().unwrap_or(path.as_str()).to_owned();
            let incoming = repo.join(format!("{index}.rpm"));
            let (source, size) = self.copy(path, &incoming)?;
            if let Some(digest) = by_source.get(&source) {
                intake.known.push((file, (*digest).clone()));
                self.disk.remove(&incoming)?;
                continue;
            }
            let facts = match read_header(&incoming) {
                Ok(facts) => facts,
                Err(reason) => {
                    intake.refused.push(Refusal { file, reason });
                    self.disk.remove(&incoming)?;
                    continue;
                }
            };
            let place = facts.nevra.path();
            if let Some(other) = copies.get(&place) {
                if other.source != source {
                    let reason = format!("`{}`, handed in with it, is {} too and has other bytes", other.file, facts.nevra);
                    intake.refused.push(Refusal { file, reason });
                }
                self.disk.remove(&incoming)?;
                continue;
            }
            copies.insert(place, Copied { file, staged: incoming, source, size, facts });
        }
        let copies: Vec<Copied> = copies.into_values().collect();
        self.check(&repo, copies, by, now, &mut intake)?;
        Ok(intake)
    }

    /// Checks signatures and lets `createrepo_c` read what may enter; both at once where nothing has to be signed.
    fn check(
        &self,
        repo: &Utf8Path,
        copies: Vec<Copied>,
        by: &str,
        now: Timestamp,
        intake: &mut Intake,
    ) -> Result<(), RepoError> {
        if copies.is_empty() {
            return Ok(());
        }
        let keys = self.keys.database(&self.disk, now)?;
        let paths: Vec<&Utf8Path> = copies.iter().map(|copy| copy.staged.as_path()).collect();
        let (mut parts, signatures) = std::thread::scope(|scope| {
            let scan = scope.spawn(|| self.scan(repo));
            let signatures = keys.check(&paths);
            (scan.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), signatures)
        });
        let mut signatures = signatures?;
        let unsigned: Vec<usize> = (0..copies.len()).filter(|&at| signatures[at] == Signature::Missing).collect();
        if self.policy.entry == EntryPolicy::SignOnce && self.keys.signing_key.is_some() && !unsigned.is_empty() {
            let files: Vec<&Utf8Path> = unsigned.iter().map(|&at| paths[at]).collect();
            self.disk.point("sign packages").map_err(|source| RepoError::File { what: "sign", path: repo.to_owned(), source })?;
            self.keys.sign_packages(&files)?;
            for (&at, signature) in unsigned.iter().zip(keys.check(&files)?) {
                signatures[at] = signature;
            }
            parts = self.scan(repo);
        }
        // One that cannot be read spoils the scan of all; the signature check says which one it is.
        let good = signatures.iter().all(|signature| matches!(signature, Signature::Valid { .. }));
        let mut parts = if good { parts? } else { parts.unwrap_or_default() };
        for (copy, signature) in copies.into_iter().zip(signatures) {
            let refuse = |reason: String| Refusal { file: copy.file.clone(), reason };
            let signer = match signature {
                Signature::Valid { key } => key,
                Signature::Missing => {
                    let reason = "it is not signed: sign it where it is built, or let the agent sign on entry (`entry = \"sign\"` in `[repository]`)";
                    intake.refused.push(refuse(reason.to_owned()));
                    continue;
                }
                Signature::Refused(reason) => {
                    intake.refused.push(refuse(reason));
                    continue;
                }
            };
            if !good {
                continue;
            }
            let (digest, size) = match self.policy.entry {
                EntryPolicy::SignOnce => hash(&copy.staged)?,
                EntryPolicy::Signed => (copy.source.clone(), copy.size),
            };
            // `createrepo_c` has hashed the file by itself: that both find the same is one more proof.
            let Some(found) = parts.remove(&digest) else {
                let detail = "createrepo_c found another checksum".to_owned();
                return Err(RepoError::Metadata { nevra: Box::new(copy.facts.nevra), detail });
            };
            let href = copy.staged.file_name().unwrap_or_default();
            let found = found.placed(href, &copy.facts.nevra.path());
            let package = PoolPackage {
                digest,
                size,
                header: copy.facts.header,
                source: copy.source,
                signer,
                summary: copy.facts.summary,
                built: copy.facts.built,
                entered: now,
                by: by.to_owned(),
                parts: found.lens,
                parts_at: (String::new(), 0),
                nevra: copy.facts.nevra,
            };
            intake.arrivals.push(Arrival { file: copy.file, package, staged: copy.staged, parts: found });
        }
        Ok(())
    }

    fn scan(&self, repo: &Utf8Path) -> Result<BTreeMap<Digest, Parts>, RepoError> {
        self.disk.point("read packages").map_err(|source| RepoError::File { what: "read", path: repo.to_owned(), source })?;
        let tool = Tool::new("createrepo_c", repo).args([
            "--quiet",
            "--no-database",
            "--simple-md-filenames",
            "--checksum",
            "sha256",
            "--compress-type",
            "gz",
        ]);
        tool.args(["--workers", "2"]).arg(repo.as_str()).run("read packages")?;
        fragment::cut(repo)
    }

    fn staging(&self) -> Result<Staging, RepoError> {
        let parent = self.layout.staging();
        self.disk.create_private_dir(&parent)?;
        let path = parent.join(uuid::Uuid::new_v4().simple().to_string());
        let lock_path = lock_of(&path);
        let open =
            File::create(&lock_path).map_err(|source| RepoError::File { what: "write", path: lock_path.clone(), source })?;
        let lock = Flock::lock(open, FlockArg::LockExclusiveNonblock).map_err(|(_, errno)| RepoError::File {
            what: "lock",
            path: lock_path,
            source: errno.into(),
        })?;
        let staging = Staging { path, disk: self.disk.clone(), _lock: lock };
        self.disk.create_dirs(&staging.path.join("repo"))?;
        Ok(staging)
    }

    /// Copies and hashes in one go.
    fn copy(&self, from: &Utf8Path, to: &Utf8Path) -> Result<(Digest, u64), RepoError> {
        let mut source = File::open(from).map_err(|source| RepoError::File { what: "read", path: from.to_owned(), source })?;
        let error = |source| RepoError::File { what: "write", path: to.to_owned(), source };
        self.disk.point("copy a package").map_err(error)?;
        // What is in the pool is read-only; only signing still changes it.
        let mode = if self.policy.entry == EntryPolicy::SignOnce { 0o644 } else { 0o444 };
        let mut copy = File::options().write(true).create_new(true).mode(mode).open(to).map_err(error)?;
        let (mut hash, mut buffer, mut size) = (Sha256::new(), vec![0; CHUNK], 0);
        loop {
            let read = match source.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(source) => return Err(RepoError::File { what: "read", path: from.to_owned(), source }),
            };
            hash.update(&buffer[..read]);
            copy.write_all(&buffer[..read]).map_err(error)?;
            size += read as u64;
        }
        Ok((Digest::from(<[u8; 32]>::from(hash.finalize())), size))
    }

    /// Removes what processes left that are no more.
    pub(super) fn sweep_staging(&self) {
        let Ok(entries) = self.layout.staging().read_dir_utf8() else { return };
        let locks =
            entries.filter_map(Result::ok).map(camino::Utf8DirEntry::into_path).filter(|path| path.extension() == Some("lock"));
        for path in locks {
            let Ok(file) = File::open(&path) else { continue };
            if Flock::lock(file, FlockArg::LockExclusiveNonblock).is_ok() {
                drop(self.disk.remove_dir(&path.with_extension("")));
                drop(self.disk.remove(&path));
            }
        }
    }
}

impl Intake {
    /// Where our copies are.
    pub(super) fn directory(&self) -> &Utf8Path {
        &self.directory.path
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

/// Reads the headers, which are at the front; the payload is left alone.
fn read_header(path: &Utf8Path) -> Result<Facts, String> {
    let metadata = rpm::PackageMetadata::open(path).map_err(|error| format!("it is no RPM package: {error}"))?;
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
    let header = metadata.signature.get_entry_data_as_string(rpm::IndexSignatureTag::RPMSIGTAG_SHA256);
    let Ok(header) = header else {
        return Err("its header has no SHA-256 digest: build it with rpm 4.14 or later".to_owned());
    };
    let summary = metadata.get_summary().unwrap_or_default().lines().next().unwrap_or_default();
    Ok(Facts { nevra, header: header.to_owned(), summary: summary.to_owned(), built: metadata.get_build_time().unwrap_or(0) })
}
