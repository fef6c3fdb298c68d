//! Packages on their way in: copied aside, read, checked, signed where the site says so. Nothing of the repository changes here.
//!
//! What is checked is the copy, which nobody else can change.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;

use camino::{Utf8Path, Utf8PathBuf};
use nix::fcntl::{Flock, FlockArg};

use super::copy::{Content, Facts, hash, workers};
use super::error::RepoError;
use super::fragment::{self, Parts};
use super::keys::{KeyDb, Signature};
use super::tool::Tool;
use super::{Repository, SYNC_EACH, disk::Disk};
use crate::observed::{ObservedRepository, PoolPackage};
use crate::spec::{Digest, EntryPolicy, Timestamp};

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

/// A copy of a package, before it has been checked.
struct Unchecked {
    file: String,
    place: String,
    source: Digest,
    size: u64,
    facts: Facts,
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
        let by_source: HashMap<&Digest, &Digest> =
            observed.pool.values().flat_map(|p| [(&p.source, &p.digest), (&p.digest, &p.digest)]).collect();
        let known = |source: &Digest| by_source.get(source).map(|digest| (*digest).clone());
        let mut intake = Intake { arrivals: Vec::new(), known: Vec::new(), refused: Vec::new(), directory };
        let mut packages: BTreeMap<String, Unchecked> = BTreeMap::new();
        for copied in self.copy_all(files, &repo, &known)? {
            let file = copied.file;
            let facts = match copied.content {
                Content::Package(facts) => facts,
                Content::Known(digest) => {
                    intake.known.push((file, digest));
                    continue;
                }
                Content::Strange(reason) => {
                    intake.refused.push(Refusal { file, reason });
                    continue;
                }
            };
            let nevra = facts.nevra.path();
            if let Some(other) = packages.get(&nevra) {
                if other.source != copied.source {
                    let reason = format!("`{}`, handed in with it, is {} too and has other bytes", other.file, facts.nevra);
                    intake.refused.push(Refusal { file, reason });
                }
                self.disk.remove(&repo.join(&copied.place))?;
                continue;
            }
            let (place, source, size) = (copied.place, copied.source, copied.size);
            packages.insert(nevra, Unchecked { file, place, source, size, facts });
        }
        self.check(&repo, packages.into_values().collect(), by, now, &mut intake)?;
        Ok(intake)
    }

    /// Checks signatures and lets `createrepo_c` read what may enter; both at once where nothing has to be signed.
    fn check(
        &self,
        repo: &Utf8Path,
        copies: Vec<Unchecked>,
        by: &str,
        now: Timestamp,
        intake: &mut Intake,
    ) -> Result<(), RepoError> {
        if copies.is_empty() {
            return Ok(());
        }
        let keys = self.keys.database(&self.disk, now)?;
        let places: Vec<&str> = copies.iter().map(|copy| copy.place.as_str()).collect();
        // What the signature check leaves over.
        let readers = workers(usize::MAX, 1).saturating_sub(KeyDb::runs(copies.len())).max(1);
        let (mut parts, signatures) = std::thread::scope(|scope| {
            let scan = scope.spawn(|| self.scan(repo, readers));
            if copies.len() > SYNC_EACH {
                // What the disk has by the time that it must have all of it, nobody has to wait for.
                scope.spawn(|| Disk::begin_sync(repo));
            }
            let signatures = keys.check(repo, &places);
            (scan.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), signatures)
        });
        let mut signatures = signatures?;
        let unsigned: Vec<usize> = (0..copies.len()).filter(|&at| signatures[at] == Signature::Missing).collect();
        if self.policy.entry == EntryPolicy::SignOnce && self.keys.signing_key.is_some() && !unsigned.is_empty() {
            let files: Vec<&str> = unsigned.iter().map(|&at| places[at]).collect();
            self.disk.point("sign packages").map_err(|source| RepoError::File { what: "sign", path: repo.to_owned(), source })?;
            self.keys.sign_packages(repo, &files)?;
            for (&at, signature) in unsigned.iter().zip(keys.check(repo, &files)?) {
                signatures[at] = signature;
            }
            parts = self.scan(repo, workers(usize::MAX, 1));
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
            let staged = repo.join(&copy.place);
            let (digest, size) = match self.policy.entry {
                EntryPolicy::SignOnce => hash(&staged)?,
                EntryPolicy::Signed => (copy.source.clone(), copy.size),
            };
            // `createrepo_c` has hashed the file by itself: that both find the same is one more proof.
            let Some(found) = parts.remove(&digest) else {
                let detail = "createrepo_c found another checksum".to_owned();
                return Err(RepoError::Metadata { nevra: Box::new(copy.facts.nevra), detail });
            };
            let found = found.placed(&copy.place, &copy.facts.nevra.path());
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
            intake.arrivals.push(Arrival { file: copy.file, package, staged, parts: found });
        }
        Ok(())
    }

    /// Lets `createrepo_c` read all packages of `repo`, so many at a time.
    fn scan(&self, repo: &Utf8Path, readers: usize) -> Result<BTreeMap<Digest, Parts>, RepoError> {
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
        tool.within(repo).args(["--workers", &readers.to_string(), "."]).run("read packages")?;
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
