//! The embedded repository: one content-addressed pool, and stages that refer to it.
//!
//! Who calls it: `execute::repo`, which asks `plan::repo` what to do. Start at [`Repository`], then `publish`. Its parts: `layout`
//! where everything lies, `disk` the only way to change it, `copy`, `header` and `intake` packages on their way in, `keys` signatures, `fragment` and
//! `metadata` the repodata, `publish` the switch, `codec` records. docs/repositories.md draws the directory.
//!
//! It never reads a stage's packages to publish it, never changes a file that somebody may be reading, and decides nothing.

mod codec;
mod copy;
mod disk;
mod error;
mod fragment;
mod header;
mod intake;
mod keys;
mod layout;
mod metadata;
mod publish;
mod sweep;
mod tool;
mod verify;

pub use disk::FaultHook;
pub use error::RepoError;
pub use intake::{Arrival, Intake, Refusal};
pub use publish::NewContent;
pub use verify::{Finding, Proof, Verified};

use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use codec::{CheckLine, Known, PackageLine, PublicationLine};
use disk::Disk;
use keys::Keys;
use layout::Layout;

use crate::observed::{ObservedRepository, PackageCheck, PoolPackage, Publication};
use crate::spec::{Digest, RepositorySpec, StageName};

/// How long one waits for another's change; each takes seconds at most.
const PATIENCE: Duration = Duration::from_secs(600);
/// How often one looks whether it has ended.
const LOOK: Duration = Duration::from_millis(10);
/// From this many new files on, one sync of the file system is cheaper than one for each.
const SYNC_EACH: usize = 32;

/// Where the agent keeps the site's repository: a state, and one to back up.
pub fn directory(state_dir: &Utf8Path) -> Utf8PathBuf {
    state_dir.join("repository")
}

/// Where gpg finds the key that signs for the site.
pub fn gnupg_home(state_dir: &Utf8Path) -> Utf8PathBuf {
    state_dir.join("gnupg")
}

/// A repository in a directory.
pub struct Repository {
    layout: Layout,
    disk: Disk,
    keys: Keys,
    policy: RepositorySpec,
}

/// Arrivals whose parts are in the pool.
#[derive(Debug, Default)]
pub struct Kept {
    /// Their lines of the index.
    lines: String,
}

/// The right to change the repository. Given back when it is dropped, however the process ends.
#[derive(Debug)]
pub struct Guard {
    _file: Flock<File>,
}

impl Repository {
    /// The repository in `root`, which is made if it is not there; gpg finds its keys in `gnupg_home`. Both paths are absolute:
    /// programs are run in directories of their own.
    pub fn open(root: &Utf8Path, policy: &RepositorySpec, gnupg_home: &Utf8Path) -> Result<Self, RepoError> {
        let repository = Self::at(root, policy, gnupg_home);
        let layout = &repository.layout;
        let (checks, stages) = (layout.root().join("checks"), layout.root().join("stages"));
        for directory in [layout.parts(), layout.keys(), checks, stages] {
            repository.disk.create_dirs(&directory)?;
        }
        let pool = layout.pool_dirs();
        // Made in this order, once: the last one is there when all are.
        if !pool.last().is_some_and(|last| last.is_dir()) {
            for directory in &pool {
                repository.disk.create_dirs(directory)?;
            }
        }
        Ok(repository)
    }

    /// The repository in `root`, to be read only: nothing is made.
    pub fn at(root: &Utf8Path, policy: &RepositorySpec, gnupg_home: &Utf8Path) -> Self {
        let keys = Keys {
            keyring: policy.keyring.clone(),
            signing_key: policy.signing_key.clone(),
            gnupg_home: gnupg_home.to_owned(),
            directory: Layout::new(root).keys(),
        };
        Self { layout: Layout::new(root), disk: Disk::default(), keys, policy: policy.clone() }
    }

    /// The same, with `hook` asked before each change: how tests stop a run between any two.
    #[must_use]
    pub fn with_fault_hook(mut self, hook: FaultHook) -> Self {
        self.disk = Disk::with_hook(hook);
        self
    }

    /// Its policy.
    pub fn policy(&self) -> &RepositorySpec {
        &self.policy
    }

    /// The directory whose content a web server may offer as `stage`; all links in it stay within it.
    pub fn served_directory(root: &Utf8Path, stage: &StageName) -> Utf8PathBuf {
        Layout::new(root).stage(stage).public()
    }

    /// Waits for the right to change the repository.
    pub fn lock(&self) -> Result<Guard, RepoError> {
        let path = self.layout.lock();
        let error = |source| RepoError::File { what: "lock", path: path.clone(), source };
        let began = Instant::now();
        let mut file = File::options().read(true).write(true).create(true).truncate(false).open(&path).map_err(error)?;
        loop {
            match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(mut held) => {
                    let pid = format!("{}\n", std::process::id());
                    // Who holds it is a courtesy; the lock itself is what counts.
                    drop(held.set_len(0).and_then(|()| held.rewind()).and_then(|()| held.write_all(pid.as_bytes())));
                    self.sweep_staging();
                    return Ok(Guard { _file: held });
                }
                Err((mut other, Errno::EWOULDBLOCK)) if began.elapsed() > PATIENCE => {
                    let mut pid = String::new();
                    drop(other.read_to_string(&mut pid));
                    return Err(RepoError::Busy { pid: pid.trim().to_owned(), seconds: PATIENCE.as_secs() });
                }
                Err((other, Errno::EWOULDBLOCK | Errno::EINTR)) => {
                    std::thread::sleep(LOOK);
                    file = other;
                }
                Err((_, errno)) => return Err(error(errno.into())),
            }
        }
    }

    /// What the repository holds.
    pub fn observe(&self) -> Result<ObservedRepository, RepoError> {
        let mut observed = ObservedRepository::default();
        // Later lines win: what was removed may come back.
        for Known { package, gone } in codec::lines::<PackageLine, Known>(&self.layout.index())? {
            observed.known.insert(package.nevra.clone(), package.digest.clone());
            if gone {
                observed.pool.remove(&package.digest);
            } else {
                observed.pool.insert(package.digest.clone(), package);
            }
        }
        for stage in &self.policy.stages {
            observed.stages.insert(stage.clone(), self.current(stage)?.1);
        }
        Ok(observed)
    }

    /// Takes the arrivals of `intake` into `observed`, and their parts of the repodata into the pool. The packages follow by
    /// [`Repository::place`], and count from then on.
    pub fn keep(&self, _guard: &Guard, intake: &Intake, observed: &mut ObservedRepository) -> Result<Kept, RepoError> {
        let mut kept = Kept::default();
        if intake.arrivals.is_empty() {
            return Ok(kept);
        }
        let pack = format!("{}.xml", uuid::Uuid::new_v4().simple());
        let mut text = String::with_capacity(intake.arrivals.iter().map(|arrival| arrival.parts.text.len()).sum());
        for arrival in &intake.arrivals {
            let package = PoolPackage { parts_at: (pack.clone(), text.len() as u64), ..arrival.package.clone() };
            text.push_str(&arrival.parts.text);
            kept.lines.push_str(&codec::line(&PackageLine::from(&package)));
            observed.known.insert(package.nevra.clone(), package.digest.clone());
            observed.pool.insert(package.digest.clone(), package);
        }
        self.disk.write(&self.layout.parts().join(&pack), text.as_bytes())?;
        Ok(kept)
    }

    /// Puts the arrivals of `intake` into the pool, as `kept` names them. They are in no stage yet.
    pub fn place(&self, _guard: &Guard, intake: &Intake, kept: &Kept) -> Result<(), RepoError> {
        let arrivals = &intake.arrivals;
        if arrivals.is_empty() {
            return Ok(());
        }
        let mut directories = std::collections::BTreeSet::new();
        for arrival in arrivals {
            let digest = &arrival.package.digest;
            directories.insert(self.layout.pool_dir(digest).into_string());
            self.disk.rename(&arrival.staged, &self.layout.package(digest))?;
        }
        if arrivals.len() > SYNC_EACH {
            self.disk.sync_all(intake.directory())?;
        } else {
            for arrival in arrivals {
                self.disk.sync(&self.layout.package(&arrival.package.digest))?;
            }
            for directory in directories {
                self.disk.sync(directory.as_str().into())?;
            }
            self.disk.sync(&self.layout.pool())?;
            self.disk.sync(&self.layout.parts())?;
        }
        // The packages count from here on.
        self.disk.append(&self.layout.index(), &kept.lines)
    }

    /// Every publication of `stage`, oldest first.
    pub fn history(&self, stage: &StageName) -> Result<Vec<Publication>, RepoError> {
        let layout = self.layout.stage(stage);
        let current = self.current(stage)?.1.generation;
        let mut all = Vec::new();
        for number in 1..=current {
            all.extend(codec::lines::<PublicationLine, Publication>(&layout.record(number))?);
        }
        Ok(all)
    }

    /// Notes the result of a check.
    pub fn record_check(&self, check: &PackageCheck) -> Result<(), RepoError> {
        self.disk.append(&self.layout.checks(&check.digest), &codec::line(&CheckLine::from(check)))
    }

    /// Results of checks of `digest`, oldest first.
    pub fn checks(&self, digest: &Digest) -> Result<Vec<PackageCheck>, RepoError> {
        codec::lines::<CheckLine, PackageCheck>(&self.layout.checks(digest))
    }
}
