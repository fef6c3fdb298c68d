//! Health checks over the network: HTTP and TCP, asked from the hypervisor.
//!
//! `execute` calls [`NetworkChecks`] on a thread that may block; commands in the guest go through the hypervisor and not through
//! here. What answers is a guest and not trusted: time and size are bounded, redirects are not followed, no proxy is asked.

use std::io::{self, Read as _};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{CheckRunner, Clock};
use crate::observed::CheckResult;
use crate::spec::{CheckKind, CheckSpec, Fqdn, VmSpec};

/// Bytes of a body that are searched for the expected text.
const BODY: u64 = 256 << 10;
/// A check whose timeout says less still gets this much.
const SHORTEST: Duration = Duration::from_millis(100);

/// Runs checks from this host.
pub struct NetworkChecks {
    clock: Arc<dyn Clock>,
}

impl NetworkChecks {
    /// Results carry the time of `clock`.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock }
    }
}

impl CheckRunner for NetworkChecks {
    fn run(&self, vm: &VmSpec, check: &CheckSpec, address: Option<IpAddr>) -> CheckResult {
        let began = Instant::now();
        let failure = match address {
            Some(address) => ask(&vm.fqdn, check, address).err(),
            None => Some("the VM's address is not known: it has no fixed one and has not called yet".to_owned()),
        };
        // In this order: a check must not look as if it had begun earlier than it did.
        let took = began.elapsed();
        CheckResult { name: check.name.clone(), failure, at: self.clock.now(), took }
    }
}

/// Asks once; the error is a phrase for people.
fn ask(host: &Fqdn, check: &CheckSpec, address: IpAddr) -> Result<(), String> {
    let timeout = check.timeout.max(SHORTEST);
    match &check.kind {
        CheckKind::Http { port, path, status, contains } => {
            http(host, SocketAddr::new(address, *port), path.as_str(), *status, contains.as_deref(), timeout)
        }
        CheckKind::Tcp { port } => tcp(SocketAddr::new(address, *port), timeout),
        CheckKind::Command { .. } => Err("a command is run by the guest agent, not over the network".to_owned()),
    }
}

fn tcp(to: SocketAddr, timeout: Duration) -> Result<(), String> {
    TcpStream::connect_timeout(&to, timeout).map(drop).map_err(|error| format!("{to}: {}", describe(&error, timeout)))
}

fn http(host: &Fqdn, to: SocketAddr, path: &str, expected: u16, contains: Option<&str>, timeout: Duration) -> Result<(), String> {
    let url = format!("http://{to}{path}");
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .timeout_global(Some(timeout))
        .max_response_header_size(64 << 10)
        .max_idle_connections(0)
        .user_agent(concat!("rekindle/", env!("CARGO_PKG_VERSION")))
        .build()
        .into();
    // Web servers choose the site by this name.
    let answer = agent.get(&url).header("host", host.as_str()).call();
    let response = answer.map_err(|error| format!("{url}: {}", describe_http(&error, timeout)))?;
    let status = response.status().as_u16();
    if status != expected {
        return Err(format!("{url} answered with status {status}, expected {expected}"));
    }
    let Some(text) = contains else { return Ok(()) };
    let mut body = Vec::new();
    let read = response.into_body().into_with_config().limit(u64::MAX).reader().take(BODY).read_to_end(&mut body);
    // What came may say enough, even if the rest does not come.
    if body.windows(text.len().max(1)).any(|window| window == text.as_bytes()) || text.is_empty() {
        return Ok(());
    }
    match read {
        Ok(_) => Err(format!("{url} answered with status {status}, but without the text {text:?}")),
        Err(error) => Err(format!("{url}: the body broke off: {}", describe(&error, timeout))),
    }
}

fn describe_http(error: &ureq::Error, timeout: Duration) -> String {
    match error {
        ureq::Error::Timeout(_) => too_slow(timeout),
        ureq::Error::Io(error) => describe(error, timeout),
        other => other.to_string(),
    }
}

fn describe(error: &io::Error, timeout: Duration) -> String {
    let timed_out = error.get_ref().and_then(|inner| inner.downcast_ref()).is_some_and(|e| matches!(e, ureq::Error::Timeout(_)));
    match error.kind() {
        _ if timed_out => too_slow(timeout),
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => too_slow(timeout),
        io::ErrorKind::ConnectionRefused => "connection refused: nothing listens there".to_owned(),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => "the VM cannot be reached from here".to_owned(),
        _ => error.to_string(),
    }
}

fn too_slow(timeout: Duration) -> String {
    format!("no answer within {} s", timeout.as_secs_f32())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::net::TcpListener;

    use super::*;
    use crate::world::ManualClock;

    /// A guest on loopback that answers each connection with `bytes`, and keeps it open when `hold`.
    fn guest(bytes: &'static [u8], hold: bool) -> (u16, std::sync::mpsc::Receiver<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, heard) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let mut held = Vec::new();
            for mut stream in listener.incoming().flatten() {
                let mut head = [0; 2000];
                let read = stream.read(&mut head).unwrap_or(0);
                let _ = sender.send(String::from_utf8_lossy(&head[..read]).into_owned());
                let _ = stream.write_all(bytes);
                if hold {
                    held.push(stream);
                }
            }
        });
        (port, heard)
    }

    fn run(kind: CheckKind) -> Option<String> {
        let vm = crate::spec::sample::spec(camino::Utf8Path::new("/nonexistent")).vms.into_values().next().unwrap();
        let check = CheckSpec { name: "c".to_owned(), kind, timeout: Duration::from_millis(400) };
        let clock = Arc::new(ManualClock::default());
        let result = NetworkChecks::new(clock).run(&vm, &check, Some([127, 0, 0, 1].into()));
        assert!(result.took < Duration::from_secs(5), "took {:?}", result.took);
        result.failure
    }

    fn http(port: u16, contains: Option<&str>) -> CheckKind {
        CheckKind::Http { port, path: "/health?x=1".parse().unwrap(), status: 200, contains: contains.map(str::to_owned) }
    }

    #[track_caller]
    fn check_fails(kind: CheckKind, words: &[&str]) {
        let failure = run(kind).expect("it passed");
        for word in words {
            assert!(failure.contains(word), "{failure:?} does not say {word:?}");
        }
    }

    fn closed_port() -> u16 {
        TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
    }

    #[test]
    fn an_answer_as_expected_passes_and_is_asked_for_by_the_vms_name() {
        let (port, heard) = guest(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nall good", false);
        assert_eq!(run(http(port, Some("good"))), None);
        let request = heard.recv().unwrap().to_lowercase();
        assert!(request.starts_with("get /health?x=1 http/1.1\r\n"), "{request}");
        assert_eq!(request.matches("host:").count(), 1, "{request}");
        assert!(request.contains("host: web1.example.com\r\n"), "{request}");
        assert_eq!(run(http(port, None)), None);
        assert_eq!(run(CheckKind::Tcp { port }), None);
    }

    #[test]
    fn answers_that_are_not_as_expected_fail_with_what_was_said() {
        let (port, _) = guest(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", false);
        check_fails(http(port, None), &["/health", "503", "expected 200"]);
        let (port, _) = guest(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno", false);
        check_fails(http(port, Some("ok")), &["without the text \"ok\""]);
        let (port, _) = guest(b"HTTP/1.1 302 Found\r\nLocation: /health\r\nContent-Length: 0\r\n\r\n", false);
        check_fails(http(port, None), &["302"]);
        let (port, _) = guest(b"220 mail\r\n", false);
        check_fails(http(port, None), &["/health"]);
    }

    #[test]
    fn guests_that_are_silent_or_closed_fail_in_time() {
        let (port, _) = guest(b"", true);
        check_fails(http(port, None), &["no answer within 0.4 s"]);
        let (port, _) = guest(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", true);
        check_fails(http(port, Some("whole")), &["broke off", "no answer within"]);
        check_fails(http(closed_port(), None), &["connection refused"]);
        check_fails(CheckKind::Tcp { port: closed_port() }, &["connection refused"]);
    }

    #[test]
    fn a_vm_without_an_address_fails_by_that_name() {
        let vm = crate::spec::sample::spec(camino::Utf8Path::new("/nonexistent")).vms.into_values().next().unwrap();
        let check = CheckSpec { name: "c".to_owned(), kind: CheckKind::Tcp { port: 1 }, timeout: Duration::from_secs(1) };
        let result = NetworkChecks::new(Arc::new(ManualClock::default())).run(&vm, &check, None);
        assert!(result.failure.is_some_and(|failure| failure.contains("address is not known")));
    }
}
