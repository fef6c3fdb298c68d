//! `make bench`: the site's own repository against the programs that it stands on, both sides in one run.
//!
//! * entry of 1,000 packages, against `createrepo_c` and `rpmkeys` over the same files, one after the other;
//! * promotion of one package, and of 500, into a stage of 10,000 distinct ones, against `createrepo_c --update` over the stage's
//!   directory with one more package in it.
//!
//! Beside the time is what it costs the processors: user and system time of this process and of the programs that it ran.
//!
//! `bench-repo entry` and `bench-repo promotion` measure that alone. The 10,000 packages are built and signed once (some minutes) and kept in `~/.cache/rekindle/bench-repo`.
//!
//! Nothing is removed before the end: an ext4 without a journal looks past every inode that was freed less than five minutes ago, so
//! that new files cost fifty times as much after a removal. Wait that long before you run it again. On a machine that does other
//! things too, `chrt -r 5` in front gives both sides the processors to themselves.
#![expect(clippy::print_stdout, reason = "it is what this program is for")]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use nix::sys::resource::{UsageWho, getrusage};
use rekindle::execute::repo::{self as execute, Asked};
use rekindle::plan::repo::{PromotionRequest, Selection};
use rekindle::spec::{PromotionPolicy, StageName, Timestamp};
use rekindle::world::repo::Repository;
use rekindle::world::{Clock as _, SystemClock};
use rekindle_tests::rpms::RpmLab;

/// Packages a spec; ten specs.
const A_SPEC: usize = 1000;
const SPECS: usize = 10;
/// Each figure is the median of so many runs.
const RUNS: usize = 5;

fn main() -> ExitCode {
    let cache =
        std::env::var("XDG_CACHE_HOME").map_or_else(|_| home().join(".cache"), Utf8PathBuf::from).join("rekindle/bench-repo");
    std::fs::create_dir_all(&cache).expect("the cache");
    let lab = RpmLab::kept(&cache);
    let packages = packages(&lab);
    let work = lab.dir.join("work");
    let _ = std::fs::remove_dir_all(&work);
    std::fs::create_dir_all(&work).expect("a directory");
    let asked = std::env::args().nth(1);
    let wanted = |part: &str| asked.as_deref().is_none_or(|asked| asked == part);
    let mut good = true;
    if wanted("entry") {
        good &= entry(&lab, &packages[..A_SPEC], &work);
    }
    if wanted("promotion") {
        good &= promotion(&lab, &packages, &work);
    }
    let _ = std::fs::remove_dir_all(&work);
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn home() -> Utf8PathBuf {
    Utf8PathBuf::from(std::env::var("HOME").expect("HOME"))
}

/// The 10,000 packages, built where they are not there yet.
fn packages(lab: &RpmLab) -> Vec<Utf8PathBuf> {
    let whole = lab.dir.join("whole");
    if !whole.exists() {
        println!("building {} packages, once", A_SPEC * SPECS);
        std::thread::scope(|scope| {
            for half in 0..2 {
                scope.spawn(move || {
                    for spec in (half..SPECS).step_by(2) {
                        let files = lab.build_many(&format!("bench{spec}"), "1", A_SPEC, 0);
                        lab.sign(&files, &lab.signer);
                    }
                });
            }
        });
        std::fs::write(whole, "").expect("a file");
    }
    let names = (0..SPECS).flat_map(|spec| (0..A_SPEC).map(move |number| format!("bench{spec}-{number}")));
    names.map(|name| lab.built(&name, "1")).collect()
}

/// What something took.
#[derive(Clone, Copy)]
struct Cost {
    wall: Duration,
    /// Of all processors, in user and system mode, by this process and the programs that it waited for.
    cpu: Duration,
}

impl std::ops::Add for Cost {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { wall: self.wall + other.wall, cpu: self.cpu + other.cpu }
    }
}

/// The median of each by itself.
fn median(costs: &[Cost]) -> Cost {
    let of = |part: fn(&Cost) -> Duration| {
        let mut times: Vec<Duration> = costs.iter().map(part).collect();
        times.sort();
        times[times.len() / 2]
    };
    Cost { wall: of(|cost| cost.wall), cpu: of(|cost| cost.cpu) }
}

fn cost(mut run: impl FnMut()) -> Cost {
    let (began, before) = (Instant::now(), processors());
    run();
    Cost { wall: began.elapsed(), cpu: processors() - before }
}

fn processors() -> Duration {
    let of = |who| {
        let usage = getrusage(who).expect("getrusage");
        [usage.user_time(), usage.system_time()]
            .map(|time| Duration::from_micros((time.tv_sec() * 1_000_000 + time.tv_usec()).unsigned_abs()))
    };
    of(UsageWho::RUSAGE_SELF).into_iter().chain(of(UsageWho::RUSAGE_CHILDREN)).sum()
}

fn asked() -> Asked {
    Asked { by: "bench".to_owned(), login: "bench".to_owned(), note: String::new(), now: now() }
}

fn now() -> Timestamp {
    SystemClock::new().now()
}

fn stage(name: &str) -> StageName {
    name.parse().expect("a stage")
}

fn open(lab: &RpmLab, root: &Utf8Path) -> Repository {
    Repository::open(root, &lab.policy(&["dev", "testing"]), &lab.gnupg()).expect("a repository")
}

fn copy_of(files: &[Utf8PathBuf], directory: &Utf8Path) {
    std::fs::create_dir_all(directory).expect("a directory");
    for file in files {
        std::fs::hard_link(file, directory.join(file.file_name().expect("a name"))).expect("a link");
    }
}

fn report(what: &str, ours: Cost, theirs: Cost, target: &str, good: bool) -> bool {
    let print = |what: &str, ours: Duration, theirs: Duration, rest: &str| {
        let (ours, theirs) = (ours.as_secs_f64(), theirs.as_secs_f64());
        println!("{what:<44} ours {ours:>7.3} s   theirs {theirs:>7.3} s   ratio {:>5.2}{rest}", ours / theirs);
    };
    print(what, ours.wall, theirs.wall, &format!("   ({target}: {})", if good { "met" } else { "NOT MET" }));
    print("  processors", ours.cpu, theirs.cpu, "");
    good
}

fn entry(lab: &RpmLab, files: &[Utf8PathBuf], work: &Utf8Path) -> bool {
    let directory = work.join("entry");
    copy_of(files, &directory);
    let db = work.join("db");
    std::fs::create_dir_all(&db).expect("a directory");
    lab.must("rpmkeys", &["--dbpath", db.as_str(), "--import", lab.signer.public.as_str()]);
    let mut check = vec!["--dbpath", db.as_str(), "--define", "_pkgverify_level all", "-K"];
    check.extend(files.iter().map(|file| file.as_str()));
    let (mut ours, mut createrepo, mut rpmkeys) = (Vec::new(), Vec::new(), Vec::new());
    for run in 0..RUNS {
        let root = work.join(format!("entry-{run}"));
        let repository = open(lab, &root);
        // The key database is made once in a repository's life.
        execute::add(&repository, &PromotionPolicy::default(), &stage("dev"), &[lab.package("warm", "1")], &asked())
            .expect("entry");
        ours.push(cost(|| {
            execute::add(&repository, &PromotionPolicy::default(), &stage("dev"), files, &asked()).expect("entry");
        }));
        createrepo.push(cost(|| drop(lab.must("createrepo_c", &["-q", "--no-database", "--workers", "2", directory.as_str()]))));
        rpmkeys.push(cost(|| drop(lab.must("rpmkeys", &check))));
    }
    let (ours, createrepo, rpmkeys) = (median(&ours), median(&createrepo), median(&rpmkeys));
    let seconds = |cost: Cost| format!("{:.3} s ({:.3} s of processors)", cost.wall.as_secs_f64(), cost.cpu.as_secs_f64());
    println!("createrepo_c alone {}, rpmkeys alone {}", seconds(createrepo), seconds(rpmkeys));
    let theirs = createrepo + rpmkeys;
    let good = ours.wall.as_secs_f64() <= 1.3 * theirs.wall.as_secs_f64();
    report("entry of 1,000 packages", ours, theirs, "at most 1.3", good)
}

fn promotion(lab: &RpmLab, files: &[Utf8PathBuf], work: &Utf8Path) -> bool {
    let repository = open(lab, &work.join("repository"));
    let free = PromotionPolicy::default();
    for some in files.chunks(2500) {
        execute::add(&repository, &free, &stage("dev"), some, &asked()).expect("entry");
    }
    let names = |from: usize, count: usize| -> Vec<String> {
        files[from..from + count].iter().map(|file| file.file_stem().expect("a name").to_owned()).collect()
    };
    let promote = |names: Vec<String>| {
        let selection = Selection::Exact(names.into_iter().map(|name| (name, None)).collect());
        let request = PromotionRequest { selection, from: stage("dev"), to: stage("testing"), approved_by: None };
        cost(|| {
            drop(
                execute::promote(&repository, &free, &request, &asked())
                    .expect("a promotion")
                    .publication
                    .expect("a publication"),
            );
        })
    };
    // The stage has nearly 10,000; the last ones come while it is timed.
    let many = 500;
    let first = files.len() - RUNS * (many + 1);
    promote(names(0, first));
    let (mut one, mut set) = (Vec::new(), Vec::new());
    for run in 0..RUNS {
        let at = first + run * (many + 1);
        one.push(promote(names(at, 1)));
        set.push(promote(names(at + 1, many)));
    }
    let observed = repository.observe().expect("a repository");
    println!("testing holds {} packages", observed.stages[&stage("testing")].packages.len());

    // What most people script: the file into the directory, and createrepo_c --update.
    let directory = work.join("scripted");
    copy_of(&files[..files.len() - RUNS], &directory);
    lab.must("createrepo_c", &["-q", "--no-database", directory.as_str()]);
    let (mut plain, mut with_database) = (Vec::new(), Vec::new());
    for file in &files[files.len() - RUNS..] {
        copy_of(std::slice::from_ref(file), &directory);
        plain.push(cost(|| drop(lab.must("createrepo_c", &["-q", "--update", "--no-database", directory.as_str()]))));
    }
    for _ in 0..2 {
        with_database.push(cost(|| drop(lab.must("createrepo_c", &["-q", "--update", directory.as_str()]))));
    }
    let (one, set, plain, with_database) = (median(&one), median(&set), median(&plain), median(&with_database));
    println!("createrepo_c --update with its default databases takes {:.3} s", with_database.wall.as_secs_f64());
    let fast = one.wall <= Duration::from_secs(1) && one.wall.as_secs_f64() * 3.0 <= plain.wall.as_secs_f64();
    let mut good = report("promotion of 1 into 10,000", one, plain, "at most 1 s and a third", fast);
    let fast = set.wall.as_secs_f64() <= 1.2 * one.wall.as_secs_f64();
    good &= report("promotion of 500 in one publication", set, one, "at most 1.2", fast);
    good
}
