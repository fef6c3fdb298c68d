use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::*;
use crate::observed::{HandoffStatus, InstalledPackage, Phase};
use crate::reconcile::testing::{self, Rig};
use crate::serve::Rate;
use crate::serve::logged::Logged;
use crate::spec::Timestamp;

/// The token of `testing::record(_, 0xab)`.
const TOKEN: &str = "abababababababababababababababab";
/// A time that no test needs and no hang outlives.
const SOON: Duration = Duration::from_secs(10);

struct Server {
    rig: Rig,
    address: SocketAddr,
    files: tempfile::TempDir,
    task: JoinHandle<Infallible>,
    traffic: Arc<Traffic>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn start(phase: Phase, limits: InstallLimits) -> Server {
    start_on("127.0.0.1:0", phase, limits).await
}

async fn start_on(address: &str, phase: Phase, limits: InstallLimits) -> Server {
    let files = tempfile::tempdir().unwrap();
    let path = camino::Utf8Path::from_path(files.path()).unwrap();
    std::fs::create_dir_all(path.join("tree/images")).unwrap();
    std::fs::create_dir_all(path.join("repo/repodata")).unwrap();
    std::fs::write(path.join("tree/.treeinfo"), "[general]\n").unwrap();
    std::fs::write(path.join("tree/images/install.img"), (0..=255u8).cycle().take(300_000).collect::<Vec<_>>()).unwrap();
    std::fs::write(path.join("repo/repodata/repomd.xml"), "<repomd/>").unwrap();
    std::fs::write(path.join("repo/a b+c^1.rpm"), "rpm").unwrap();
    std::fs::write(path.join("outside"), "secret").unwrap();
    std::os::unix::fs::symlink("../outside", path.join("repo/escape")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", path.join("repo/passwd")).unwrap();
    std::os::unix::fs::symlink("repodata/repomd.xml", path.join("repo/within.xml")).unwrap();
    let rig = testing::rig(crate::spec::sample::spec(path));
    rig.store.put_record(&testing::record(phase, 0xab)).unwrap();
    rig.store.put_kickstart(&"web1".parse().unwrap(), 1, "text\nreboot\n").unwrap();
    let listener = crate::serve::bind(address.parse().unwrap()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let traffic = Arc::new(Traffic::default());
    let task = tokio::spawn(serve(listener, rig.handle.clone(), limits, Arc::clone(&traffic)));
    Server { rig, address, files, task, traffic }
}

struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
    }
}

impl Server {
    /// Sends `bytes` as they are and reads until the server closes.
    async fn raw(&self, bytes: &[u8]) -> Vec<u8> {
        let talk = async {
            let mut stream = TcpStream::connect(self.address).await.unwrap();
            // The server may answer and close before it has read everything.
            let _ = stream.write_all(bytes).await;
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer).await;
            answer
        };
        tokio::time::timeout(SOON, talk).await.expect("the server neither answers nor closes")
    }

    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let headers: Vec<String> = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let headers = headers.concat();
        let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        let head = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{length}{headers}\r\n");
        let answer = self.raw(&[head.as_bytes(), body].concat()).await;
        let end = answer.windows(4).position(|w| w == b"\r\n\r\n").expect("a complete head");
        let head = String::from_utf8(answer[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head, body: answer[end + 4..].to_vec() }
    }

    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.ask("GET", path, headers, b"").await
    }

    async fn post(&self, path: &str, body: &str) -> Answer {
        self.ask("POST", path, &[], body.as_bytes()).await
    }

    fn events(&self) -> Vec<GuestEventKind> {
        self.rig.store.events(&"web1".parse().unwrap(), 1).unwrap().into_iter().map(|event| event.kind).collect()
    }
}

fn path(rest: &str) -> String {
    format!("/install/{TOKEN}/{rest}")
}

#[tokio::test]
async fn a_kickstart_is_given_to_whoever_has_the_token_and_the_event_is_kept() {
    let server = start(Phase::Installing, InstallLimits::default()).await;
    let mac = [("X-RHN-Provisioning-MAC-0", "eth0 52:54:00:01:02:03"), ("X-RHN-Provisioning-MAC-1", "ib0 80:00:02:08:fe")];
    let answer = server.get(&format!("/ks/{TOKEN}"), &mac).await;
    assert_eq!((answer.status, answer.body.as_slice()), (200, b"text\nreboot\n".as_slice()));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(server.events(), [GuestEventKind::KickstartFetched]);
}

#[tokio::test]
async fn a_kickstart_is_not_given_to_others_and_nothing_is_said() {
    let server = start(Phase::Installing, InstallLimits::default()).await;
    let other = "08".repeat(16);
    let foreign = [("X-RHN-Provisioning-MAC-0", "eth0 52:54:00:ff:ff:ff")];
    for (path, headers) in [
        (format!("/ks/{other}"), [].as_slice()),
        ("/ks/x".to_owned(), &[]),
        ("/ks/".to_owned(), &[]),
        (format!("/ks/{}", TOKEN.to_uppercase()), &[]),
        (format!("/ks/{TOKEN}%00"), &[]),
        (format!("/ks/{TOKEN}/"), &[]),
        (format!("/ks/..%2fks%2f{TOKEN}"), &[]),
        (format!("/ks/{TOKEN}"), &foreign),
        ("/".to_owned(), &[]),
        ("/install".to_owned(), &[]),
    ] {
        let answer = server.get(&path, headers).await;
        assert_eq!((answer.status, answer.body.len()), (404, 0), "{path}");
    }
    assert_eq!(server.ask("HEAD", &format!("/ks/{TOKEN}"), &[], b"").await.status, 405);
    assert_eq!(server.events(), []);
}

#[tokio::test]
async fn an_installed_system_tells_its_packages_when_its_token_has_long_ended() {
    let limits = InstallLimits { token: Rate { burst: 1000, per_second: 1000 }, ..InstallLimits::default() };
    let server = start(Phase::Ready, limits).await;
    let credential = crate::reconcile::system_credential(&TOKEN.parse().unwrap());
    let tell = async |path: &str, authorization: &str, body: &str| {
        let headers = [("Authorization", authorization)];
        server.ask("POST", path, if authorization.is_empty() { &[] } else { &headers }, body.as_bytes()).await.status
    };
    let good = format!("Bearer {credential}");
    let lines = "zsh\t5.9-1\tx86_64\t(none)\npackage vim is not installed\n";
    for (path, authorization) in [
        ("/vms/web1/packages", ""),
        ("/vms/web1/packages", "Bearer "),
        ("/vms/web1/packages", credential.as_str()),
        ("/vms/web1/packages", &format!("Bearer {TOKEN}")),
        ("/vms/db1/packages", &good),
        ("/vms/..%2fweb1/packages", &good),
        ("/vms/web1/other", &good),
    ] {
        assert_eq!(tell(path, authorization, lines).await, 404, "{path} {authorization}");
    }
    assert_eq!(server.events(), []);
    assert_eq!(tell("/vms/web1/packages", &good, lines).await, 204);
    assert_eq!(tell("/vms/web1/packages", &good, lines).await, 204, "the same again is heard, and no news");
    assert_eq!(tell("/vms/web1/packages", &good, &"x".repeat(300 << 10)).await, 413);
    let package =
        InstalledPackage { name: "zsh".to_owned(), evr: "5.9-1".to_owned(), arch: "x86_64".to_owned(), sha256_header: None };
    assert_eq!(server.events(), [GuestEventKind::Packages(vec![package])]);
    assert_eq!(server.get("/vms/web1/packages", &[("Authorization", &good)]).await.status, 405);
}

#[tokio::test]
async fn an_ended_attempt_gives_and_takes_nothing() {
    for phase in [Phase::Ready, Phase::Failed, Phase::Retiring] {
        let server = start(phase, InstallLimits::default()).await;
        for answer in [
            server.get(&format!("/ks/{TOKEN}"), &[]).await,
            server.post(&path("first-boot"), "").await,
            server.get(&path("puppet.tar.gz"), &[]).await,
        ] {
            assert_eq!((answer.status, answer.body.len()), (404, 0), "{phase:?}");
        }
        assert_eq!(server.events(), []);
    }
}

#[tokio::test]
async fn the_stages_and_failures_of_an_install_are_kept() {
    let server = start(Phase::Installing, InstallLimits::default()).await;
    for stage in ["pre", "storage", "packages", "post"] {
        assert_eq!(server.post(&path(&format!("stage/{stage}")), "").await.status, 204);
    }
    assert_eq!(server.post(&path("failed/post"), "line one\r\n\u{1b}[31mline two").await.status, 204);
    let mut expected: Vec<_> = InstallStage::ALL.into_iter().map(GuestEventKind::Stage).collect();
    expected.push(GuestEventKind::Failed { section: "post".to_owned(), output: "line one\n[31mline two".to_owned() });
    assert_eq!(server.events(), expected);
    for wrong in ["stage/nonsense", "stage/", "failed/x", "failed/first-boot", "nothing", "stage/pre/more"] {
        assert_eq!(server.post(&path(wrong), "").await.status, 404, "{wrong}");
    }
    assert_eq!(server.get(&path("stage/pre"), &[]).await.status, 405);
    assert_eq!(server.events().len(), 5);
}

#[tokio::test]
async fn the_first_boot_and_its_packages_are_kept_with_the_peers_address() {
    let server = start(Phase::Booting, InstallLimits::default()).await;
    assert_eq!(server.post(&path("first-boot"), "").await.status, 204);
    let digest = "ab".repeat(32);
    let lines = format!(
        "zsh\t5.8-9.el9\tx86_64\t{digest}\nbash\t1:5.1-6\tx86_64\t(none)\npackage vim is not installed\nbad\tevr\n\t\t\t\n"
    );
    assert_eq!(server.post(&path("packages"), &lines).await.status, 204);
    let package = |name: &str, evr: &str, header: Option<&str>| InstalledPackage {
        name: name.to_owned(),
        evr: evr.to_owned(),
        arch: "x86_64".to_owned(),
        sha256_header: header.map(str::to_owned),
    };
    let expected = [
        GuestEventKind::FirstBoot { address: [127, 0, 0, 1].into() },
        GuestEventKind::Packages(vec![package("bash", "1:5.1-6", None), package("zsh", "5.8-9.el9", Some(&digest))]),
    ];
    assert_eq!(server.events(), expected);
    assert_eq!(server.post(&path("packages"), &"x".repeat((256 << 10) + 1)).await.status, 413);
}

#[tokio::test]
async fn puppets_report_is_kept_and_one_that_cannot_be_read_is_a_failed_handoff() {
    let server = start(Phase::Enrolling, InstallLimits::default()).await;
    let archive = server.get(&path("puppet.tar.gz"), &[]).await;
    assert_eq!((archive.status, archive.body.as_slice()), (200, b"archive of web1".as_slice()));
    for report in ["host: web1.example.com\nstatus: changed\n", "host: db1.example.com\nstatus: changed\n", "host: 'x"] {
        assert_eq!(server.post(&path("report"), report).await.status, 204);
    }
    let events = server.events();
    let results = events.iter().map(|event| match event {
        GuestEventKind::Handoff { result, .. } => (result.status, result.failures.concat()),
        other => panic!("{other:?}"),
    });
    let results: Vec<_> = results.collect();
    assert_eq!(results[0], (HandoffStatus::Changed, String::new()));
    assert!(results[1].0 == HandoffStatus::Failed && results[1].1.contains("\"db1.example.com\""), "{results:?}");
    assert!(results[2].0 == HandoffStatus::Failed && results[2].1.contains("not YAML"), "{results:?}");
    assert_eq!(server.post(&path("report"), &"x".repeat(REPORT + 1)).await.status, 413);
}

#[tokio::test]
async fn a_report_after_the_attempt_has_ended_is_not_awaited_any_more() {
    for phase in [Phase::Ready, Phase::Failed, Phase::Retiring] {
        let server = start(phase, InstallLimits::default()).await;
        assert_eq!(server.post(&path("report"), "host: web1.example.com\nstatus: failed\n").await.status, 410);
        assert_eq!(server.post(&path("first-boot"), "").await.status, 404, "the rest is as for any token");
        assert_eq!(server.events(), []);
    }
}

#[tokio::test]
async fn no_token_gets_into_the_log() {
    let log = Logged::begin();
    let server = start(Phase::Installing, InstallLimits::default()).await;
    let unknown = "cd".repeat(16);
    let foreign = [("X-RHN-Provisioning-MAC-0", "eth0 52:54:00:ff:ff:ff")];
    server.get(&format!("/ks/{TOKEN}"), &[]).await;
    server.get(&format!("/ks/{TOKEN}"), &foreign).await;
    server.get(&format!("/ks/{unknown}"), &[]).await;
    server.post(&path("stage/pre"), "").await;
    server.post(&path("first-boot/x"), "").await;
    server.post(&path("report"), "x").await;
    server.post(&path("failed/pre"), &"x".repeat(FAILURE_TAIL * 17)).await;
    let log = log.text();
    assert!(log.contains("unknown or ended install token") && log.contains("used from another machine"), "{log}");
    assert!(!log.contains(TOKEN) && !log.contains(&unknown), "{log}");
}

#[tokio::test]
async fn of_a_long_failure_the_end_is_kept_and_of_an_endless_one_nothing() {
    let server = start(Phase::Installing, InstallLimits::default()).await;
    let long = format!("{}the end", format!("{}\n", "x".repeat(63)).repeat(FAILURE_TAIL / 32));
    assert_eq!(server.post(&path("failed/onerror"), &long).await.status, 204);
    let events = server.events();
    let [GuestEventKind::Failed { output, .. }] = events.as_slice() else { panic!("{} events", events.len()) };
    assert!((FAILURE_TAIL - 64..=FAILURE_TAIL).contains(&output.len()) && output.ends_with("\nthe end"), "{}", output.len());
    assert_eq!(server.post(&path("failed/onerror"), &"x".repeat(FAILURE_TAIL * 17)).await.status, 413);
}

#[tokio::test]
async fn files_are_given_with_their_length_and_type() {
    let server = start(Phase::Installing, InstallLimits::default()).await;
    for (path, body, kind) in [
        ("/repo/dev/app/repodata/repomd.xml", "<repomd/>", "application/xml"),
        ("/repo/dev/app//repodata/./../repodata/repomd.xml", "", ""),
        ("/repo/dev/app/a%20b+c%5e1.rpm", "rpm", "application/x-rpm"),
        ("/repo/dev/app/within.xml", "<repomd/>", "application/xml"),
        ("/os/alma9/.treeinfo", "[general]\n", "application/octet-stream"),
    ] {
        let answer = server.get(path, &[]).await;
        if kind.is_empty() {
            assert_eq!(answer.status, 404, "{path}");
            continue;
        }
        assert_eq!((answer.status, String::from_utf8(answer.body.clone()).unwrap().as_str()), (200, body), "{path}");
        assert_eq!(answer.header("content-length"), Some(body.len().to_string().as_str()));
        assert_eq!(answer.header("content-type"), Some(kind));
    }
    let head = server.ask("HEAD", "/os/alma9/images/install.img", &[], b"").await;
    assert_eq!((head.status, head.header("content-length"), head.body.len()), (200, Some("300000"), 0));
    let whole = server.get("/os/alma9/images/install.img", &[]).await;
    assert_eq!(whole.body, std::fs::read(server.files.path().join("tree/images/install.img")).unwrap());
    assert_eq!(server.post("/os/alma9/.treeinfo", "x").await.status, 405);
}

#[tokio::test]
async fn files_and_what_needs_a_token_are_had_on_one_connection_in_any_order() {
    let server = start(Phase::Installing, InstallLimits::default()).await;
    let whole = std::fs::read(server.files.path().join("tree/images/install.img")).unwrap();
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
    let image = "/os/alma9/images/install.img";
    let parts = format!("GET {image} HTTP/1.1\r\nHost: x\r\nRange: bytes=0-99999,200000-299999\r\n\r\n");
    let head = format!("HEAD {image} HTTP/1.1\r\nHost: x\r\n\r\n");
    let kickstart = get(&format!("/ks/{TOKEN}"));
    // All of it at once, so that each request is read behind another: first without hyper, from the kickstart on with it.
    let last = get(image).replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
    let asked =
        [get(image), parts, head, get("/repo/dev/app/none"), kickstart, get("/repo/dev/app/a%20b+c%5e1.rpm"), last].concat();
    let mut answers = server.raw(asked.as_bytes()).await;
    let mut bodies = Vec::new();
    while !answers.is_empty() {
        let end = answers.windows(4).position(|w| w == b"\r\n\r\n").expect("a complete head") + 4;
        let head = String::from_utf8(answers[..end].to_vec()).unwrap().to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a length").parse().unwrap();
        let length: usize = if bodies.len() == 2 { 0 } else { length };
        bodies.push((head.split(' ').nth(1).unwrap().to_owned(), answers[end..end + length].to_vec()));
        answers.drain(..end + length);
    }
    let statuses: Vec<&str> = bodies.iter().map(|(status, _)| status.as_str()).collect();
    assert_eq!(statuses, ["200", "206", "200", "404", "200", "200", "200"]);
    assert!(bodies[0].1 == whole && bodies[6].1 == whole, "the same bytes by both ways");
    assert!(bodies[1].1.windows(100_000).any(|part| part == &whole[200_000..]), "the second part is among them");
    assert_eq!((bodies[4].1.as_slice(), bodies[5].1.as_slice()), (b"text\nreboot\n".as_slice(), b"rpm".as_slice()));
}

#[tokio::test]
async fn a_file_that_becomes_shorter_while_it_is_sent_breaks_the_connection() {
    let server = start(Phase::Installing, InstallLimits::default()).await;
    let path = server.files.path().join("tree/images/big");
    std::fs::write(&path, vec![1; 64 << 20]).unwrap();
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"GET /os/alma9/images/big HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    stream.read_u8().await.unwrap();
    std::fs::File::options().write(true).open(&path).unwrap().set_len(1000).unwrap();
    let mut rest = Vec::new();
    let _ = tokio::time::timeout(SOON, stream.read_to_end(&mut rest)).await.expect("the connection stays open");
    assert!(rest.len() < 64 << 20, "zeros in place of what is gone");
}

#[tokio::test]
async fn nothing_outside_the_directories_can_be_had() {
    let server = start(Phase::Installing, InstallLimits::default()).await;
    for path in [
        "/repo/dev/app/../outside",
        "/repo/dev/app/%2e%2e/outside",
        "/repo/dev/app/%2e%2e%2foutside",
        "/repo/dev/app/..%5coutside",
        "/repo/dev/app/%252e%252e/outside",
        "/repo/dev/app/escape",
        "/repo/dev/app/passwd",
        "/repo/dev/app/%00",
        "/repo/dev/app/x%0d%0aSet-Cookie:a",
        "/repo/dev/app/%ff%fe",
        "/repo/dev/app",
        "/repo/dev/app/",
        "/repo/dev/app/repodata",
        "/repo/dev/app/repodata/",
        "/repo/dev/app/repodata/repomd.xml/",
        "/repo/dev/app/repodata/repomd.xml/x",
        "/repo/dev/application/x",
        "/repo/dev",
        "/repo//dev/app/a",
        "/os/alma9/images",
        "/os/alma8/.treeinfo",
        "/etc/passwd",
        "//etc/passwd",
        "/.",
    ] {
        let answer = server.get(path, &[]).await;
        assert_eq!((answer.status, answer.body.len()), (404, 0), "{path}");
    }
    let long = server.get(&format!("/repo/dev/app/{}", "a/".repeat(2000)), &[]).await;
    assert_eq!(long.status, 404);
}

#[tokio::test]
async fn parts_of_files_are_given() {
    let server = start(Phase::Installing, InstallLimits::default()).await;
    let whole = std::fs::read(server.files.path().join("tree/images/install.img")).unwrap();
    let url = "/os/alma9/images/install.img";
    let part = server.get(url, &[("Range", "bytes=10-19")]).await;
    assert_eq!((part.status, part.header("content-range")), (206, Some("bytes 10-19/300000")));
    assert_eq!(part.body, &whole[10..20]);
    let rest = server.get(url, &[("Range", "bytes=299990-")]).await;
    assert_eq!((rest.status, rest.body.as_slice()), (206, &whole[299_990..]));
    let two = server.get(url, &[("Range", "bytes=0-0,-2")]).await;
    let kind = two.header("content-type").unwrap().to_owned();
    let boundary = kind.strip_prefix("multipart/byteranges; boundary=").unwrap();
    let part = |range: &str, bytes: &[u8]| {
        [
            format!("\r\n--{boundary}\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes {range}/300000\r\n\r\n")
                .as_bytes(),
            bytes,
        ]
        .concat()
    };
    let expected =
        [part("0-0", &whole[..1]), part("299998-299999", &whole[299_998..]), format!("\r\n--{boundary}--\r\n").into_bytes()]
            .concat();
    assert_eq!((two.status, &two.body), (206, &expected));
    assert_eq!(two.header("content-length"), Some(expected.len().to_string().as_str()));
    let beyond = server.get(url, &[("Range", "bytes=300000-")]).await;
    assert_eq!((beyond.status, beyond.header("content-range"), beyond.body.len()), (416, Some("bytes */300000"), 0));
    assert_eq!(server.get(url, &[("Range", "bytes=x")]).await.status, 200);
}

#[tokio::test]
async fn what_the_guest_has_already_is_not_sent_again() {
    let server = start(Phase::Installing, InstallLimits::default()).await;
    let url = "/repo/dev/app/repodata/repomd.xml";
    let first = server.get(url, &[]).await;
    let (tag, date) = (first.header("etag").unwrap(), first.header("last-modified").unwrap());
    for (header, value, status) in [
        ("If-None-Match", tag, 304),
        ("If-None-Match", "\"other\"", 200),
        ("If-None-Match", "*", 304),
        ("If-Modified-Since", date, 304),
        ("If-Modified-Since", "Thu, 01 Jan 1970 00:00:00 GMT", 200),
        ("If-Modified-Since", "yesterday", 200),
    ] {
        assert_eq!(server.get(url, &[(header, value)]).await.status, status, "{header}: {value}");
    }
    let range = ("Range", "bytes=0-1");
    for (condition, status) in [(tag, 206), (date, 206), ("\"other\"", 200), ("Thu, 01 Jan 1970 00:00:00 GMT", 200)] {
        assert_eq!(server.get(url, &[range, ("If-Range", condition)]).await.status, status, "{condition}");
    }
}

#[tokio::test]
async fn guessing_tokens_is_slowed_down_and_others_are_not_disturbed_by_it() {
    let limits = InstallLimits { token: Rate { burst: 30, per_second: 1 }, ..InstallLimits::default() };
    let server = start(Phase::Installing, limits).await;
    let mut statuses = Vec::new();
    for guess in 0..6u8 {
        statuses.push(server.get(&format!("/ks/{}", format!("{guess:02x}").repeat(16)), &[]).await.status);
    }
    assert_eq!(statuses, [404, 404, 404, 429, 429, 429]);
    let right = server.get(&format!("/ks/{TOKEN}"), &[]).await;
    assert_eq!((right.status, right.header("retry-after")), (429, Some("5")));
    assert_eq!(server.get("/os/alma9/.treeinfo", &[]).await.status, 200);
    assert_eq!((server.traffic.limited.get(), server.traffic.denied.get()), (4, 3));
}

#[tokio::test]
async fn files_have_a_limit_of_their_own() {
    let limits = InstallLimits { files: Rate { burst: 2, per_second: 1 }, ..InstallLimits::default() };
    let server = start(Phase::Installing, limits).await;
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(server.get("/os/alma9/.treeinfo", &[]).await.status);
    }
    assert_eq!(statuses, [200, 200, 429, 429]);
}

#[tokio::test]
async fn peers_that_say_nothing_or_half_of_it_are_dropped() {
    let short = Duration::from_millis(300);
    let server = start(Phase::Installing, InstallLimits { head: short, body: short, ..InstallLimits::default() }).await;
    // Each of these would wait for ever if the server did.
    let silent = server.raw(b"").await;
    assert!(silent.is_empty() || silent.starts_with(b"HTTP/1.1 408"), "{}", String::from_utf8_lossy(&silent));
    let half = server.raw(b"GET /ks/x HTTP/1.1\r\nHost: x\r\nX-Slow: ").await;
    assert!(half.is_empty() || half.starts_with(b"HTTP/1.1 408"), "{}", String::from_utf8_lossy(&half));
    let body = format!("POST /install/{TOKEN}/failed/pre HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf");
    assert!(server.raw(body.as_bytes()).await.starts_with(b"HTTP/1.1 408"));
    assert_eq!(server.get("/os/alma9/.treeinfo", &[]).await.status, 200);
}

#[tokio::test]
async fn a_peer_that_reads_nothing_is_dropped() {
    let limits = InstallLimits { stall: Duration::from_millis(300), ..InstallLimits::default() };
    let server = start(Phase::Installing, limits).await;
    std::fs::write(server.files.path().join("tree/images/big"), vec![0; 64 << 20]).unwrap();
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"GET /os/alma9/images/big HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    // `peek` empties nothing: what the buffers between us hold fills up, and the server must give up.
    let mut got = [0; 1];
    stream.peek(&mut got).await.unwrap();
    let drained = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let mut rest = Vec::new();
        let end = stream.read_to_end(&mut rest).await;
        (rest.len(), end.is_err())
    };
    let (got, broken) = tokio::time::timeout(SOON, drained).await.expect("the server never gives up");
    assert!(broken || got < 64 << 20, "all of it came");
}

#[tokio::test]
async fn hostile_requests_are_refused_and_the_server_goes_on() {
    let server = start(Phase::Installing, InstallLimits::default()).await;
    let big_head = format!("GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "a".repeat(200_000));
    let many_headers = format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "X: y\r\n".repeat(500));
    let long_path = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(100_000));
    let smuggled =
        format!("POST /install/{TOKEN}/stage/pre HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef");
    for request in [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".as_slice(),
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /ks/\x00\x01 HTTP/1.1\r\n\r\n",
        b"POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        big_head.as_bytes(),
        many_headers.as_bytes(),
        long_path.as_bytes(),
        smuggled.as_bytes(),
    ] {
        let answer = server.raw(request).await;
        let shown = String::from_utf8_lossy(&answer[..answer.len().min(60)]).into_owned();
        assert!(answer.is_empty() || shown.starts_with("HTTP/1.1 4"), "{shown}");
    }
    assert_eq!(server.events(), []);
    assert_eq!(server.get("/os/alma9/.treeinfo", &[]).await.status, 200);
}

#[tokio::test]
async fn connections_of_one_peer_are_limited() {
    let limits = InstallLimits { connections_per_peer: 2, ..InstallLimits::default() };
    let server = start(Phase::Installing, limits).await;
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(b"GET /os/alma9/.treeinfo HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        stream.read_u8().await.unwrap();
        held.push(stream);
    }
    assert!(server.raw(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.is_empty());
    drop(held);
    let again = async {
        while server.raw(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, again).await.expect("closed connections count for ever");
}

#[tokio::test]
async fn v6_guests_are_served_and_v4_ones_on_the_same_listener() {
    let server = start_on("[::]:0", Phase::Booting, InstallLimits::default()).await;
    let port = server.address.port();
    for peer in [format!("127.0.0.1:{port}"), format!("[::1]:{port}")] {
        let mut stream = TcpStream::connect(&peer).await.unwrap();
        let request = format!("POST {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path("first-boot"));
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 204"), "{peer}");
    }
    let address = |text: &str| GuestEventKind::FirstBoot { address: text.parse().unwrap() };
    assert_eq!(server.events(), [address("127.0.0.1"), address("::1")]);
}

#[track_caller]
fn check_admits(spec: crate::spec::Spec, expected: &[(&str, bool)]) {
    let rig = testing::rig(spec);
    for (peer, admitted) in expected {
        assert_eq!(rig.handle.desk().admits(peer.parse().unwrap()), *admitted, "{peer}");
    }
}

#[tokio::test]
async fn peers_are_admitted_by_the_sites_networks() {
    let spec = crate::spec::sample::spec(camino::Utf8Path::new("/nonexistent"));
    let known = [
        ("127.0.0.1", true),
        ("192.0.2.77", true),
        ("::ffff:192.0.2.77", true),
        ("2001:db8::77", true),
        ("fe80::1", true),
        ("198.51.100.1", false),
        ("2001:db9::1", false),
    ];
    check_admits(spec.clone(), &known);
    // A bridge with somebody else's DHCP, of which the site says nothing.
    let mut open = spec;
    open.networks.values_mut().for_each(|network| network.v4 = None);
    check_admits(open.clone(), &[("198.51.100.1", false)]);
    open.vms.values_mut().for_each(|vm| vm.nics[0].v4 = crate::spec::Address4::Dhcp);
    check_admits(open, &[("198.51.100.1", true), ("2001:db9::1", false)]);
}

#[tokio::test]
async fn peers_that_are_not_admitted_are_not_answered() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(listen::accept(
        listener,
        InstallLimits::default(),
        |_| false,
        |_, _| async {
            panic!("served all the same");
        },
    ));
    let mut stream = TcpStream::connect(address).await.unwrap();
    let _ = stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(SOON, stream.read_to_end(&mut answer)).await.expect("the connection stays open");
    assert_eq!(answer, b"");
    task.abort();
}

#[tokio::test]
async fn a_taken_port_is_named_and_waited_for() {
    let first = crate::serve::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = first.local_addr().unwrap();
    let error = crate::serve::bind(address).await.unwrap_err().to_string();
    assert!(error.contains(&address.to_string()) && error.contains("ss -ltnp"), "{error}");
    let waiting = tokio::spawn(crate::serve::bind_within(address, SOON));
    drop(first);
    assert_eq!(waiting.await.unwrap().unwrap().local_addr().unwrap(), address);
    let nowhere = crate::serve::bind("192.0.2.1:0".parse().unwrap()).await.unwrap_err().to_string();
    assert!(nowhere.contains("no such address"), "{nowhere}");
}

#[tokio::test]
async fn what_guests_tell_wakes_the_loop() {
    let server = start(Phase::Installing, InstallLimits::default()).await;
    let woken = server.rig.wake.notified();
    server.post(&path("stage/pre"), "").await;
    tokio::time::timeout(SOON, woken).await.expect("the loop sleeps on");
    let at = server.rig.store.events(&"web1".parse().unwrap(), 1).unwrap()[0].at;
    assert_eq!(at, Timestamp(1_795_418_280_000));
}
