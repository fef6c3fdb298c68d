//! A directory of snapshots, and which of them the stages use.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::sync::Mutex;

use camino::{Utf8Path, Utf8PathBuf};

use super::error::{MirrorError, file};
use super::fetch::Upstream;
use super::repomd::{Checksum, RepoFile};
use super::source::{MirrorSource, Repo};
use super::{primary, unpack};
use crate::spec::Timestamp;

/// Files fetched at one time: enough to hide the round trips of a distant mirror, few enough to be a welcome client.
const WORKERS: usize = 4;

/// How far a refresh is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MirrorProgress {
    /// Files that are here.
    pub files: usize,
    /// Of so many.
    pub files_total: usize,
    /// Bytes that are here.
    pub bytes: u64,
    /// Of so many.
    pub bytes_total: u64,
}

/// What a refresh came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refreshed {
    /// The newest snapshot.
    pub snapshot: String,
    /// It is new: the upstream had changed.
    pub is_new: bool,
    /// Packages in it.
    pub packages: usize,
    /// Bytes that came over the network.
    pub fetched: u64,
    /// Stages that use it from now on.
    pub stages: Vec<String>,
}

/// A snapshot and who uses it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Its name: the time at which it was taken.
    pub name: String,
    /// It is the newest.
    pub is_current: bool,
    /// The stages that use it.
    pub stages: Vec<String>,
    /// Its repositories.
    pub repos: Vec<String>,
}

/// A stage's way from one snapshot to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// The one before; none: it had none.
    pub from: Option<String>,
    /// The one now.
    pub to: String,
}

/// A mirror's directory, locked for as long as this lives.
pub struct MirrorSet {
    directory: Utf8PathBuf,
    lock: File,
}

/// What is there for everybody to see, without the lock.
struct Look<'d>(&'d Utf8Path);

impl Look<'_> {
    fn link(&self, path: &str) -> Option<String> {
        let target = fs::read_link(self.0.join(path)).ok()?;
        Some(target.file_name()?.to_str()?.to_owned())
    }

    fn stages(&self) -> BTreeMap<String, String> {
        let entries = self.0.join("stages").read_dir_utf8().into_iter().flatten().flatten();
        let names = entries.map(|entry| entry.file_name().to_owned()).filter(|name| !name.starts_with('.'));
        names.filter_map(|stage| Some((stage.clone(), self.link(&format!("stages/{stage}"))?))).collect()
    }

    fn names(&self, below: &str) -> Vec<String> {
        let entries = self.0.join(below).read_dir_utf8().into_iter().flatten().flatten();
        let mut names: Vec<String> =
            entries.map(|entry| entry.file_name().to_owned()).filter(|name| !name.starts_with('.')).collect();
        names.sort();
        names
    }
}

impl MirrorSet {
    /// Opens or begins the mirror in `directory`.
    pub fn open(directory: &Utf8Path) -> Result<Self, MirrorError> {
        for below in ["pool", "partial", "snapshots", "stages"] {
            let path = directory.join(below);
            fs::create_dir_all(&path).map_err(file("make the directory", path))?;
        }
        let path = directory.join("lock");
        let lock = File::options().create(true).truncate(false).write(true).open(&path).map_err(file("open", path))?;
        match rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { directory: directory.to_owned(), lock }),
            Err(_) => Err(MirrorError::Busy { directory: directory.to_owned() }),
        }
    }

    /// The snapshots in `directory`, oldest first. Takes no lock.
    pub fn snapshots(directory: &Utf8Path) -> Vec<Snapshot> {
        let look = Look(directory);
        let (current, stages) = (look.link("current"), look.stages());
        let of = |name: String| Snapshot {
            is_current: current.as_deref() == Some(&name),
            stages: stages.iter().filter(|(_, used)| **used == name).map(|(stage, _)| stage.clone()).collect(),
            repos: look.names(&format!("snapshots/{name}")),
            name,
        };
        look.names("snapshots").into_iter().map(of).collect()
    }

    /// Brings the newest state of `sources` here as a new snapshot, unless it is here already. Stages that have no snapshot yet
    /// get it, and so does `first`, the stage in which everything new begins, if there is one.
    pub fn refresh(
        &self,
        sources: &[MirrorSource],
        stages: &[String],
        first: Option<&str>,
        now: Timestamp,
        by: &str,
        told: &(dyn Fn(MirrorProgress) + Sync),
    ) -> Result<Refreshed, MirrorError> {
        self.clear_unfinished()?;
        let mut repos = Vec::new();
        for source in sources {
            repos.push(Repo::look_at(source, &self.directory)?);
        }
        let fetched = Mutex::new(0);
        let (snapshot, is_new, packages) = match self.unchanged(&repos) {
            Some(name) => (name, false, 0),
            None => {
                let packages = self.fetch_all(&mut repos, &fetched, told)?;
                (self.assemble(&repos, now)?, true, packages)
            }
        };
        let mut moved = Vec::new();
        let used = Look(&self.directory).stages();
        for stage in stages {
            let has = used.get(stage);
            if has.is_none() || (first == Some(stage) && has != Some(&snapshot)) {
                self.point(stage, &snapshot, by, now)?;
                moved.push(stage.clone());
            }
        }
        let fetched = fetched.into_inner().unwrap_or_default();
        Ok(Refreshed { snapshot, is_new, packages, fetched, stages: moved })
    }

    /// Has `stage` use `snapshot` from now on: one rename, and nobody sees anything in between.
    pub fn point(&self, stage: &str, snapshot: &str, by: &str, now: Timestamp) -> Result<Moved, MirrorError> {
        let known = Look(&self.directory).names("snapshots");
        if !known.iter().any(|name| name == snapshot) {
            return Err(MirrorError::NoSnapshot { name: snapshot.to_owned(), directory: self.directory.clone(), known });
        }
        let from = Look(&self.directory).link(&format!("stages/{stage}"));
        if from.as_deref() == Some(snapshot) {
            return Ok(Moved { from, to: snapshot.to_owned() });
        }
        let line = serde_json::json!({ "at": now.to_string(), "by": by, "stage": stage, "from": from, "to": snapshot });
        let path = self.directory.join("history.jsonl");
        let written = File::options().create(true).append(true).open(&path).and_then(|mut history| {
            history.write_all(format!("{line}\n").as_bytes())?;
            history.sync_data()
        });
        written.map_err(file("write", path))?;
        self.link(&format!("stages/{stage}"), &format!("../snapshots/{snapshot}"))?;
        Ok(Moved { from, to: snapshot.to_owned() })
    }

    /// Has the stage `to` use what the stage `from` uses.
    pub fn promote(&self, from: &str, to: &str, by: &str, now: Timestamp) -> Result<Moved, MirrorError> {
        let used = Look(&self.directory).link(&format!("stages/{from}"));
        let snapshot = used.ok_or_else(|| MirrorError::NoStage { stage: from.to_owned(), directory: self.directory.clone() })?;
        self.point(to, &snapshot, by, now)
    }

    /// Removes all but the newest `keep` snapshots that no stage uses, and files of the pool that no snapshot has. Gives the
    /// snapshots' names and the bytes that were freed; `dry`: only says so.
    pub fn prune(&self, keep: usize, dry: bool) -> Result<(Vec<String>, u64), MirrorError> {
        let mut unused: Vec<String> = Self::snapshots(&self.directory)
            .into_iter()
            .filter(|snapshot| !snapshot.is_current && snapshot.stages.is_empty())
            .map(|snapshot| snapshot.name)
            .collect();
        unused.truncate(unused.len().saturating_sub(keep));
        if dry {
            return Ok((unused, 0));
        }
        for name in &unused {
            // Renamed first, so that a half removed one is never taken for a snapshot.
            let (from, to) = (self.directory.join("snapshots").join(name), self.directory.join(format!("snapshots/.old-{name}")));
            fs::rename(&from, &to).map_err(file("rename", from))?;
        }
        self.clear_unfinished()?;
        let mut freed = 0;
        for path in files_below(&self.directory.join("pool")).map_err(file("read", self.directory.join("pool")))? {
            let metadata = fs::symlink_metadata(&path).map_err(file("look at", path.as_path()))?;
            if metadata.nlink() == 1 {
                fs::remove_file(&path).map_err(file("remove", path.as_path()))?;
                freed += metadata.len();
            }
        }
        Ok((unused, freed))
    }

    /// Removes what a run that was killed left half made; what it had fetched stays.
    fn clear_unfinished(&self) -> Result<(), MirrorError> {
        for below in ["snapshots", "stages", ""] {
            let directory = self.directory.join(below);
            for entry in directory.read_dir_utf8().map_err(file("read", directory.as_path()))?.flatten() {
                let path = entry.path();
                if !entry.file_name().starts_with('.') {
                    continue;
                }
                let removed = if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    fs::remove_dir_all(path)
                } else {
                    fs::remove_file(path)
                };
                removed.map_err(file("remove", path))?;
            }
        }
        Ok(())
    }

    /// The newest snapshot, if it holds exactly what the upstreams have now.
    fn unchanged(&self, repos: &[Repo<'_>]) -> Option<String> {
        let current = Look(&self.directory).link("current")?;
        let snapshot = self.directory.join("snapshots").join(&current);
        let names = Look(&self.directory).names(&format!("snapshots/{current}"));
        let same = |repo: &Repo<'_>| {
            fs::read(snapshot.join(&repo.source.name).join("repodata/repomd.xml")).is_ok_and(|bytes| bytes == repo.repomd)
        };
        (names.len() == repos.len() && repos.iter().all(same)).then_some(current)
    }

    fn pooled(&self, checksum: &Checksum) -> Utf8PathBuf {
        self.directory.join("pool").join(checksum.kind.as_str()).join(&checksum.hex[..2]).join(&checksum.hex)
    }

    /// Fetches everything that `repos` have and the pool has not. Gives the number of packages.
    fn fetch_all(
        &self,
        repos: &mut [Repo<'_>],
        fetched: &Mutex<u64>,
        told: &(dyn Fn(MirrorProgress) + Sync),
    ) -> Result<usize, MirrorError> {
        let mut packages = 0;
        for repo in repos.iter_mut() {
            let metadata: Vec<&RepoFile> = repo.files.iter().collect();
            self.fetch(&repo.upstream, &metadata, fetched, told)?;
            let url = repo.upstream.url(&repo.primary.path);
            let unpacked = unpack::open(&self.pooled(&repo.primary.checksum), &repo.primary.path);
            let unpacked = unpacked.map_err(|source| MirrorError::Parse { url: url.clone(), source: Box::new(source) })?;
            let found = primary::packages(unpacked, &url)?;
            packages += found.len();
            repo.files.extend(found);
            repo.check_places()?;
        }
        for repo in repos.iter() {
            self.fetch(&repo.upstream, &repo.files.iter().collect::<Vec<_>>(), fetched, told)?;
        }
        Ok(packages)
    }

    fn fetch(
        &self,
        upstream: &Upstream,
        files: &[&RepoFile],
        fetched: &Mutex<u64>,
        told: &(dyn Fn(MirrorProgress) + Sync),
    ) -> Result<(), MirrorError> {
        let (mut here, mut missing) = (MirrorProgress::default(), BTreeMap::new());
        for wanted in files {
            here.files_total += 1;
            here.bytes_total += wanted.size.unwrap_or(0);
            if self.pooled(&wanted.checksum).exists() {
                here.files += 1;
                here.bytes += wanted.size.unwrap_or(0);
            } else if missing.insert(&wanted.checksum, *wanted).is_some() {
                // The same bytes at two places are fetched once.
                here.files += 1;
                here.bytes += wanted.size.unwrap_or(0);
            }
        }
        told(here);
        let (progress, queue) = (Mutex::new(here), Mutex::new(missing.into_values()));
        let failure = Mutex::new(None);
        let work = || {
            while lock(&failure).is_none() {
                let Some(wanted) = lock(&queue).next() else { return };
                let heard = |bytes| {
                    *lock(fetched) += bytes;
                    let mut now = lock(&progress);
                    now.bytes += bytes;
                    told(*now);
                };
                let partial = self.directory.join("partial").join(&wanted.checksum.hex);
                match upstream.fetch(wanted, &partial, &self.pooled(&wanted.checksum), &heard) {
                    Ok(()) => {
                        let mut now = lock(&progress);
                        now.files += 1;
                        told(*now);
                    }
                    Err(error) => {
                        lock(&failure).get_or_insert(error);
                    }
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..WORKERS {
                scope.spawn(work);
            }
        });
        failure.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner).map_or(Ok(()), Err)
    }

    /// Makes a snapshot of what has been fetched and shows it. Gives its name.
    fn assemble(&self, repos: &[Repo<'_>], now: Timestamp) -> Result<String, MirrorError> {
        let date: String = now.to_string().chars().take(19).filter(|c| *c != ':').collect();
        let taken = Look(&self.directory).names("snapshots");
        let mut names = std::iter::once(format!("{date}Z")).chain((2..).map(|number| format!("{date}Z-{number}")));
        let name = names.find(|name| !taken.contains(name)).unwrap_or(date.clone());
        let unfinished = self.directory.join(format!("snapshots/.new-{name}"));
        for repo in repos {
            let directory = unfinished.join(&repo.source.name);
            let write = |path: &str, bytes: &[u8]| {
                let path = directory.join(path);
                File::create(&path)
                    .and_then(|mut written| written.write_all(bytes).and_then(|()| written.sync_data()))
                    .map_err(file("write", path))
            };
            for wanted in &repo.files {
                let to = directory.join(&wanted.path);
                let parent = to.parent().unwrap_or(&directory);
                fs::create_dir_all(parent).map_err(file("make the directory", parent))?;
                fs::hard_link(self.pooled(&wanted.checksum), &to).map_err(file("link", to))?;
            }
            write("repodata/repomd.xml", &repo.repomd)?;
            if let Some(signature) = &repo.signature {
                write("repodata/repomd.xml.asc", signature)?;
            }
            if let Some(treeinfo) = &repo.treeinfo {
                write(".treeinfo", treeinfo)?;
            }
        }
        rustix::fs::syncfs(&self.lock).map_err(|errno| file("write to the disk", unfinished.as_path())(errno.into()))?;
        let shown = self.directory.join("snapshots").join(&name);
        fs::rename(&unfinished, &shown).map_err(file("rename to", shown))?;
        self.link("current", &format!("snapshots/{name}"))?;
        Ok(name)
    }

    /// Makes or turns a symbolic link by one rename.
    fn link(&self, name: &str, target: &str) -> Result<(), MirrorError> {
        let path = self.directory.join(name);
        let beside = path.with_file_name(format!(".{}.new", path.file_name().unwrap_or_default()));
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(file("remove", beside)(error)),
            _ => {}
        }
        std::os::unix::fs::symlink(target, &beside).map_err(file("link", beside.as_path()))?;
        fs::rename(&beside, &path).map_err(file("rename to", path.as_path()))?;
        let parent = path.parent().unwrap_or(&self.directory);
        File::open(parent).and_then(|directory| directory.sync_all()).map_err(file("write to the disk", parent))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn files_below(directory: &Utf8Path) -> io::Result<Vec<Utf8PathBuf>> {
    let mut files = Vec::new();
    for entry in directory.read_dir_utf8()? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            files.extend(files_below(entry.path())?);
        } else {
            files.push(entry.into_path());
        }
    }
    Ok(files)
}
