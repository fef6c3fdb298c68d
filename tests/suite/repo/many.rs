//! Many at once: promotions beside each other, clients beside promotions; and what publishing makes, held against `createrepo_c`.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use rekindle::execute::repo::{self as execute, Asked, Rehearsal};
use rekindle::plan::retention::Running;
use rekindle::spec::Timestamp;
use rekindle::world::repo::Repository;
use rekindle_tests::rpms::{DnfRepo, Required, RpmLab};

use super::{NOW, add, content, dnf_sees, open, promote, sha256, stage};

#[test]
fn promotions_beside_each_other_have_one_order_and_lose_nothing() {
    let lab = RpmLab::new();
    let policy = lab.policy(&["dev", "testing"]);
    let repository = open(&lab, &policy);
    let files = lab.build_many("many", "1", 24, 0);
    lab.sign(&files, &lab.signer);
    add(&repository, &files).expect("packages");
    std::thread::scope(|scope| {
        for worker in 0..6 {
            let (lab, policy) = (&lab, &policy);
            scope.spawn(move || {
                let repository = open(lab, policy);
                for number in (worker..24).step_by(6) {
                    promote(&repository, &[&format!("many-{number}-1")], "dev", "testing").expect("a promotion");
                }
            });
        }
    });
    assert_eq!(content(&repository, "testing").len(), 24);
    let history = repository.history(&stage("testing")).expect("a history");
    let generations: Vec<u64> = history.iter().map(|publication| publication.generation).collect();
    assert_eq!(generations, (1..=24).collect::<Vec<u64>>());
    assert!(history.iter().all(|publication| publication.added.len() == 1 && publication.removed.is_empty()));
    assert_eq!(dnf_sees(&lab, "query", "testing").len(), 24);
}

/// Repodata as their files have them, each package's text by itself and sorted.
fn repodata(lab: &RpmLab, directory: &Utf8Path, part: &str) -> (String, BTreeSet<String>) {
    let file = directory.read_dir_utf8().expect("repodata").map(|entry| entry.expect("an entry").into_path());
    let repomd = std::fs::read_to_string(directory.join("repomd.xml")).expect("repomd.xml");
    let file = file.filter(|path| path.as_str().ends_with(&format!("{part}.xml.gz")));
    let current = file.filter(|path| repomd.contains(path.file_name().expect("a name")));
    let paths: Vec<Utf8PathBuf> = current.collect();
    assert_eq!(paths.len(), 1, "{paths:?}");
    let text = lab.must("zcat", &[paths[0].as_str()]);
    let (head, rest) = text.split_once("<package ").expect("a package");
    let packages = rest.split("<package ").map(|package| {
        let package = package.split("</package>").next().unwrap_or_default();
        // The time of the file is that of whoever copied it.
        package.lines().filter(|line| !line.contains("<time file=")).map(str::trim).collect::<Vec<_>>().join("\n")
    });
    (head.to_owned(), packages.collect())
}

#[test]
fn repodata_are_what_createrepo_c_makes_of_the_same_directory() {
    let lab = RpmLab::new();
    let repository = open(&lab, &lab.policy(&["dev", "testing"]));
    let mut files = lab.build_many("many", "1", 40, 0);
    lab.sign(&files, &lab.signer);
    files.push(lab.package("app", "1.0~rc1"));
    add(&repository, &files[..20]).expect("packages");
    add(&repository, &files[20..]).expect("packages");
    promote(&repository, &["many-1", "many-2", "app"], "dev", "testing").expect("a promotion");
    promote(&repository, &["many-30"], "dev", "testing").expect("a promotion");
    for name in ["dev", "testing"] {
        let served = Repository::served_directory(&lab.dir.join("repository"), &stage(name));
        let copy = lab.dir.join(format!("copy-{name}"));
        std::fs::create_dir_all(&copy).expect("a directory");
        lab.must("cp", &["-a", served.join("packages").as_str(), copy.as_str()]);
        lab.must("createrepo_c", &["-q", "--no-database", copy.as_str()]);
        for part in ["primary", "filelists", "other"] {
            let ours = repodata(&lab, &served.join("repodata"), part);
            assert_eq!(ours, repodata(&lab, &copy.join("repodata"), part), "{part} of {name}");
        }
    }
}

#[test]
fn a_rollback_is_one_publication_and_what_left_stays_readable_for_a_while() {
    let lab = RpmLab::new();
    let repository = open(&lab, &lab.policy(&["dev", "testing"]));
    for version in ["1", "2", "3"] {
        add(&repository, &[lab.package("app", version)]).expect("a package");
        promote(&repository, &["app"], "dev", "testing").expect("a promotion");
    }
    let asked = super::asked();
    let back = execute::rollback(&repository, &RpmLab::open_stage(), &stage("testing"), 1, None, &asked).expect("a rollback");
    assert_eq!((back.generation, back.removed.len()), (4, 2));
    assert_eq!(dnf_sees(&lab, "query", "testing"), ["app-1-1.noarch"]);
    let served = Repository::served_directory(&lab.dir.join("repository"), &stage("testing"));
    assert!(served.join("packages/a/app-3-1.noarch.rpm").exists(), "a client with the old repodata still finds it");
    let forward =
        execute::rollback(&repository, &RpmLab::open_stage(), &stage("testing"), 3, None, &asked).expect("forward again");
    assert_eq!(forward.generation, 5);
    assert_eq!(content(&repository, "testing").len(), 3);
    let error =
        execute::rollback(&repository, &RpmLab::open_stage(), &stage("testing"), 5, None, &asked).expect_err("it is there");
    assert!(error.to_string().contains("give an earlier one"), "{error}");
}

#[test]
fn garbage_is_what_no_stage_no_vm_and_no_client_needs() {
    let lab = RpmLab::new();
    let mut policy = lab.policy(&["dev", "testing"]);
    policy.keep_versions = 1;
    let repository = open(&lab, &policy);
    for version in ["1", "2", "3", "4"] {
        add(&repository, &[lab.package("app", version)]).expect("a package");
    }
    promote(&repository, &["app-2"], "dev", "testing").expect("a promotion");
    let header = |version: &str| {
        let pool = repository.observe().expect("a repository").pool;
        pool.into_values().find(|p| p.nevra.version() == version).map(|p| Running { header: p.header }).expect("a package")
    };
    // A VM runs 1, testing holds 2, 3 is not needed, 4 is the newest.
    let running = BTreeSet::from([header("1")]);
    let at = |days: u64| Asked { now: NOW.plus(Duration::from_hours(24 * days)), ..super::asked() };
    let collect =
        |rehearsal, days| execute::collect_garbage(&repository, &running, rehearsal, &at(days)).expect("a collection").0;
    let told = collect(Rehearsal::DryRun, 1);
    assert_eq!(content(&repository, "dev").len(), 4, "a rehearsal changes nothing");
    assert_eq!(told, collect(Rehearsal::ForReal, 1));
    assert_eq!(content(&repository, "dev"), ["app-1-1.noarch", "app-4-1.noarch"]);
    let soon = collect(Rehearsal::ForReal, 3);
    assert_eq!((soon.remove.len(), soon.unlink.len()), (0, 0), "clients may still ask for what left two days ago");
    let pool = |version: &str| {
        lab.dir.join("repository/pool/sha256").exists()
            && repository.observe().expect("a repository").pool.values().any(|p| p.nevra.version() == version)
    };
    let late = collect(Rehearsal::ForReal, 30);
    assert_eq!(late.remove.len(), 1);
    assert_eq!([pool("1"), pool("2"), pool("3"), pool("4")], [true, true, false, true]);
    assert_eq!(dnf_sees(&lab, "query", "dev"), ["app-1-1.noarch", "app-4-1.noarch"]);
    assert_eq!(dnf_sees(&lab, "query-2", "testing"), ["app-2-1.noarch"]);
    let again = lab.build("app", "3", "with other bytes");
    lab.sign(std::slice::from_ref(&again), &lab.signer);
    let error = add(&repository, &[again]).expect_err("its name is remembered");
    assert!(error.to_string().contains("known with other bytes"), "{error}");
}

#[test]
fn a_clock_that_goes_back_takes_nothing_away_from_clients() {
    let lab = RpmLab::new();
    let repository = open(&lab, &lab.policy(&["dev", "testing"]));
    let file = lab.package("app", "1");
    add(&repository, &[file]).expect("a package");
    let revision = || {
        let served = Repository::served_directory(&lab.dir.join("repository"), &stage("dev"));
        let text = std::fs::read_to_string(served.join("repodata/repomd.xml")).expect("repomd.xml");
        let at = text.find("<revision>").expect("a revision") + "<revision>".len();
        text[at..].split('<').next().and_then(|number| number.parse::<u64>().ok()).expect("a number")
    };
    let before = revision();
    let past = Asked { now: Timestamp(NOW.0 - 86_400_000), ..super::asked() };
    execute::add(&repository, &RpmLab::open_stage(), &stage("dev"), &[lab.package("app", "2")], &past).expect("a package");
    assert!(revision() > before, "the revision only ever grows");
    let generations = Repository::served_directory(&lab.dir.join("repository"), &stage("dev")).join("generations");
    assert!(generations.join("1").exists(), "repodata that were replaced a moment ago stay");
    assert_eq!(dnf_sees(&lab, "query", "dev").len(), 2);
}

#[test]
fn a_full_disk_and_a_pool_that_cannot_be_written_leave_the_stages_as_they_were() {
    let lab = RpmLab::new();
    let policy = lab.policy(&["dev", "testing"]);
    let repository = open(&lab, &policy);
    add(&repository, &[lab.package("app", "1")]).expect("a package");
    let big = lab.build_large("big", 6_000_000);
    lab.sign(std::slice::from_ref(&big), &lab.signer);
    // A file system of 4 MiB in a namespace of its own: the package cannot even be copied aside.
    let victim = super::crash::victim();
    let script = format!(
        "mkdir small && mount -t tmpfs -o size=4m tmpfs small && cp -a repository small/ && \
         {victim} {0} {0}/small/repository 0 add {big}; echo \"status $?\"; ls small/repository/staging; \
         mkdir ro && mount --bind repository ro && mount -o remount,ro,bind ro && {victim} {0} {0}/ro 0 add {big}; echo \"status $?\"; \
         readlink small/repository/stages/dev/public/repodata ro/stages/dev/public/repodata",
        lab.dir
    );
    let ran = lab.run("unshare", &["-m", "sh", "-c", &script]);
    assert!(ran.text.contains("StorageFull") && ran.text.contains("ReadOnlyFilesystem"), "{}", ran.text);
    assert_eq!(ran.text.matches("status 101").count(), 2, "{}", ran.text);
    assert_eq!(ran.text.matches("\ngenerations/1/repodata").count(), 2, "{}", ran.text);
    assert_eq!(dnf_sees(&lab, "query", "dev"), ["app-1-1.noarch"]);
    assert_eq!(sha256(&lab, &lab.dir.join("repository/stages/dev/public/packages/a/app-1-1.noarch.rpm")).len(), 64);
}

/// A plain web server over `directory`, ended when it is dropped.
struct WebServer {
    child: std::process::Child,
    port: u16,
}

impl WebServer {
    fn over(lab: &RpmLab, directory: &Utf8Path) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        let code = "import http.server,sys,socketserver\n\
                    class S(http.server.ThreadingHTTPServer):\n  request_queue_size=256\n\
                    class H(http.server.SimpleHTTPRequestHandler):\n  protocol_version='HTTP/1.1'\n  def log_message(self,*a): pass\n\
                    S(('127.0.0.1',int(sys.argv[1])),lambda *a: H(*a,directory=sys.argv[2])).serve_forever()";
        let mut command = lab.command("/usr/bin/python3", &["-c", code, &port.to_string(), directory.as_str()]);
        let child = command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().expect("python3");
        let server = Self { child, port };
        let deadline = std::time::Instant::now() + Duration::from_secs(20);
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(std::time::Instant::now() < deadline, "the web server does not listen");
            std::thread::yield_now();
        }
        server
    }
}

impl Drop for WebServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// 50 clients install while 200 promotions run, from a plain web server. Half of them follow the `mirrorlist` and require signed
/// repodata; half read the stage's directory, where signatures of packages are required.
#[test]
fn fifty_clients_install_while_two_hundred_promotions_run_and_none_sees_an_error() {
    const CLIENTS: u16 = 50;
    const PROMOTIONS: usize = 200;
    let lab = RpmLab::new();
    let web = lab.dir.join("web");
    std::fs::create_dir_all(&web).expect("a directory");
    let server = WebServer::over(&lab, &web);
    let mut policy = lab.policy(&["dev", "testing"]);
    policy.url = Some(format!("http://127.0.0.1:{}", server.port).parse().expect("a URL"));
    let repository = open(&lab, &policy);
    std::os::unix::fs::symlink(Repository::served_directory(&lab.dir.join("repository"), &stage("testing")), web.join("testing"))
        .expect("a link");
    let files = lab.build_many("many", "1", PROMOTIONS + 1, 0);
    lab.sign(&files, &lab.signer);
    add(&repository, &files).expect("packages");
    promote(&repository, &["many-0"], "dev", "testing").expect("the first");
    let url = format!("http://127.0.0.1:{}/testing", server.port);
    let (done, next) = (AtomicBool::new(false), AtomicU16::new(0));
    let errors = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 1..=PROMOTIONS {
                promote(&repository, &[&format!("many-{number}-1")], "dev", "testing").expect("a promotion");
            }
            done.store(true, Ordering::SeqCst);
        });
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let number = next.fetch_add(1, Ordering::SeqCst);
                let follows = number % 2 == 0;
                let at = DnfRepo::at(&format!("{url}/"), &lab.signer.public);
                let repo = if follows {
                    DnfRepo { source: format!("mirrorlist={url}/mirrorlist"), ..at }
                } else {
                    DnfRepo { required: Required::Packages, ..at }
                };
                let dnf = lab.dnf(&format!("client-{number}"), &repo);
                let ran = dnf.run(&["--setopt=tsflags=noscripts", "install", "many-0"]);
                let installed = dnf.root.join("usr/share/many-0/text").exists();
                if !ran.ok() || !installed {
                    errors.lock().expect("a lock").push(format!("client {number} ({}):\n{}", repo.source, ran.text));
                }
            });
        }
    });
    assert!(done.load(Ordering::SeqCst));
    let errors = errors.into_inner().expect("a lock");
    assert!(errors.is_empty(), "{} clients failed; the first:\n{}", errors.len(), errors[0]);
    assert_eq!(content(&repository, "testing").len(), PROMOTIONS + 1);
    drop(server);
}
