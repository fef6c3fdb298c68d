//! Mirrors of real repositories: whole or not at all, gone on with after a break, trusted by signature; dnf installs from them.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};

use camino::{Utf8Path, Utf8PathBuf};
use rekindle::spec::{RepoLocation, Timestamp};
use rekindle::world::mirror::{MirrorError, MirrorSet, MirrorSource, Refreshed, Trust, list_packages};
use rekindle_tests::rpms::{DnfRepo, Key, RpmLab};
use rekindle_tests::served::Served;

const NOON: Timestamp = Timestamp(1_795_435_200_000);

/// A web server of somebody else's: it knows ranges, breaks off, and loses files when told to.
#[derive(Default)]
struct Whims {
    /// Connections are cut when so many bytes of a file have gone over them.
    cut: Option<usize>,
    /// Files that are answered with 404.
    lost: Vec<String>,
    /// What is not there is forbidden, as some stores of objects say it.
    forbids: bool,
    /// Bytes sent of each file.
    sent: BTreeMap<String, usize>,
}

struct Upstream {
    url: String,
    whims: Arc<Mutex<Whims>>,
}

impl Upstream {
    fn start(root: &Utf8Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let whims = Arc::new(Mutex::new(Whims::default()));
        let (root, shared) = (root.to_owned(), Arc::clone(&whims));
        // Ends with the process of this test.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (root, shared) = (root.clone(), Arc::clone(&shared));
                std::thread::spawn(move || {
                    let _ = answer(&stream, &root, &shared);
                });
            }
        });
        Self { url, whims }
    }

    fn whim(&self, change: impl FnOnce(&mut Whims)) {
        change(&mut self.whims.lock().expect("the whims"));
    }

    fn sent(&self, end: &str) -> usize {
        let whims = self.whims.lock().expect("the whims");
        whims.sent.iter().filter(|(path, _)| path.ends_with(end)).map(|(_, bytes)| bytes).sum()
    }
}

/// Answers one request and closes.
fn answer(mut stream: &TcpStream, root: &Utf8Path, whims: &Mutex<Whims>) -> std::io::Result<()> {
    let mut path = String::new();
    let mut from = 0usize;
    for line in BufReader::new(stream).lines() {
        let line = line?;
        if let Some(rest) = line.strip_prefix("GET ") {
            path = rest.split(' ').next().unwrap_or_default().trim_start_matches('/').replace("%2B", "+");
        }
        if let Some(range) = line.to_lowercase().strip_prefix("range: bytes=") {
            from = range.trim_end_matches('-').parse().expect("a first byte");
        }
        if line.is_empty() {
            break;
        }
    }
    let lost = whims.lock().expect("the whims").lost.iter().any(|lost| path.ends_with(lost));
    let Some(bytes) = std::fs::read(root.join(&path)).ok().filter(|_| !lost) else {
        let status = if whims.lock().expect("the whims").forbids { "403 Forbidden" } else { "404 Not Found" };
        return write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    };
    let total = bytes.len();
    let part = bytes.get(from..).unwrap_or_default();
    let status = if from > 0 {
        format!("206 Partial Content\r\nContent-Range: bytes {from}-{}/{total}", total - 1)
    } else {
        "200 OK".to_owned()
    };
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", part.len())?;
    let cut = whims.lock().expect("the whims").cut.filter(|_| path.starts_with("Packages/")).unwrap_or(usize::MAX);
    let part = &part[..part.len().min(cut)];
    *whims.lock().expect("the whims").sent.entry(path).or_default() += part.len();
    stream.write_all(part)
}

struct Scene {
    lab: RpmLab,
    key: Key,
    upstream: Upstream,
    directory: Utf8PathBuf,
    mirror: Utf8PathBuf,
}

impl Scene {
    /// An upstream with a signed `app` 1 and a large package.
    fn new() -> Self {
        let lab = RpmLab::new();
        let key = lab.key("vendor");
        let directory = lab.dir.join("upstream");
        let mut packages = vec![lab.build("app", "1", "one")];
        packages.extend(lab.build_many("big", "1", 2, 3_000_000));
        lab.sign(&packages, &key);
        lab.repository(&directory, &packages, Some(&key));
        let upstream = Upstream::start(&directory);
        Self { mirror: lab.dir.join("mirror"), lab, key, upstream, directory }
    }

    fn source(&self) -> MirrorSource {
        MirrorSource {
            name: "app".to_owned(),
            url: self.upstream.url.parse().expect("a URL"),
            keys: vec![self.key.public.clone()],
            trust: Trust::Signed,
        }
    }

    fn refresh(&self, source: MirrorSource) -> Result<Refreshed, MirrorError> {
        let stages = ["dev", "testing"].map(str::to_owned);
        MirrorSet::open(&self.mirror)?.refresh(&[source], &stages, Some("dev"), NOON, "test", &|_| {})
    }

    fn shown(&self) -> Vec<String> {
        MirrorSet::snapshots(&self.mirror).into_iter().map(|snapshot| snapshot.name).collect()
    }

    /// What `app` that dnf installs from `path` of the mirror says.
    fn installed(&self, path: &str, name: &str) -> String {
        let served = Served::start(&[("mirror", &self.mirror)]);
        let url = format!("{}/{path}/app", served.url("mirror"));
        let dnf = self.lab.dnf(name, &DnfRepo::at(&url, &self.key.public));
        let ran = dnf.run(&["install", "app"]);
        assert!(ran.ok(), "{}", ran.text);
        std::fs::read_to_string(dnf.root.join("usr/share/app/text")).expect("what app installs")
    }
}

#[test]
fn a_stage_keeps_its_snapshot_until_it_is_promoted_and_dnf_installs_from_each() {
    let scene = Scene::new();
    let first = scene.refresh(scene.source()).expect("a mirror");
    assert_eq!((first.is_new, first.packages, first.stages.len()), (true, 3, 2));
    assert_eq!(scene.installed("current", "current"), "one");
    let again = scene.refresh(scene.source()).expect("a mirror");
    assert_eq!((again.is_new, again.fetched, &again.snapshot), (false, 0, &first.snapshot));

    let mut newer = vec![scene.lab.build("app", "2", "two")];
    scene.lab.sign(&newer, &scene.key);
    newer
        .extend(scene.directory.join("Packages").read_dir_utf8().expect("packages").map(|entry| entry.expect("one").into_path()));
    std::fs::copy(&newer[0], scene.directory.join("Packages/app-2-1.noarch.rpm")).expect("a copy");
    scene.lab.describe(&scene.directory, Some(&scene.key));
    let big = scene.upstream.sent("big-1-1-1.noarch.rpm");
    let second = scene.refresh(scene.source()).expect("a mirror");
    assert_eq!(
        (second.is_new, second.stages.as_slice()),
        (true, ["dev".to_owned()].as_slice()),
        "only the first stage moves by itself"
    );
    assert_eq!(scene.upstream.sent("big-1-1-1.noarch.rpm"), big, "what is here already is not fetched again");
    assert_eq!(scene.installed("stages/dev", "dev"), "two");
    assert_eq!(scene.installed("stages/testing", "testing"), "one");

    let set = MirrorSet::open(&scene.mirror).expect("the mirror");
    assert!(matches!(MirrorSet::open(&scene.mirror), Err(MirrorError::Busy { .. })), "one at a time");
    assert_eq!(set.prune(0, false).expect("pruned").0, Vec::<String>::new(), "what a stage uses stays");
    let moved = set.promote("dev", "testing", "somebody", NOON).expect("a promotion");
    assert_eq!((moved.from.as_deref(), moved.to.as_str()), (Some(first.snapshot.as_str()), second.snapshot.as_str()));
    assert_eq!(set.prune(0, false).expect("pruned").0, std::slice::from_ref(&first.snapshot));
    drop(set);
    assert_eq!(scene.installed("stages/testing", "promoted"), "two");
    let history = std::fs::read_to_string(scene.mirror.join("history.jsonl")).expect("a history");
    assert!(history.lines().last().is_some_and(|line| line.contains("\"somebody\"")), "{history}");
}

#[test]
fn a_broken_transfer_goes_on_where_it_was_and_nothing_is_fetched_twice() {
    let scene = Scene::new();
    scene.upstream.whim(|whims| whims.cut = Some(1_000_000));
    scene.refresh(scene.source()).expect("a mirror in spite of it");
    for name in ["big-0-1-1.noarch.rpm", "big-1-1-1.noarch.rpm"] {
        let size = std::fs::metadata(scene.directory.join("Packages").join(name)).expect("a package").len() as usize;
        assert!(size > 3_000_000, "{name} is cut at least twice");
        assert_eq!(scene.upstream.sent(name), size, "{name}");
    }
}

#[test]
fn nothing_is_shown_before_all_of_it_is_here_and_a_second_run_fetches_only_the_rest() {
    let scene = Scene::new();
    scene.upstream.whim(|whims| whims.lost.push("app-1-1.noarch.rpm".to_owned()));
    let error = scene.refresh(scene.source()).expect_err("a package is missing");
    assert!(matches!(error, MirrorError::Missing { .. }) && error.to_string().contains("app-1-1.noarch.rpm"), "{error}");
    assert_eq!(scene.shown(), Vec::<String>::new());
    assert!(!scene.mirror.join("current").exists() && !scene.mirror.join("stages/dev").exists());
    // Half a snapshot and half a file, as a kill leaves them.
    std::fs::create_dir_all(scene.mirror.join("snapshots/.new-x/app")).expect("a directory");
    let whole = std::fs::read(scene.directory.join("Packages/app-1-1.noarch.rpm")).expect("a package");
    let digest = scene.lab.must("sha256sum", &[scene.directory.join("Packages/app-1-1.noarch.rpm").as_str()]);
    let digest = digest.split(' ').next().expect("a digest");
    std::fs::write(scene.mirror.join("partial").join(digest), &whole[..1000]).expect("half a file");
    scene.upstream.whim(|whims| whims.lost.clear());
    let big = scene.upstream.sent("big-1-1-1.noarch.rpm");
    let refreshed = scene.refresh(scene.source()).expect("a mirror");
    assert_eq!(refreshed.fetched as usize, whole.len() - 1000, "only the rest of the one that was missing");
    assert_eq!(scene.upstream.sent("big-1-1-1.noarch.rpm"), big);
    assert_eq!(scene.shown(), [refreshed.snapshot]);
    assert!(!scene.mirror.join("snapshots/.new-x").exists());
    // What a broken disk left under the right name is found out.
    std::fs::remove_dir_all(&scene.mirror).expect("removed");
    std::fs::create_dir_all(scene.mirror.join("partial")).expect("a directory");
    std::fs::write(scene.mirror.join("partial").join(digest), vec![0; 1000]).expect("a wrong half");
    scene.refresh(scene.source()).expect("a mirror all the same");
    assert_eq!(scene.installed("current", "after"), "one");
}

#[track_caller]
fn check_refused(scene: &Scene, what: &str, source: MirrorSource, reason: &str) {
    let error = scene.refresh(source).expect_err(what);
    let said = error.to_string();
    assert!(said.contains(reason), "{what}: {said}");
    assert_eq!(scene.shown(), Vec::<String>::new(), "{what}");
}

#[test]
fn what_is_not_as_its_signer_left_it_is_refused_with_the_reason() {
    let scene = Scene::new();
    let other = scene.lab.key("other");
    let keep = scene.lab.dir.join("kept");
    scene.lab.must("cp", &["-a", scene.directory.as_str(), keep.as_str()]);
    let restore = || {
        std::fs::remove_dir_all(&scene.directory).expect("removed");
        scene.lab.must("cp", &["-a", keep.as_str(), scene.directory.as_str()]);
        let _ = std::fs::remove_dir_all(&scene.mirror);
    };
    let change = |path: &str, with: &dyn Fn(&mut Vec<u8>)| {
        let path = scene.directory.join(path);
        let mut bytes = std::fs::read(&path).expect("a file");
        with(&mut bytes);
        std::fs::write(path, bytes).expect("a file");
    };
    let primary = || {
        let names = scene.directory.join("repodata").read_dir_utf8().expect("metadata").map(|entry| entry.expect("one"));
        let mut names = names.map(|entry| entry.file_name().to_owned());
        format!("repodata/{}", names.find(|name| name.contains("primary.xml")).expect("primary"))
    };

    check_refused(&scene, "another key", MirrorSource { keys: vec![other.public.clone()], ..scene.source() }, "which is not in");
    check_refused(&scene, "no key", MirrorSource { keys: vec![], ..scene.source() }, "which is not in");
    let not_a_key = vec![keep.join("repodata/repomd.xml")];
    check_refused(&scene, "not a key", MirrorSource { keys: not_a_key, ..scene.source() }, "holds no public key");

    change("repodata/repomd.xml", &|bytes| bytes.push(b'\n'));
    check_refused(&scene, "repomd.xml altered", scene.source(), "for other bytes");
    restore();
    change(&primary(), &|bytes| bytes[20] ^= 1);
    check_refused(&scene, "primary altered", scene.source(), "not what the repository's metadata say: its sha256");
    restore();
    change("Packages/app-1-1.noarch.rpm", &|bytes| *bytes.last_mut().expect("a byte") ^= 1);
    check_refused(&scene, "package altered", scene.source(), "its sha256");
    restore();
    change("Packages/app-1-1.noarch.rpm", &|bytes| bytes.push(0));
    check_refused(&scene, "package longer", scene.source(), "its size");
    restore();
    change("Packages/app-1-1.noarch.rpm", &|bytes| bytes.truncate(500));
    check_refused(&scene, "package shorter", scene.source(), "its size");
    restore();
    std::fs::remove_file(scene.directory.join("repodata/repomd.xml.asc")).expect("removed");
    check_refused(&scene, "no signature", scene.source(), "has no `repomd.xml.asc`");
    restore();

    // A key that expired long ago, with a signature from when it was good.
    let old = scene.lab.expired_key("old");
    let repomd = scene.directory.join("repodata/repomd.xml");
    scene.lab.describe(&scene.directory, Some(&old));
    check_refused(&scene, "an expired key", MirrorSource { keys: vec![old.public.clone()], ..scene.source() }, "has expired");

    std::fs::remove_file(format!("{repomd}.asc")).expect("removed");
    let refreshed = scene.refresh(MirrorSource { keys: vec![], trust: Trust::Checksums, ..scene.source() });
    assert!(refreshed.expect("checksums are enough where that is said").is_new);
}

#[test]
fn a_server_that_forbids_what_it_does_not_have_is_mirrored_all_the_same() {
    let scene = Scene::new();
    scene.upstream.whim(|whims| whims.forbids = true);
    assert!(scene.refresh(scene.source()).expect("a mirror").is_new, "there is no `.treeinfo`");
    std::fs::remove_dir_all(&scene.mirror).expect("removed");
    scene.upstream.whim(|whims| whims.lost.push("repomd.xml.asc".to_owned()));
    check_refused(&scene, "no signature", scene.source(), "has no `repomd.xml.asc`");
    scene.upstream.whim(|whims| whims.lost = vec!["repomd.xml".to_owned()]);
    check_refused(&scene, "no repository", scene.source(), "status 403");
}

#[test]
fn what_a_repository_lists_is_known_without_a_copy_and_said_only_of_what_came_whole() {
    let scene = Scene::new();
    let location = RepoLocation::Url(scene.source().url);
    let list = || list_packages(&location, &|nevra| nevra.name() == "app").map_err(|error| error.to_string());
    let sha256 = scene.lab.must("sha256sum", &[scene.directory.join("Packages/app-1-1.noarch.rpm").as_str()])[..64].parse().ok();
    let listed = list().expect("a list");
    assert_eq!(listed.iter().map(|one| one.nevra.to_string()).collect::<Vec<_>>(), ["app-1-1.noarch"]);
    assert_eq!(listed[0].sha256, sha256);
    assert_eq!(
        list_packages(&RepoLocation::Directory(scene.directory.clone()), &|nevra| nevra.name() == "app").ok(),
        Some(listed)
    );
    assert_eq!(scene.upstream.sent(".rpm"), 0, "no package is fetched");
    let names = scene.directory.join("repodata").read_dir_utf8().expect("metadata").map(|entry| entry.expect("one").into_path());
    let primary = names.into_iter().find(|path| path.as_str().contains("primary.xml")).expect("primary");
    let whole = std::fs::read(&primary).expect("a file");
    std::fs::write(&primary, &whole[..whole.len() - 1]).expect("a file");
    assert!(list().expect_err("cut short").contains("not what the repository's metadata say"));
    std::fs::remove_file(&primary).expect("removed");
    assert!(list().expect_err("not there").contains("does not exist there"));
}

#[test]
fn the_directory_of_one_repository_is_not_taken_over_by_another() {
    let scene = Scene::new();
    let mirror = |name: &str| {
        let args = ["repo", "mirror", &scene.upstream.url, "--to", scene.mirror.as_str(), "--name", name, "--unsigned"];
        let ran = Command::new(rekindle_tests::lab::binary()).args(args).output().expect("rekindle");
        (ran.status.code(), String::from_utf8_lossy(&ran.stderr).into_owned())
    };
    assert_eq!(mirror("app"), (Some(0), String::new()));
    let (code, said) = mirror("other");
    assert!(code == Some(2) && said.contains("is the mirror of another repository, `app`"), "{said}");
    assert!(scene.mirror.join("current/app/repodata/repomd.xml").exists(), "VMs install from it");
    assert_eq!(mirror("app"), (Some(0), String::new()));
}
