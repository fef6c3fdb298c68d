//! A kill before any effect, a failing disk at any effect: the repository is whole, and equal to before or after.

use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use camino::{Utf8Path, Utf8PathBuf};
use rekindle::execute::repo::RepoFault;
use rekindle::world::repo::{RepoError, Repository};
use rekindle_tests::repo_change::{Change, policy};
use rekindle_tests::rpms::RpmLab;

use super::{content, dnf_sees_in};

/// A repository with two versions in `dev`, the older one in `testing`, and what it takes to make each change.
struct Scene {
    lab: RpmLab,
    base: Utf8PathBuf,
    files: Vec<Utf8PathBuf>,
}

impl Scene {
    fn new() -> Self {
        let lab = RpmLab::new();
        let base = lab.dir.join("base");
        let repository = Repository::open(&base, &policy(&lab), &lab.gnupg()).expect("a repository");
        for (name, version) in [("app", "1"), ("tool", "1"), ("app", "2")] {
            Change::Add(vec![lab.package(name, version)]).make(&repository).expect("a package");
            Change::Promote.make(&repository).expect("a promotion");
        }
        // `testing` has three generations, `dev` one package more than it.
        Change::Add(vec![lab.package("app", "3")]).make(&repository).expect("a package");
        let files = vec![lab.package("app", "4"), lab.package("late", "1")];
        Self { lab, base, files }
    }

    fn copy(&self, name: &str) -> Utf8PathBuf {
        let to = self.lab.dir.join(name);
        self.lab.must("cp", &["-a", self.base.as_str(), to.as_str()]);
        to
    }

    /// Everything below what is served: names, links, sizes and times.
    fn served(&self, root: &Utf8Path, stage: &str) -> String {
        let directory = Repository::served_directory(root, &super::stage(stage));
        self.lab.must("find", &[directory.as_str(), "-printf", "%P %l %s %T@\n"])
    }

    fn open(&self, root: &Utf8Path) -> Repository {
        Repository::open(root, &policy(&self.lab), &self.lab.gnupg()).expect("a repository")
    }

    /// Both stages as the records have them, after proving that clients see exactly that.
    #[track_caller]
    fn state(&self, root: &Utf8Path, when: &str) -> [Vec<String>; 2] {
        let repository = self.open(root);
        let observed = repository.observe().unwrap_or_else(|error| panic!("{when}: {error}"));
        let verified = repository.verify(&observed, |_| true).expect("a proof");
        assert!(verified.holds(), "{when}: {verified:?}");
        ["dev", "testing"].map(|stage| content(&repository, stage))
    }

    /// Lets dnf read the stages in which anything differs from those that it has read before anything happened.
    #[track_caller]
    fn check_dnf(&self, root: &Utf8Path, state: &[Vec<String>; 2], when: &str) {
        for (stage, expected) in ["dev", "testing"].iter().zip(state) {
            let (base, now) = (self.served(&self.base, stage), self.served(root, stage));
            if base == now && root != self.base {
                continue;
            }
            assert_eq!(
                &dnf_sees_in(&self.lab, &root.to_string().replace('/', "_"), root, stage),
                expected,
                "{when}: dnf in {stage}"
            );
        }
    }
}

pub(super) fn victim() -> Utf8PathBuf {
    let suite = std::env::current_exe().expect("the suite");
    let path = Utf8PathBuf::from_path_buf(suite).expect("UTF-8");
    // target/debug/deps/suite-… → target/debug/repo-victim
    path.parent().and_then(Utf8Path::parent).expect("the target directory").join("repo-victim")
}

/// Kills `change` before each of its effects in turn; dnf reads what is left, and the same change made again comes to its end.
fn check_killed_everywhere(change: impl Fn(&Scene) -> Change) {
    check_killed_at(1, 1, change);
}

/// The same for one effect in `step`, from `first` on.
fn check_killed_at(first: usize, step: usize, change: impl Fn(&Scene) -> Change) {
    let scene = Scene::new();
    let change = change(&scene);
    let before = scene.state(&scene.base, "before");
    scene.check_dnf(&scene.base, &before, "before");
    let whole = scene.copy("whole");
    change.make(&scene.open(&whole)).expect("nothing in the way");
    let after = scene.state(&whole, "after");
    assert_ne!(before, after, "{change:?} changes nothing");
    let mut kills = 0;
    for effect in (first..).step_by(step) {
        let root = scene.copy(&format!("killed-{effect}"));
        let mut command = Command::new(victim());
        command.args([scene.lab.dir.as_str(), root.as_str(), &effect.to_string(), change.verb()]);
        if let Change::Add(files) = &change {
            command.args(files);
        }
        let output = command.output().expect("the victim");
        if output.status.success() {
            break;
        }
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.signal(), Some(9), "effect {effect}: {said}");
        kills += 1;
        let when = format!("{} killed before effect {effect}", change.verb());
        let left = scene.state(&root, &when);
        // Collecting garbage publishes stage by stage: each of them is as it was, or as it will be.
        for (stage, left) in left.iter().enumerate() {
            assert!(*left == before[stage] || *left == after[stage], "{when}: {left:?}");
        }
        scene.check_dnf(&root, &left, &when);
        change.make(&scene.open(&root)).unwrap_or_else(|error| panic!("{when}, then again: {error}"));
        assert_eq!(scene.state(&root, &when), after, "{when}, then again");
        let staged = root.join("staging").read_dir_utf8().map_or(0, Iterator::count);
        assert_eq!(staged, 0, "{when}, then again: what the dead process staged is swept");
        std::fs::remove_dir_all(&root).expect("removal");
    }
    assert!(kills * step >= 20, "only {kills} kills");
}

// Two tests, since it takes the longest: odd and even effects.
#[test]
fn an_entry_that_is_killed_before_any_odd_effect_is_whole_and_can_be_made_again() {
    check_killed_at(1, 2, |scene| Change::Add(scene.files[..1].to_vec()));
}

#[test]
fn an_entry_that_is_killed_before_any_even_effect_is_whole_and_can_be_made_again() {
    check_killed_at(2, 2, |scene| Change::Add(scene.files[..1].to_vec()));
}

#[test]
fn a_promotion_that_is_killed_before_any_effect_is_whole_and_can_be_made_again() {
    check_killed_everywhere(|_| Change::Promote);
}

#[test]
fn a_collection_of_garbage_that_is_killed_before_any_effect_is_whole_and_can_be_made_again() {
    check_killed_everywhere(|scene| {
        // What left the stages a year ago loses its bytes, and one version more leaves.
        let repository = scene.open(&scene.base);
        Change::Collect.make(&repository).expect("the first collection");
        Change::Add(scene.files.clone()).make(&repository).expect("packages");
        Change::CollectLater
    });
}

/// Lets the file system fail at each effect in turn.
fn check_failing_everywhere(change: impl Fn(&Scene) -> Change) {
    let scene = Scene::new();
    let change = change(&scene);
    let before = scene.state(&scene.base, "before");
    let whole = scene.copy("whole");
    change.make(&scene.open(&whole)).expect("nothing in the way");
    let after = scene.state(&whole, "after");
    for effect in 1_u64.. {
        let root = scene.copy(&format!("failed-{effect}"));
        let count = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&count);
        let failing = scene.open(&root).with_fault_hook(Arc::new(move |_| {
            if counted.fetch_add(1, Ordering::SeqCst) + 1 == effect {
                Err(std::io::ErrorKind::StorageFull.into())
            } else {
                Ok(())
            }
        }));
        let when = format!("{} with effect {effect} failing", change.verb());
        let result = change.make(&failing);
        let left = scene.state(&root, &when);
        match result {
            Ok(()) => assert_eq!(left, after, "{when}: it said that it was done"),
            Err(RepoFault::World(RepoError::File { source, .. })) => {
                assert_eq!(source.kind(), std::io::ErrorKind::StorageFull, "{when}");
                for (stage, left) in left.iter().enumerate() {
                    assert!(*left == before[stage] || *left == after[stage], "{when}: {left:?}");
                }
            }
            Err(other) => panic!("{when}: {other}"),
        }
        change.make(&scene.open(&root)).unwrap_or_else(|error| panic!("{when}, then again: {error}"));
        assert_eq!(scene.state(&root, &when), after, "{when}, then again");
        std::fs::remove_dir_all(&root).expect("removal");
        if count.load(Ordering::SeqCst) < effect {
            assert!(effect > 10, "only {effect} effects");
            break;
        }
    }
}

#[test]
fn a_promotion_on_a_failing_disk_says_so_and_is_whole() {
    check_failing_everywhere(|_| Change::Promote);
}

#[test]
fn a_rollback_on_a_failing_disk_says_so_and_is_whole() {
    check_failing_everywhere(|_| Change::Rollback);
}
