//! A stage gets a new content: everything is laid out beside the old, then one rename makes it the current one.
//!
//! ```text
//! records/N.packages, N.json     what it holds, and why (counts once N is current)
//! public/packages/…              links into the pool, added first, removed by `gc` long after
//! public/generations/N/          repodata, whole and signed; itself a repository
//! public/repodata → generations/N/repodata      the switch
//! ```
//!
//! Before the switch, nobody reads what was written; after it, everything is there. What a crash leaves is swept by the next
//! publish.

use std::time::Instant;

use camino::Utf8Path;

use super::codec::{self, ContentHead, PublicationLine};
use super::error::RepoError;
use super::layout::StageLayout;
use super::metadata::{self, Last};
use super::{Guard, Repository};
use crate::observed::{Action, ObservedRepository, PoolPackage, Publication, StageContent, StagePackage};
use crate::spec::{StageName, Timestamp};

/// A wish for a publication.
#[derive(Debug, Clone)]
pub struct NewContent {
    /// Of which stage.
    pub stage: StageName,
    /// Everything that it shall hold.
    pub packages: Vec<StagePackage>,
    /// Why.
    pub action: Action,
    /// Who asked.
    pub by: String,
    /// Whose login it was, or whose token.
    pub login: String,
    /// Who approved.
    pub approved_by: Option<String>,
    /// What was said about it.
    pub note: String,
}

impl Repository {
    /// Publishes `new`. `observed` is what the repository held when `guard` was taken.
    pub fn publish(
        &self,
        guard: &Guard,
        observed: &ObservedRepository,
        new: NewContent,
        now: Timestamp,
    ) -> Result<Publication, RepoError> {
        self.publish_while(guard, observed, new, now, || Ok(()))
    }

    /// The same, where `arriving` puts packages of `new` into the pool while their repodata are written.
    pub fn publish_while(
        &self,
        _guard: &Guard,
        observed: &ObservedRepository,
        new: NewContent,
        now: Timestamp,
        arriving: impl FnOnce() -> Result<(), RepoError>,
    ) -> Result<Publication, RepoError> {
        let began = Instant::now();
        let stage = self.layout.stage(&new.stage);
        let (old_head, old) = self.current(&new.stage)?;
        let number = old.generation + 1;
        self.sweep_unpublished(&stage, old.generation)?;
        let packages = resolve(observed, &new.stage, &new.packages)?;
        for directory in [stage.public(), stage.records(), stage.generations()] {
            self.disk.create_dirs(&directory)?;
        }

        // 1. Repodata, whole and signed, where nobody looks, and the packages that they name.
        let unfinished = stage.unfinished(number);
        let repodata = unfinished.join("repodata");
        self.disk.create_dirs(&repodata)?;
        self.effect("write the repodata", &repodata)?;
        let old_packages = resolve(observed, &new.stage, &old.packages).unwrap_or_default();
        let old_repodata = stage.generation(old.generation).join("repodata");
        let last = Last { directory: &old_repodata, head: &old_head, packages: &old_packages };
        let last = (old.generation > 0).then_some(last);
        let difference = Difference::between(&old.packages, &new.packages);
        let (written, linked) = std::thread::scope(|scope| {
            let writing = scope.spawn(|| metadata::write(&self.layout, &repodata, &packages, last));
            // Packages that come in. Those that leave stay until no client can hold repodata that name them.
            let linked = arriving().and_then(|()| self.link_packages(&stage, observed, &difference.added));
            (writing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), linked)
        });
        let written = written?;
        linked?;
        let revision = (now.0 / 1000).max(old_head.revision + 1);
        let repomd = repodata.join("repomd.xml");
        self.disk.write(&repomd, metadata::repomd(&written, revision).as_bytes())?;
        let (files, members): (Vec<String>, Vec<_>) = written.into_iter().map(|file| (file.name, file.members)).unzip();
        let (files, members) = (files.try_into().unwrap_or_default(), members.try_into().unwrap_or_default());
        let head = ContentHead { generation: number, at: now.0, revision, files, members };
        // What can be laid out meanwhile does not wait for gpg.
        let lay_out = || -> Result<(), RepoError> {
            self.link_old_metadata(&stage, &repodata, old.generation, now)?;
            self.effect("link the packages", &unfinished)?;
            match std::os::unix::fs::symlink("../../packages", unfinished.join("packages")) {
                Err(source) if source.kind() != std::io::ErrorKind::AlreadyExists => {
                    return Err(RepoError::File { what: "link", path: unfinished.join("packages"), source });
                }
                _ => {}
            }
            // 2. Records, which count once the generation is the current one.
            self.disk.write(&stage.content(number), codec::write_content(&head, &new.packages).as_bytes())
        };
        self.effect("sign the repodata", &repomd)?;
        let (signed, laid_out) = std::thread::scope(|scope| {
            let signing = scope.spawn(|| self.keys.sign_metadata(&repomd, now));
            let laid_out = lay_out();
            (signing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), laid_out)
        });
        laid_out?;
        if signed? {
            self.disk.sync(&repodata.join("repomd.xml.asc"))?;
        }
        let publication = Publication {
            stage: new.stage.clone(),
            generation: number,
            at: now,
            by: new.by,
            login: new.login,
            action: new.action,
            approved_by: new.approved_by,
            note: new.note,
            added: difference.added,
            removed: difference.removed,
            took: began.elapsed(),
        };
        self.disk.write(&stage.record(number), codec::line(&PublicationLine::from(&publication)).as_bytes())?;
        self.disk.sync(&stage.records())?;

        // 3. The switch.
        self.disk.sync(&repodata)?;
        self.disk.sync(&unfinished)?;
        self.disk.rename(&unfinished, &stage.generation(number))?;
        self.disk.sync(&stage.generations())?;
        self.publish_keys(&stage)?;
        self.disk.point_link(&stage.switch(), &format!("generations/{number}/repodata"))?;
        self.disk.sync(&stage.public())?;

        // 4. It is published. What follows can be done again.
        if let Some(url) = &self.policy.url {
            let line = format!("{}/{}/generations/{number}/\n", url.as_str().trim_end_matches('/'), new.stage);
            self.disk.replace(&stage.mirrorlist(), line.as_bytes())?;
        }
        if let Err(error) = self.drop_old_generations(&stage, number, now) {
            tracing::warn!(stage = %new.stage, %error, "old repodata could not be removed; the next publish tries again");
        }
        Ok(Publication { took: began.elapsed(), ..publication })
    }

    /// A place between two effects of programs.
    fn effect(&self, what: &'static str, path: &Utf8Path) -> Result<(), RepoError> {
        self.disk.point(what).map_err(|source| RepoError::File { what, path: path.to_owned(), source })
    }

    /// The public keys, for clients' `gpgkey=`.
    fn publish_keys(&self, stage: &StageLayout) -> Result<(), RepoError> {
        let path = stage.public().join("keys.asc");
        let keys = self.keys.public()?;
        if std::fs::read_to_string(&path).ok().as_ref() != Some(&keys) {
            self.disk.replace(&path, keys.as_bytes())?;
        }
        Ok(())
    }

    /// A client that has read the last `repomd.xml` finds the files that it names, under the same URL.
    fn link_old_metadata(&self, stage: &StageLayout, repodata: &Utf8Path, current: u64, now: Timestamp) -> Result<(), RepoError> {
        for number in self.readable_generations(stage, current, now)? {
            let head = codec::read_content_head(&stage.content(number))?;
            let from = stage.generation(number).join("repodata");
            for file in &head.files {
                let (from, to) = (from.join(file), repodata.join(file));
                if from.exists() && !to.exists() {
                    self.disk.link(&from, &to)?;
                }
            }
        }
        Ok(())
    }

    /// Generations up to `current` whose repodata a client may still hold.
    fn readable_generations(&self, stage: &StageLayout, current: u64, now: Timestamp) -> Result<Vec<u64>, RepoError> {
        let mut readable = Vec::new();
        for number in generations(stage)? {
            if number > current {
                continue;
            }
            // Replaced when the next one came; a clock that went back keeps it longer.
            let replaced = (number < current).then(|| codec::read_content_head(&stage.content(number + 1)));
            let fresh = match replaced {
                None => true,
                Some(Ok(next)) => now.since(Timestamp(next.at)) < self.policy.keep_metadata,
                Some(Err(_)) => false,
            };
            if fresh {
                readable.push(number);
            }
        }
        Ok(readable)
    }

    fn drop_old_generations(&self, stage: &StageLayout, current: u64, now: Timestamp) -> Result<(), RepoError> {
        let readable = self.readable_generations(stage, current, now)?;
        for number in generations(stage)? {
            if number < current && !readable.contains(&number) {
                self.disk.remove_dir(&stage.generation(number))?;
                self.disk.remove(&stage.content(number))?;
            }
        }
        Ok(())
    }

    /// What a crash left of a generation that never became the current one.
    fn sweep_unpublished(&self, stage: &StageLayout, current: u64) -> Result<(), RepoError> {
        if let Ok(entries) = stage.generations().read_dir_utf8() {
            for entry in entries.filter_map(Result::ok) {
                let published = entry.file_name().parse::<u64>().is_ok_and(|number| number <= current);
                if !published {
                    self.disk.remove_dir(entry.path())?;
                }
            }
        }
        for path in [stage.record(current + 1), stage.content(current + 1)] {
            if path.exists() {
                self.disk.remove(&path)?;
            }
        }
        Ok(())
    }

    fn link_packages(&self, stage: &StageLayout, observed: &ObservedRepository, added: &[StagePackage]) -> Result<(), RepoError> {
        let mut directories = std::collections::BTreeSet::new();
        for package in added {
            let Some(known) = observed.pool.get(&package.digest) else { continue };
            let path = stage.package(&known.nevra.path());
            if let Some(directory) = path.parent()
                && !directories.contains(directory.as_str())
            {
                self.disk.create_dirs(directory)?;
                directories.insert(directory.to_string());
            }
            self.disk.link(&self.layout.package(&package.digest), &path)?;
        }
        for directory in &directories {
            self.disk.sync(directory.as_str().into())?;
        }
        Ok(())
    }

    /// The current content of `stage`, with its head; the empty one where nothing was ever published.
    pub(super) fn current(&self, stage: &StageName) -> Result<(ContentHead, StageContent), RepoError> {
        let layout = self.layout.stage(stage);
        let switch = layout.switch();
        let target = match std::fs::read_link(&switch) {
            Ok(target) => target,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Default::default()),
            Err(source) => return Err(RepoError::File { what: "read the link", path: switch, source }),
        };
        let number = target.to_str().and_then(StageLayout::number);
        let Some(number) = number else {
            let source = std::io::Error::other(format!("it leads to `{}`, which is no generation", target.display()));
            return Err(RepoError::File { what: "read the link", path: switch, source });
        };
        codec::read_content(&layout.content(number))
    }
}

/// The packages of a content, as the pool knows them.
fn resolve<'a>(
    observed: &'a ObservedRepository,
    stage: &StageName,
    packages: &[StagePackage],
) -> Result<Vec<&'a PoolPackage>, RepoError> {
    let missing = |digest| RepoError::Missing { digest, stage: stage.clone() };
    packages.iter().map(|p| observed.pool.get(&p.digest).ok_or_else(|| missing(p.digest.clone()))).collect()
}

/// Numbers of the generations whose files are there.
pub(super) fn generations(stage: &StageLayout) -> Result<Vec<u64>, RepoError> {
    let path = stage.generations();
    let entries = match path.read_dir_utf8() {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(RepoError::File { what: "list", path, source }),
    };
    let mut numbers: Vec<u64> = entries.filter_map(Result::ok).filter_map(|entry| entry.file_name().parse().ok()).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

struct Difference {
    added: Vec<StagePackage>,
    removed: Vec<StagePackage>,
}

impl Difference {
    fn between(old: &[StagePackage], new: &[StagePackage]) -> Self {
        let set = |packages: &[StagePackage]| packages.iter().map(|p| p.digest.clone()).collect::<std::collections::HashSet<_>>();
        let (in_old, in_new) = (set(old), set(new));
        Self {
            added: new.iter().filter(|p| !in_old.contains(&p.digest)).cloned().collect(),
            removed: old.iter().filter(|p| !in_new.contains(&p.digest)).cloned().collect(),
        }
    }
}
