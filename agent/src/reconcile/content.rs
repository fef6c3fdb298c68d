//! The loop's hand in the site's own repository: after passes it has results of checks noted and due promotions made, on a thread
//! of their own, one after the other; and it lets uploads in.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::{Handle, InstallDesk};
use crate::execute::chain;
use crate::execute::gate::keep_up;
use crate::execute::repo::{Asked, RepoFault, add};
use crate::observed::{Observed, Phase};
use crate::plan::gate::Results;
use crate::spec::{Nevra, Spec, StageName, Timestamp, VmName};
use crate::world::World;
use crate::world::repo::{self, Repository};

/// How soon news of the VMs are noted.
const AT_NEWS: Duration = Duration::from_millis(200);
/// How often it is looked at without news: somebody may have added or removed packages.
const AT_LEAST: Duration = Duration::from_secs(20);

/// What a VM last said that promotions depend on: where it is, since when it has its packages, and which of its checks fail or have
/// to be run again for them.
type Word = (VmName, Phase, u32, Option<Timestamp>, Vec<(String, bool, bool)>);

/// See the module.
#[derive(Default)]
pub(super) struct Content {
    running: Option<JoinHandle<()>>,
    last: Option<(Instant, Vec<Word>)>,
    /// When news are to be looked at that came too soon after others, or during a run.
    again: Option<Instant>,
    results: Arc<Mutex<Results>>,
}

impl Content {
    /// After a pass: begins a run where there is something to do and none is under way.
    pub(super) fn turn(&mut self, world: &Arc<World>, spec: &Arc<Spec>, observed: &Arc<Observed>) {
        let Some(policy) = spec.site.repository.clone() else { return };
        let (words, now) = (words(observed), Instant::now());
        self.again = None;
        if let Some((at, said)) = &self.last {
            let is_news = *said != words;
            let earliest = *at + if is_news { AT_NEWS } else { AT_LEAST };
            let is_running = self.running.as_ref().is_some_and(|running| !running.is_finished());
            if is_running || now < earliest {
                // Nothing else may happen for long, so the loop has to be told when to look.
                self.again = is_news.then_some(if is_running { now + AT_NEWS } else { earliest });
                return;
            }
        }
        let root = repo::directory(&world.state_dir);
        if !root.exists() {
            return;
        }
        self.last = Some((now, words));
        let (world, spec, observed, results) =
            (Arc::clone(world), Arc::clone(spec), Arc::clone(observed), Arc::clone(&self.results));
        self.running = Some(tokio::task::spawn_blocking(move || {
            let repository = Repository::at(&root, &policy, &repo::gnupg_home(&world.state_dir));
            let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
            if let Err(error) = keep_up(&repository, &spec, &observed, &mut results, world.clock.now()) {
                tracing::warn!(error = %chain(&error), "results of checks could not be noted, or promotions made; tried again");
            }
        }));
    }

    /// How long the loop may sleep because of what was put off; none: for as long as it likes.
    pub(super) fn look_again(&self) -> Option<Duration> {
        self.again.map(|at| at.saturating_duration_since(Instant::now()))
    }
}

fn words(observed: &Observed) -> Vec<Word> {
    let of = |(name, vm): (&VmName, &crate::observed::ObservedVm)| {
        let told = vm.packages().map(|(at, _)| at);
        let is_old = |began| told.is_some_and(|told| began < told);
        let checks = vm.checks.iter().map(|check| (check.name.clone(), check.failure.is_none(), is_old(check.began()))).collect();
        (name.clone(), vm.record.phase, vm.record.attempt, told, checks)
    };
    observed.vms.iter().map(of).collect()
}

/// What entered by an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entered {
    /// The packages, with the SHA-256 of each.
    pub packages: Vec<(Nevra, String)>,
    /// The stage's generation; none: all of it was there already.
    pub generation: Option<u64>,
}

/// Why an upload did not enter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// There is no such stage, or the site has no repository of its own.
    #[error("{0}")]
    NoSuchPlace(String),
    /// It may not enter.
    #[error("{0}")]
    Refused(String),
    /// It could not be taken.
    #[error("{0}")]
    Failed(String),
}

impl Handle {
    /// Where uploads are put while they arrive: on the file system of the repository.
    pub fn upload_directory(&self) -> Utf8PathBuf {
        self.desk.repository.join("uploads")
    }

    /// Removes what uploads left that broke off with the agent; before any is taken.
    pub fn discard_uploads(&self) {
        discard(&self.upload_directory());
    }

    /// Takes the package `file` into `stage`. Blocks for as long as that takes.
    pub fn enter(&self, stage: &str, file: &Utf8Path, by: &str) -> Result<Entered, EntryError> {
        let (repository, stage, promotion) = self.desk.entrance(stage)?;
        let asked = Asked { by: by.to_owned(), login: by.to_owned(), note: "upload".to_owned(), now: self.now() };
        let added = add(&repository, &promotion, &stage, &[file.to_owned()], &asked).map_err(|fault| match fault {
            RepoFault::Refused(refused) => {
                EntryError::Refused(refused.into_iter().map(|one| one.reason).collect::<Vec<_>>().join("; "))
            }
            RepoFault::World(error) => EntryError::Failed(chain(&error)),
        })?;
        self.desk.wake.notify_one();
        Ok(Entered {
            packages: added.packages.into_iter().map(|(nevra, digest)| (nevra, digest.to_string())).collect(),
            generation: added.publication.map(|publication| publication.generation),
        })
    }
}

impl InstallDesk {
    /// The repository and the stage of this name.
    fn entrance(&self, stage: &str) -> Result<(Repository, StageName, crate::spec::PromotionPolicy), EntryError> {
        let spec = Arc::clone(&self.spec.read().unwrap_or_else(PoisonError::into_inner));
        let nowhere = |reason: String| EntryError::NoSuchPlace(reason);
        let Some(policy) = &spec.site.repository else {
            return Err(nowhere("the site has no stage repositories of its own".to_owned()));
        };
        let Some(found) = spec.stages.get(stage) else { return Err(nowhere(format!("there is no stage {stage:?} in the site"))) };
        let home = repo::gnupg_home(self.repository.parent().unwrap_or(&self.repository));
        let repository = Repository::open(&self.repository, policy, &home).map_err(|error| EntryError::Failed(chain(&error)))?;
        Ok((repository, found.name.clone(), found.promotion.clone()))
    }
}

fn discard(directory: &Utf8Path) {
    match std::fs::remove_dir_all(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            tracing::warn!(%directory, %error, "what is left of old uploads cannot be removed");
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observed::HypervisorState;
    use crate::world::sim::{SimConfig, SimHypervisor};
    use crate::world::{HypervisorHandle, ManualClock, Store};

    fn world(state: &Utf8Path) -> Arc<World> {
        let clock = Arc::new(ManualClock::at(Timestamp(1_795_418_280_000)));
        let sim = Arc::new(SimHypervisor::new(SimConfig::default(), Arc::clone(&clock) as _));
        let store = Arc::new(Store::in_memory().unwrap());
        let hypervisor = HypervisorHandle::new(Arc::clone(&sim) as _, "sim");
        Arc::new(World::new(hypervisor, store, clock, Arc::clone(&sim) as _, Arc::clone(&sim) as _, sim.ca(), state.to_owned()))
    }

    fn observed(phase: Option<Phase>) -> Arc<Observed> {
        let vm = |phase| crate::observed::ObservedVm {
            record: crate::reconcile::testing::record(phase, 1),
            events: Vec::new(),
            installer_log: crate::observed::InstallerLog::default(),
            console_tail: Vec::new(),
            checks: Vec::new(),
            certificates: Vec::new(),
            puppet: None,
            puppetdb: None,
            kickstart_ready: true,
        };
        Arc::new(Observed {
            hypervisor: HypervisorState::Unreachable { reason: "nobody asks".to_owned() },
            boot_files: std::collections::BTreeMap::new(),
            vms: phase.map(vm).into_iter().map(|vm| (vm.record.vm.clone(), vm)).collect(),
            errors: std::collections::BTreeMap::new(),
        })
    }

    #[tokio::test(start_paused = true)]
    async fn news_that_come_too_soon_keep_the_loop_awake_until_they_are_looked_at() {
        let dir = tempfile::tempdir().unwrap();
        let state = Utf8PathBuf::from_path_buf(dir.path().to_owned()).unwrap();
        std::fs::create_dir(repo::directory(&state)).unwrap();
        let mut spec = crate::spec::sample::spec(&state);
        spec.site.repository = Some(crate::spec::RepositorySpec {
            name: "site".parse().unwrap(),
            stages: vec!["dev".parse().unwrap()],
            keyring: Vec::new(),
            entry: crate::spec::EntryPolicy::Signed,
            signing_key: None,
            keep_versions: 3,
            keep_metadata: AT_LEAST,
            keep_removed: AT_LEAST,
            url: None,
        });
        let (world, spec, mut content) = (world(&state), Arc::new(spec), Content::default());
        let runs = |content: &Content| content.last.as_ref().map(|(at, _)| *at);

        content.turn(&world, &spec, &observed(None));
        let first = runs(&content);
        assert_eq!(content.look_again(), None, "all of it is being looked at");
        content.turn(&world, &spec, &observed(None));
        assert_eq!(content.look_again(), None, "nothing new");
        let news = observed(Some(Phase::Ready));
        content.turn(&world, &spec, &news);
        assert_eq!(runs(&content), first, "a run is under way, or has just been");
        let wait = content.look_again().expect("the loop is to look again");
        assert!(wait <= AT_NEWS, "{wait:?}");
        content.running.take().expect("a run").await.unwrap();
        tokio::time::advance(AT_NEWS).await;
        content.turn(&world, &spec, &news);
        assert_ne!(runs(&content), first, "now they are looked at");
        assert_eq!(content.look_again(), None);
    }

    #[test]
    fn nothing_is_left_of_uploads_that_broke_off_with_the_agent() {
        let state = tempfile::tempdir().unwrap();
        let directory = Utf8PathBuf::from_path_buf(state.path().join("uploads")).unwrap();
        std::fs::create_dir_all(directory.join("put-x")).unwrap();
        std::fs::write(directory.join("put-x/a-1-1.noarch.rpm"), "half").unwrap();
        discard(&directory);
        assert!(!directory.exists());
        discard(&directory);
    }
}
