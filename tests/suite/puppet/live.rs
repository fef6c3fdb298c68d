//! Beside agents that run: `autosign` asks the one on its host, and a report for a VM of another hypervisor finds its way there.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use camino::Utf8PathBuf;
use rekindle_tests::csr::GuestKey;
use rekindle_tests::lab;

use super::autosign::case;
use super::{CaHost, Ran, now};

/// How long anything may take that an agent on the simulator does.
const SOON: Duration = Duration::from_secs(60);

/// An agent on the simulator, as a process; killed when it is dropped.
struct LiveAgent {
    child: Child,
    config: Utf8PathBuf,
    speed: &'static str,
}

impl LiveAgent {
    /// The agent of this hypervisor, with more lines of configuration.
    fn start(host: &CaHost, hypervisor: &str, speed: &'static str, more: &str) -> Self {
        let root = host.tokens().with_file_name(hypervisor);
        std::fs::create_dir_all(&root).expect("a directory");
        let config = root.join("agent.toml");
        let text = format!("site = \"{}\"\nhypervisor = \"{hypervisor}\"\nstate_dir = \"{root}/state\"\n{more}", host.site.dir);
        std::fs::write(&config, text).expect("agent.toml");
        let log = std::fs::File::create(root.join("agent.log")).expect("a log");
        let mut command = rekindle(&config, speed, &["agent"]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().expect("the agent");
        Self { child, config, speed }
    }

    /// Runs `rekindle` against it.
    fn run(&self, args: &[&str], input: &[u8]) -> Ran {
        Ran::of(&mut rekindle(&self.config, self.speed, args), input)
    }

    /// Waits until `wanted` holds of `rekindle status VM --json`.
    #[track_caller]
    fn wait(&self, vm: &str, wanted: impl Fn(&serde_json::Value) -> bool) -> serde_json::Value {
        let begin = Instant::now();
        loop {
            let ran = self.run(&["status", vm, "--json"], b"");
            let status = serde_json::from_str(&ran.out).unwrap_or(serde_json::Value::Null);
            if wanted(&status) {
                return status;
            }
            let log = || std::fs::read_to_string(self.config.with_file_name("agent.log")).unwrap_or_default();
            assert!(begin.elapsed() < SOON, "{status:#}\n{}\n{}", ran.err, log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn kill(&mut self) {
        self.child.kill().expect("kill -9");
        self.child.wait().expect("its end");
    }
}

impl Drop for LiveAgent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn rekindle(config: &Utf8PathBuf, speed: &str, args: &[&str]) -> Command {
    let mut command = Command::new(lab::binary());
    command.args(["--config", config.as_str(), "--color", "never", "--sim", "--sim-speed", speed]).args(args).env_clear();
    command
}

fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port")
}

/// An HTTP request of one connection; the whole answer.
fn talk(to: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(to).expect("a listener");
    stream.write_all(request.as_bytes()).expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

fn metrics(api: SocketAddr) -> String {
    talk(api, "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
}

fn phase(status: &serde_json::Value) -> &str {
    status["summary"]["phase"].as_str().unwrap_or_default()
}

#[test]
fn autosign_asks_the_agent_of_its_host_and_says_why_where_it_cannot() {
    const WEB1: &str = "web1.lab.example";
    let host = CaHost::new();
    let api = free_port();
    // Slow enough that `web1` installs for as long as this takes.
    let mut agent = LiveAgent::start(&host, "hv1", "1", &format!("[api]\nlisten = \"{api}\"\n"));
    let check = |agent: &LiveAgent, request: &str, more: &[&str], status: i32, words: &str| {
        let args: Vec<&str> = ["puppet", "autosign", WEB1].into_iter().chain(more.iter().copied()).collect();
        let ran = agent.run(&args, request.as_bytes());
        assert!(ran.status == status && ran.err.contains(words), "{}: {}", ran.status, ran.err);
    };
    let (token, key) = (host.token("web1", 1, now() + 600), GuestKey::new());
    let request = case(&token).pem(&key);
    agent.wait("web1", |status| phase(status) == "installing");
    check(&agent, &request, &[], 0, "web1.lab.example is signed: the agent and its token say so, attempt 1");
    check(&agent, &case(&token).pem(&GuestKey::new()), &[], 1, "is refused (token-replayed)");
    // A token of ours, but of an attempt that has not begun: only the agent knows.
    let early = case(&host.token("web1", 2, now() + 700)).pem(&GuestKey::new());
    check(&agent, &early, &[], 1, "is refused (token-old): its token is of attempt 2, the VM is at attempt 1");
    let page = metrics(api);
    for (verdict, count) in [("signed", 1), ("token-replayed", 1), ("token-old", 1)] {
        let line = format!("rekindle_autosign_total{{verdict=\"{verdict}\"}} {count}\n");
        assert!(page.contains(&line), "{line}{page}");
    }
    // Nobody is there: the token has to do, and what was said says why.
    agent.kill();
    check(&agent, &request, &[], 0, "its token says so (no agent answers at `");
    check(&agent, &case(&token).pem(&GuestKey::new()), &[], 1, "is refused (token-replayed)");
    check(&agent, &request, &["--offline"], 0, "its token says so (nobody else was asked), attempt 1");
}

#[test]
fn a_report_for_a_vm_of_another_hypervisor_is_passed_on_to_its_agent() {
    let [first, second, api, other_api] = [(); 4].map(|()| free_port());
    let hv2 = format!(
        "networks = [\"lan\"]\npuppet_reports = \"{second}\"\n[[pools]]\nname = \"images\"\npath = \"/var/lib/libvirt/images\"\n"
    );
    let vm = |role: &str, hypervisor: &str| {
        format!("role = \"{role}\"\nstage = \"dev\"\nteam = \"shop\"\nhypervisor = \"{hypervisor}\"\n")
    };
    let host = CaHost::with(&[
        ("hypervisors/hv2.toml", &hv2),
        ("vms/db1.toml", &vm("db", "hv1")),
        ("vms/web1.toml", &vm("web", "hv1")),
        ("vms/web2.toml", &vm("web", "hv2")),
    ]);
    let of =
        |reports: SocketAddr, api: SocketAddr| format!("[puppet_reports]\nlisten = \"{reports}\"\n[api]\nlisten = \"{api}\"\n");
    let one = LiveAgent::start(&host, "hv1", "1000", &of(first, api));
    let two = LiveAgent::start(&host, "hv2", "1000", &of(second, other_api));
    let before = two.wait("web2", |status| phase(status) == "ready");
    assert_eq!(before["handoff"]["via"], "guest", "{before:#}");
    one.wait("web1", |status| phase(status) == "ready");
    let time = rekindle::spec::Timestamp(now() * 1000);
    let report = format!(
        "--- !ruby/object:Puppet::Transaction::Report\nhost: web2.lab.example\ntime: '{time}'\nstatus: unchanged\n\
         environment: dev\ntransaction_uuid: 7d1f\n"
    );
    let head =
        format!("POST /puppet/report HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", report.len());
    let answer = talk(first, &format!("{head}{report}"));
    assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
    let after = two.wait("web2", |status| status["puppet"]["last"]["via"] == "server");
    assert_eq!(after["puppet"]["last"]["status"], "unchanged", "{after:#}");
    assert!(metrics(api).contains("rekindle_puppet_reports_total{verdict=\"passed-on\"} 1\n"), "{}", metrics(api));
    assert!(metrics(other_api).contains("rekindle_puppet_reports_total{verdict=\"taken\"} 1\n"), "{}", metrics(other_api));
}
