use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::os::unix::fs::PermissionsExt as _;

use camino::{Utf8Path, Utf8PathBuf};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinHandle;

use super::*;
use crate::observed::{
    Cause, Failure, GuestEvent, GuestEventKind, HypervisorState, InstallStage, InstallerLog, Observed, ObservedHost,
    ObservedPool, ObservedVm, Phase, VmRecord,
};
use crate::reconcile::VmStatus;
use crate::reconcile::testing::{self, Rig};
use crate::serve::client::{ApiClient, ClientError};
use crate::spec::Timestamp;

/// A time that no test needs and no hang outlives.
const SOON: Duration = Duration::from_secs(10);
/// The rig's clock.
const NOW: u64 = 1_795_418_280_000;

fn snapshot(record: VmRecord, passes: u64) -> Snapshot {
    let vm = record.vm.clone();
    let pool = ObservedPool { active: true, path: None, capacity_bytes: 1000, available_bytes: 400, volumes: BTreeMap::new() };
    let host = ObservedHost {
        memory_mib: 1,
        cpus: 1,
        domain_type: Some(crate::spec::DomainType::Qemu),
        pools: [("default".to_owned(), pool)].into(),
        networks: BTreeMap::new(),
        domains: BTreeMap::new(),
    };
    let status = VmStatus { phase: Some(record.phase), note: "a note".to_owned(), deadline: None, settled: false };
    let event = |at, kind| GuestEvent { at: Timestamp(at), attempt: 1, kind };
    let observed = ObservedVm {
        puppet: None,
        record,
        events: vec![
            event(NOW - 9000, GuestEventKind::KickstartFetched),
            event(NOW - 8000, GuestEventKind::Stage(InstallStage::Pre)),
        ],
        installer_log: InstallerLog::default(),
        console_tail: Vec::new(),
        checks: Vec::new(),
        certificates: Vec::new(),
        puppetdb: None,
        kickstart_ready: true,
    };
    Snapshot {
        at: Timestamp(NOW - 1000),
        hypervisor: "h1".parse().unwrap(),
        spec: Arc::new(crate::spec::sample::spec(Utf8Path::new("/nonexistent"))),
        observed: Arc::new(Observed {
            hypervisor: HypervisorState::Reachable(host),
            boot_files: BTreeMap::new(),
            vms: [(vm.clone(), observed)].into(),
            errors: BTreeMap::new(),
        }),
        vms: [(vm, status)].into(),
        notes: vec!["pool `x` waits".to_owned()],
        site_error: None,
        idle: false,
        passes,
        pass_micros: 1500,
    }
}

struct Agent {
    dir: tempfile::TempDir,
    rig: Rig,
    client: ApiClient,
    task: JoinHandle<Infallible>,
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Agent {
    fn socket(&self) -> Utf8PathBuf {
        Utf8PathBuf::from_path_buf(self.dir.path().join("api.sock")).unwrap()
    }

    fn publish(&self, record: VmRecord, passes: u64) {
        self.rig.snapshots.send_replace(Some(Arc::new(snapshot(record, passes))));
    }

    /// Sends a request as it is and reads until the server closes.
    async fn raw(&self, request: &str) -> String {
        let talk = async {
            let mut stream = UnixStream::connect(self.socket()).await.unwrap();
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            answer
        };
        tokio::time::timeout(SOON, talk).await.expect("the server neither answers nor closes")
    }

    async fn get(&self, path: &str) -> String {
        self.raw(&format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).await
    }
}

fn start() -> Agent {
    start_with(SOON)
}

fn start_with(decision: Duration) -> Agent {
    let dir = tempfile::tempdir().unwrap();
    let path = Utf8PathBuf::from_path_buf(dir.path().join("api.sock")).unwrap();
    let rig = testing::rig(crate::spec::sample::spec(Utf8Path::new("/nonexistent")));
    let socket = open(&path, "no-such-group").unwrap();
    let task = tokio::spawn(serve_within(socket, rig.handle.clone(), Arc::new(Traffic::default()), decision));
    Agent { dir, client: ApiClient::new(&path), rig, task }
}

fn web1() -> VmName {
    "web1".parse().unwrap()
}

#[tokio::test]
async fn the_status_is_there_after_the_first_pass() {
    let agent = start();
    assert!(matches!(agent.client.status().await, Err(ClientError::NotYet(_))));
    agent.publish(testing::record(Phase::Installing, 7), 3);
    let status = agent.client.status().await.unwrap();
    assert_eq!((status.hypervisor.as_str(), status.passes, status.unreachable.as_deref()), ("h1", 3, None));
    let row = &status.vms[0];
    assert_eq!((row.vm.as_str(), row.phase.as_deref(), row.attempt), ("web1", Some("installing"), 1));
    assert_eq!((row.address.as_deref(), row.fqdn.as_deref()), (Some("192.0.2.10"), Some("web1.example.com")));
}

#[tokio::test]
async fn a_vm_is_shown_with_its_timeline_and_never_with_its_token() {
    let agent = start();
    for (phase, at) in [(Phase::Preparing, NOW - 20_000), (Phase::Installing, NOW - 15_000)] {
        let record = VmRecord { since: Timestamp(at), ..testing::record(phase, 7) };
        agent.rig.store.put_record(&record).unwrap();
    }
    agent.publish(testing::record(Phase::Installing, 7), 1);
    agent.rig.clock.advance(Duration::from_secs(2));
    let view = agent.client.vm(&web1()).await.unwrap();
    let phases: Vec<_> = view.timeline.iter().map(|p| (p.phase.as_str(), p.seconds, p.present)).collect();
    assert_eq!(phases, [("preparing", 5.0, false), ("installing", 17.0, true)]);
    let events: Vec<_> = view.events.iter().map(|e| (e.kind.as_str(), e.detail.as_str())).collect();
    assert_eq!(events, [("kickstart-fetched", ""), ("stage", "pre")]);
    for path in ["/api/v1/status", "/api/v1/vms/web1", "/metrics"] {
        let page = agent.get(path).await;
        assert!(page.starts_with("HTTP/1.1 200") && !page.contains("0707"), "{page}");
    }
}

#[tokio::test]
async fn a_failure_is_shown_with_its_evidence() {
    let agent = start();
    let failure = Failure {
        at: Timestamp(NOW),
        phase: Phase::Installing,
        cause: Cause::PackageNotFound,
        detail: "nginx".to_owned(),
        evidence: vec!["No match for argument: nginx".to_owned()],
    };
    agent.publish(VmRecord { failure: Some(failure), ..testing::record(Phase::Failed, 7) }, 1);
    let view = agent.client.vm(&web1()).await.unwrap();
    let failure = view.failure.unwrap();
    assert_eq!((failure.cause.as_str(), failure.detail.as_str()), ("package-not-found", "nginx"));
    assert_eq!(failure.evidence, ["No match for argument: nginx"]);
    assert_eq!(view.summary.cause.as_deref(), Some("package-not-found"));
}

#[tokio::test]
async fn an_unknown_vm_is_named_with_the_nearest_one() {
    let agent = start();
    agent.publish(testing::record(Phase::Ready, 7), 1);
    let error = agent.client.vm(&"wbe1".parse().unwrap()).await.unwrap_err();
    assert_eq!(error.to_string(), "there is no VM `wbe1` on this hypervisor, did you mean `web1`?");
    assert!(agent.get("/api/v1/vms/NO%20NAME").await.starts_with("HTTP/1.1 400"));
    assert!(agent.get("/api/v2").await.starts_with("HTTP/1.1 404"));
}

#[tokio::test]
async fn wishes_reach_the_loop_in_the_name_of_who_asked() {
    let mut agent = start();
    let by = nix::unistd::User::from_uid(nix::unistd::Uid::effective()).unwrap().unwrap().name;
    let client = agent.client.clone();
    let asking = tokio::spawn(async move {
        let vms = [web1(), "db1".parse().unwrap()];
        let names = [
            client.reconcile().await.unwrap().by,
            client.rebuild(&vms).await.unwrap().by,
            client.destroy(&vms).await.unwrap().by,
        ];
        (names, client.retry(&web1()).await.unwrap_err().to_string())
    });
    let mut heard = Vec::new();
    for _ in 0..4 {
        let next = tokio::time::timeout(SOON, agent.rig.requests.recv()).await;
        let (request, answer) = next.expect("a request is missing").unwrap();
        let refused = Err(RequestError::NotNow { vm: web1(), reason: "it has not failed".to_owned() });
        let _ = answer.send(if matches!(request, Request::Retry { .. }) { refused } else { Ok(()) });
        heard.push(request);
    }
    let vms = vec![web1(), "db1".parse().unwrap()];
    let expected = [
        Request::Reconcile,
        Request::Rebuild { vms: vms.clone(), by: by.clone() },
        Request::Destroy { vms, by: by.clone() },
        Request::Retry { vm: web1(), by: by.clone() },
    ];
    assert_eq!(heard, expected);
    assert_eq!(asking.await.unwrap(), ([by.clone(), by.clone(), by], "VM `web1`: it has not failed".to_owned()));
}

#[tokio::test]
async fn a_wish_for_a_busy_vm_is_queued_and_not_lost() {
    let mut agent = start_with(Duration::from_millis(50));
    let accepted = agent.client.rebuild(&[web1()]).await.unwrap();
    assert!(accepted.queued);
    let (request, answer) = agent.rig.requests.recv().await.unwrap();
    assert!(matches!(request, Request::Rebuild { .. }));
    assert!(!answer.is_closed(), "somebody still waits for the decision");
}

#[tokio::test]
async fn consent_that_names_nobody_or_nonsense_is_refused() {
    let agent = start();
    for (body, status) in [
        (r#"{"vms":[]}"#, 400),
        (r#"{"vms":["NO NAME"]}"#, 400),
        (r#"{"vms":["web1"],"all":true}"#, 422),
        (r#"{"vms":"#, 400),
        ("", 400),
    ] {
        let request = format!(
            "POST /api/v1/rebuild HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let answer = agent.raw(&request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")) && answer.contains("\"error\":"), "{body}: {answer}");
    }
    assert!(agent.get("/api/v1/rebuild").await.starts_with("HTTP/1.1 405"));
}

#[tokio::test]
async fn followers_see_each_state_and_the_agents_end() {
    let agent = start();
    agent.publish(testing::record(Phase::Preparing, 7), 1);
    let client = agent.client.clone();
    let (sender, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let following = tokio::spawn(async move {
        client
            .follow(|status| {
                sender.send((status.passes, status.vms[0].phase.clone())).unwrap();
                ControlFlow::Continue(())
            })
            .await
    });
    for (passes, phase) in [(1, "preparing"), (2, "installing"), (3, "ready")] {
        if passes > 1 {
            agent.publish(testing::record(Phase::parse(phase).unwrap(), 7), passes);
        }
        let next = tokio::time::timeout(SOON, seen.recv()).await.expect("a state is missing");
        assert_eq!(next, Some((passes, Some(phase.to_owned()))));
    }
    drop(agent);
    let ended = tokio::time::timeout(SOON, following).await.expect("the follower hangs").unwrap();
    assert!(matches!(ended, Err(ClientError::Unexpected { .. })), "{ended:?}");
}

#[tokio::test]
async fn a_follower_that_has_seen_enough_ends_well() {
    let agent = start();
    agent.publish(testing::record(Phase::Ready, 7), 1);
    let followed = tokio::time::timeout(SOON, agent.client.follow(|_| ControlFlow::Break(()))).await;
    assert!(followed.expect("the follower hangs").is_ok());
}

#[tokio::test]
async fn no_agent_is_an_error_that_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let path = Utf8PathBuf::from_path_buf(dir.path().join("api.sock")).unwrap();
    let error = ApiClient::new(&path).status().await.unwrap_err();
    assert!(matches!(error, ClientError::NoAgent { .. }) && error.to_string().contains("is it running?"), "{error}");
}

#[tokio::test]
async fn the_socket_is_for_its_owner_alone_and_goes_with_the_agent() {
    let agent = start();
    let mode = std::fs::metadata(agent.socket()).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    let second = open(&agent.socket(), "no-such-group").unwrap_err();
    assert!(matches!(second, SocketError::InUse { .. }), "{second}");
    let path = agent.socket();
    agent.task.abort();
    let gone = async {
        while path.exists() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, gone).await.expect("the socket stays");
}

#[tokio::test]
async fn what_a_killed_agent_left_is_replaced_and_anything_else_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let path = Utf8PathBuf::from_path_buf(dir.path().join("run/api.sock")).unwrap();
    std::fs::create_dir(path.parent().unwrap()).unwrap();
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let socket = open(&path, "no-such-group").unwrap();
    drop(socket);
    std::fs::write(&path, "precious").unwrap();
    assert!(matches!(open(&path, "no-such-group"), Err(SocketError::NotASocket { .. })));
    assert_eq!(std::fs::read(&path).unwrap(), b"precious");
    let long = dir.path().join("x".repeat(200));
    assert!(matches!(open(Utf8Path::from_path(&long).unwrap(), "x"), Err(SocketError::TooLong { .. })));
}

#[tokio::test]
async fn strangers_are_refused_whatever_they_ask() {
    let (ours, theirs) = tokio::io::duplex(10_000);
    let router = Router::new().fallback(refuse);
    let server = tokio::spawn(listen::answer(theirs, router, HEAD, |_| {}));
    let mut ours = ours;
    ours.write_all(b"GET /api/v1/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    ours.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    server.abort();
}

#[tokio::test]
async fn metrics_are_described_once_each_and_tell_the_state() {
    let agent = start();
    let early = agent.get("/metrics").await;
    assert!(early.starts_with("HTTP/1.1 200") && early.contains("rekindle_build_info{version="), "{early}");
    let record = VmRecord { ready_at: Some(Timestamp(1_795_418_042_500)), ..testing::record(Phase::Ready, 7) };
    agent.publish(record, 9);
    let page = agent.get("/metrics").await;
    let body = page.split_once("\r\n\r\n").unwrap().1;
    for line in [
        "rekindle_vms{phase=\"ready\"} 1",
        "rekindle_vms{phase=\"failed\"} 0",
        "rekindle_failed_vms{cause=\"package-not-found\"} 0",
        "rekindle_passes_total 9",
        "rekindle_pass_duration_seconds 0.0015",
        "rekindle_pass_age_seconds 1",
        "rekindle_vm_recovery_seconds{vm=\"web1\"} 42.5",
        "rekindle_vm_attempts{vm=\"web1\"} 1",
        "rekindle_hypervisor_reachable 1",
        "rekindle_pool_available_bytes{pool=\"default\"} 400",
        "rekindle_install_requests_total{kind=\"file\"} 0",
    ] {
        assert!(body.lines().any(|found| found == line), "no line {line:?} in\n{body}");
    }
    let mut described: Vec<&str> = Vec::new();
    for line in body.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            described.push(rest.split(' ').next().unwrap());
        } else if !line.starts_with('#') {
            let name = line.split(['{', ' ']).next().unwrap();
            assert_eq!(described.last(), Some(&name), "{line:?} is not below its own description");
        }
    }
    let count = described.len();
    described.sort_unstable();
    described.dedup();
    assert_eq!(described.len(), count);
}

#[tokio::test]
async fn health_is_told_on_a_port_of_its_own_and_nothing_else() {
    let agent = start();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(serve_health(listener, agent.rig.handle.clone(), Arc::new(Traffic::default()), None));
    let get = async |path: &str| {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer.split(' ').nth(1).unwrap().to_owned()
    };
    assert_eq!((get("/healthz").await.as_str(), get("/readyz").await.as_str()), ("200", "503"));
    agent.publish(testing::record(Phase::Ready, 7), 1);
    assert_eq!((get("/readyz").await.as_str(), get("/metrics").await.as_str()), ("200", "200"));
    assert_eq!((get("/api/v1/status").await.as_str(), get("/").await.as_str()), ("404", "404"));
    let mut down = snapshot(testing::record(Phase::Ready, 7), 2);
    let observed = Observed {
        hypervisor: HypervisorState::Unreachable { reason: "no socket".to_owned() },
        ..Observed::clone(&down.observed)
    };
    down.observed = Arc::new(observed);
    agent.rig.snapshots.send_replace(Some(Arc::new(down)));
    assert_eq!((get("/healthz").await.as_str(), get("/readyz").await.as_str()), ("200", "503"));
    task.abort();
}

#[tokio::test]
async fn an_agent_whose_loop_has_ended_is_not_healthy() {
    let mut agent = start();
    agent.rig.requests.close();
    assert!(agent.get("/healthz").await.starts_with("HTTP/1.1 503"));
    assert!(matches!(agent.client.reconcile().await, Err(ClientError::NotYet(_))));
}

#[tokio::test]
async fn packages_come_by_tcp_only_with_a_token_that_is_good_for_the_stage() {
    let agent = start();
    let directory = tempfile::tempdir().unwrap();
    let tokens = camino::Utf8PathBuf::from_path_buf(directory.path().join("tokens")).unwrap();
    // The digest of `secret`.
    std::fs::write(&tokens, "ci 2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b testing\n").unwrap();
    for (tokens, expected) in [(None, [404, 404, 404]), (Some(tokens), [401, 401, 401])] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(serve_health(listener, agent.rig.handle.clone(), Arc::new(Traffic::default()), tokens));
        for (header, status) in
            ["", "Authorization: Bearer wrong\r\n", "Authorization: Bearer secret\r\n"].into_iter().zip(expected)
        {
            let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
            let head = format!(
                "PUT /api/v1/repo/dev/a-1-1.noarch.rpm HTTP/1.1\r\nHost: x\r\n{header}Connection: close\r\nContent-Length: 0\r\n\r\n"
            );
            tokio::io::AsyncWriteExt::write_all(&mut stream, head.as_bytes()).await.unwrap();
            let mut answer = String::new();
            tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut answer).await.unwrap();
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")) && answer.contains("\"error\""), "{header}: {answer}");
        }
        task.abort();
    }
}

#[tokio::test]
async fn whoever_uploads_to_a_wrong_place_reads_why() {
    let agent = start();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(serve_health(listener, agent.rig.handle.clone(), Arc::new(Traffic::default()), None));
    for (request, status, reason) in [
        ("PUT /api/v1/repo/dev", 404, "there is no such path"),
        ("PUT /api/v1/repo/dev/x/a.rpm", 404, "there is no such path"),
        ("GET /", 404, "there is no such path"),
        ("POST /api/v1/repo/dev/a.rpm", 405, "another method"),
        ("DELETE /api/v1/repo/dev/a.rpm", 405, "another method"),
        ("PUT /metrics", 405, "another method"),
    ] {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let head = format!("{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        tokio::io::AsyncWriteExt::write_all(&mut stream, head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut answer).await.unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")) && answer.contains(reason), "{request}: {answer}");
        assert_eq!(answer.to_lowercase().contains("\r\nallow: "), status == 405, "{request}: {answer}");
    }
    task.abort();
}
