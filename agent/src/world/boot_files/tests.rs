use std::io::BufRead as _;
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::*;
use crate::observed::Disposition;
use crate::spec::{Filesystem, Firmware};

const NOW: Timestamp = Timestamp(1_795_418_280_000);

fn os(tree: TreeLocation) -> OsSpec {
    OsSpec {
        name: "alma9".parse().unwrap(),
        release: "rhel9".parse().unwrap(),
        tree,
        repos: Vec::new(),
        snapshots: None,
        packages: Vec::new(),
        firmware: Firmware::Bios,
        filesystem: Filesystem::Xfs,
        osinfo: None,
        kernel_args: Vec::new(),
        min_memory_mib: 0,
    }
}

fn temp() -> (tempfile::TempDir, Utf8PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = Utf8PathBuf::from_path_buf(dir.path().to_owned()).unwrap();
    (dir, path)
}

fn treeinfo(kernel: &[u8], initrd: &[u8]) -> String {
    let digest = |bytes: &[u8]| hex(&Sha256::digest(bytes));
    format!(
        "[images-x86_64]\nkernel = images/vmlinuz\ninitrd = images/initrd.img\n[checksums]\nimages/vmlinuz = sha256:{}\nimages/initrd.img = sha256:{}\n",
        digest(kernel),
        digest(initrd)
    )
}

fn make_tree(dir: &Utf8Path, kernel: &[u8], initrd: &[u8]) {
    fs::create_dir_all(dir.join("images")).unwrap();
    fs::write(dir.join("images/vmlinuz"), kernel).unwrap();
    fs::write(dir.join("images/initrd.img"), initrd).unwrap();
    fs::write(dir.join(".treeinfo"), treeinfo(kernel, initrd)).unwrap();
}

/// A directory tree and a cache beside it.
struct Fixture {
    _dir: tempfile::TempDir,
    tree: Utf8PathBuf,
    cache: Utf8PathBuf,
    os: OsSpec,
}

fn fixture() -> Fixture {
    let (dir, path) = temp();
    let tree = path.join("tree");
    make_tree(&tree, b"kernel", b"initrd");
    Fixture { _dir: dir, os: os(TreeLocation::Directory(tree.clone())), tree, cache: path.join("cache") }
}

impl Fixture {
    fn ensure(&self, now: Timestamp) -> Result<(BootFiles, Change), BootFilesError> {
        ensure(&self.os, &self.cache, now)
    }

    /// Changes the tree by `spoil` and expects an error that says all of `words`, and nothing half-made in the cache.
    #[track_caller]
    fn check_refused(self, spoil: impl FnOnce(&Utf8Path), words: &[&str]) {
        spoil(&self.tree);
        let error = self.ensure(NOW).unwrap_err();
        let text = format!("{error}: {}", std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default());
        for word in words {
            assert!(text.contains(word), "{text:?} does not say {word:?}");
        }
        assert_eq!(cached(&self.cache), BTreeMap::new());
        let left: Vec<_> = fs::read_dir(os_dir(&self.cache, &self.os.name)).unwrap().flatten().map(|e| e.file_name()).collect();
        assert_eq!(left, [".lock"], "left in the cache");
    }
}

/// A mirror on loopback that gives each request to `answer` and counts them.
fn mirror(answer: impl Fn(&str, &mut dyn io::Write) + Send + Sync + 'static) -> (TreeLocation, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/tree", listener.local_addr().unwrap());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
            std::thread::spawn(move || {
                let mut reader = io::BufReader::new(stream.try_clone().unwrap());
                let mut first = String::new();
                let mut line = String::new();
                while reader.read_line(&mut line).is_ok_and(|n| n > 2) {
                    if first.is_empty() {
                        first.clone_from(&line);
                    }
                    line.clear();
                }
                let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
                log.lock().unwrap().push(path.clone());
                answer(&path, &mut &stream);
            });
        }
    });
    (TreeLocation::Url(url.parse().unwrap()), seen)
}

fn respond(out: &mut dyn io::Write, status: &str, body: &[u8]) {
    let _ = write!(out, "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    let _ = out.write_all(body);
}

fn serve_tree(path: &str, out: &mut dyn io::Write) {
    match path {
        "/tree/.treeinfo" => respond(out, "200 OK", treeinfo(b"kernel", b"initrd").as_bytes()),
        "/tree/images/vmlinuz" => respond(out, "200 OK", b"kernel"),
        "/tree/images/initrd.img" => respond(out, "200 OK", b"initrd"),
        _ => respond(out, "404 Not Found", b""),
    }
}

fn impatient() -> Limits {
    let short = Duration::from_millis(300);
    Limits { patience: Patience { connect: short, stall: short, small: short, large: short }, ..Limits::default() }
}

#[test]
fn a_directory_tree_is_copied_once_and_is_readable_by_everybody() {
    let f = fixture();
    let (files, change) = f.ensure(NOW).unwrap();
    assert_eq!(change, Change::Changed);
    assert_eq!((fs::read(&files.kernel).unwrap(), fs::read(&files.initrd).unwrap()), (b"kernel".to_vec(), b"initrd".to_vec()));
    for path in [&files.kernel, &files.initrd] {
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o644);
        assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o755);
    }
    let later = NOW.plus(Duration::from_secs(60));
    let (again, change) = f.ensure(later).unwrap();
    assert_eq!((again.kernel, change, again.checked), (files.kernel, Change::Unchanged, later));
    assert_eq!(cached(&f.cache)[&f.os.name].checked, later);
    assert_eq!(cached_for(&f.os, &f.cache).map(|files| files.checked), Some(later));
}

#[test]
fn a_mirror_is_asked_for_nothing_but_treeinfo_when_nothing_has_changed() {
    let (tree, seen) = mirror(serve_tree);
    let (_dir, cache) = temp();
    let os = os(tree);
    assert_eq!(ensure(&os, &cache, NOW).unwrap().1, Change::Changed);
    seen.lock().unwrap().clear();
    assert_eq!(ensure(&os, &cache, NOW).unwrap().1, Change::Unchanged);
    assert_eq!(*seen.lock().unwrap(), ["/tree/.treeinfo"]);
}

#[test]
fn a_file_that_was_changed_in_the_cache_is_fetched_again() {
    let f = fixture();
    let (files, _) = f.ensure(NOW).unwrap();
    fs::write(&files.kernel, b"KERNEL").unwrap();
    assert_eq!(cached(&f.cache), BTreeMap::new());
    assert_eq!(f.ensure(NOW).unwrap().1, Change::Changed);
    assert_eq!(fs::read(&files.kernel).unwrap(), b"kernel");
}

#[test]
fn a_tree_that_changed_gets_a_new_directory_and_the_old_one_stays_for_a_day() {
    let f = fixture();
    let (old, _) = f.ensure(NOW).unwrap();
    make_tree(&f.tree, b"kernel two", b"initrd two");
    let (new, change) = f.ensure(NOW).unwrap();
    assert_eq!(change, Change::Changed);
    assert_eq!(fs::read(&new.kernel).unwrap(), b"kernel two");
    assert!(old.kernel.exists(), "an install may still need it");
    f.ensure(NOW.plus(KEEP_OLD + Duration::from_secs(1))).unwrap();
    assert!(!old.kernel.exists() && new.kernel.exists());
}

#[test]
fn files_of_another_tree_are_not_those_of_the_os() {
    let f = fixture();
    f.ensure(NOW).unwrap();
    let moved = os(TreeLocation::Directory(f.tree.join("elsewhere")));
    assert_eq!(cached_for(&moved, &f.cache), None);
}

#[test]
fn what_a_killed_agent_left_is_no_obstacle_and_goes_away() {
    let f = fixture();
    let dir = os_dir(&f.cache, &f.os.name);
    let (files, _) = f.ensure(NOW).unwrap();
    let digest = files.kernel.parent().unwrap().file_name().unwrap().to_owned();
    fs::remove_file(dir.join(&digest).join(VERIFIED)).unwrap();
    fs::create_dir_all(dir.join(format!(".new-{digest}"))).unwrap();
    fs::write(dir.join(format!(".new-{digest}")).join(KERNEL), b"ker").unwrap();
    fs::create_dir_all(dir.join(".new-other")).unwrap();
    assert_eq!(f.ensure(NOW).unwrap().1, Change::Changed);
    assert_eq!(fs::read(&files.kernel).unwrap(), b"kernel");
    assert!(!dir.join(".new-other").exists());
}

#[test]
fn callers_at_the_same_time_fetch_once() {
    let fetched = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&fetched);
    let (tree, _) = mirror(move |path, out| {
        if path.ends_with("vmlinuz") {
            count.fetch_add(1, Ordering::SeqCst);
        }
        serve_tree(path, out);
    });
    let (_dir, cache) = temp();
    let os = os(tree);
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..8).map(|_| scope.spawn(|| ensure(&os, &cache, NOW).unwrap().0)).collect();
        for caller in callers {
            assert_eq!(fs::read(caller.join().unwrap().kernel).unwrap(), b"kernel");
        }
    });
    assert_eq!(fetched.load(Ordering::SeqCst), 1);
}

#[test]
fn damaged_and_incomplete_trees_are_refused_by_name() {
    fixture()
        .check_refused(|tree| fs::write(tree.join("images/initrd.img"), b"xnitrd").unwrap(), &["alma9", "initrd.img", "damaged"]);
    fixture().check_refused(|tree| fs::write(tree.join("images/initrd.img"), b"init").unwrap(), &["initrd.img", "damaged"]);
    fixture().check_refused(|tree| fs::remove_file(tree.join("images/vmlinuz")).unwrap(), &["vmlinuz", "no such file"]);
    fixture().check_refused(|tree| fs::remove_file(tree.join(".treeinfo")).unwrap(), &["not an install tree", ".treeinfo"]);
    fixture().check_refused(|tree| fs::write(tree.join(".treeinfo"), "[checksums]\n").unwrap(), &["x86_64", "kernel"]);
    fixture()
        .check_refused(|tree| fs::write(tree.join(".treeinfo"), vec![b'#'; 300 << 10]).unwrap(), &["larger than 262144 bytes"]);
    fixture().check_refused(|tree| fs::write(tree.join(".treeinfo"), [0xff, 0xfe]).unwrap(), &["UTF-8"]);
    fixture().check_refused(
        |tree| {
            fs::remove_file(tree.join("images/vmlinuz")).unwrap();
            nix::unistd::mkfifo(tree.join("images/vmlinuz").as_std_path(), nix::sys::stat::Mode::S_IRWXU).unwrap();
        },
        &["vmlinuz", "not a regular file"],
    );
    fixture().check_refused(
        |tree| fs::write(tree.join(".treeinfo"), treeinfo(b"", b"").replace("images/", "../")).unwrap(),
        &["\"../vmlinuz\"", "plain path"],
    );
}

#[test]
fn a_tree_without_the_dot_in_treeinfo_works() {
    let f = fixture();
    fs::rename(f.tree.join(".treeinfo"), f.tree.join("treeinfo")).unwrap();
    assert_eq!(f.ensure(NOW).unwrap().1, Change::Changed);
}

#[track_caller]
fn check_mirror_refused(answer: impl Fn(&str, &mut dyn io::Write) + Send + Sync + 'static, limits: &Limits, words: &[&str]) {
    let (tree, _) = mirror(answer);
    let (_dir, cache) = temp();
    let error = ensure_within(&os(tree), &cache, NOW, limits).unwrap_err();
    let text = format!("{error}: {}", std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default());
    for word in words {
        assert!(text.contains(word), "{text:?} does not say {word:?}");
    }
    assert_eq!(cached(&cache), BTreeMap::new());
}

#[test]
fn mirrors_that_fail_are_refused_by_name() {
    let wide = Limits::default();
    check_mirror_refused(|_, out| respond(out, "503 Busy", b""), &wide, &["/tree/.treeinfo", "status 503"]);
    check_mirror_refused(|_, out| respond(out, "404 Not Found", b""), &wide, &["not an install tree"]);
    check_mirror_refused(|_, out| drop(out.write_all(b"SSH-2.0-x\r\n")), &wide, &["/tree/.treeinfo"]);
    // A transfer that breaks off.
    let cut = |path: &str, out: &mut dyn io::Write| match path {
        "/tree/images/initrd.img" => drop(out.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nini")),
        path => serve_tree(path, out),
    };
    check_mirror_refused(cut, &wide, &["initrd.img"]);
    // A body without end.
    let endless = |path: &str, out: &mut dyn io::Write| match path {
        "/tree/images/initrd.img" => {
            let _ = out.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
            while out.write_all(&[0; 4096]).is_ok() {}
        }
        path => serve_tree(path, out),
    };
    check_mirror_refused(endless, &Limits { image: 1 << 20, ..wide }, &["initrd.img", "larger than 1048576 bytes"]);
    // Redirects in a circle.
    let circle = |_: &str, out: &mut dyn io::Write| {
        drop(out.write_all(b"HTTP/1.1 302 Found\r\nLocation: /tree/.treeinfo\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"));
    };
    check_mirror_refused(circle, &wide, &["/tree/.treeinfo", "redirect"]);
}

#[test]
fn mirrors_that_stand_still_are_given_up() {
    let silent = |_: &str, _: &mut dyn io::Write| std::thread::park();
    check_mirror_refused(silent, &impatient(), &["/tree/.treeinfo", "in time"]);
    let stalls = |path: &str, out: &mut dyn io::Write| match path {
        "/tree/images/vmlinuz" => {
            let _ = out.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nker");
            let _ = out.flush();
            std::thread::park();
        }
        path => serve_tree(path, out),
    };
    check_mirror_refused(stalls, &impatient(), &["vmlinuz", "in time"]);
}

#[test]
fn a_mirror_that_is_away_is_tried_again_later() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (_dir, cache) = temp();
    let error = ensure(&os(TreeLocation::Url(format!("http://127.0.0.1:{port}/x").parse().unwrap())), &cache, NOW).unwrap_err();
    assert_eq!(error.disposition(), Disposition::RetryLater);
}
