//! A real install in a sandbox hypervisor: the demo site in a directory of its own, the guest's trees beside it, and the
//! `rekindle` binary as a person or systemd would start it.
//!
//! Use it inside [`crate::sandbox::within`] only: it talks to the libvirtd of the namespace it is in.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};

/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// The lab: a directory with `site/`, `mirror/` and the agent's own directories, which goes with it.
pub struct Lab {
    _root: tempfile::TempDir,
    /// The directory.
    pub path: Utf8PathBuf,
}

/// A running agent; killed when it is dropped.
pub struct Agent(Child);

/// Where `make guest` puts what it builds.
///
/// # Panics
/// When it has not been built.
pub fn guest() -> Utf8PathBuf {
    let home = || Utf8PathBuf::from(std::env::var("HOME").unwrap_or_else(|_| "/root".to_owned())).join(".cache/rekindle");
    let guest = std::env::var("REKINDLE_CACHE").map_or_else(|_| home(), Utf8PathBuf::from).join("guest/current");
    assert!(guest.join("tree/tiny/.treeinfo").exists(), "no guest at {guest}: run `make guest`");
    guest.canonicalize_utf8().expect("the guest's directory")
}

/// The binary that was built with this test.
///
/// # Panics
/// When it has not been built.
pub fn binary() -> Utf8PathBuf {
    let this = Utf8PathBuf::from_path_buf(std::env::current_exe().expect("this test's path")).expect("a path in UTF-8");
    // Tests are in `deps/`, benchmarks beside it.
    let binary = this.ancestors().skip(1).take(2).map(|directory| directory.join("rekindle")).find(|binary| binary.exists());
    binary.unwrap_or_else(|| panic!("no rekindle beside {this}: run `cargo build -p rekindle-agent`"))
}

/// What a VM's web server says of its health.
///
/// # Panics
/// When it does not answer.
#[track_caller]
pub fn ask(address: &str) -> String {
    let mut stream = TcpStream::connect((address, 8080)).expect("the VM answers");
    stream.write_all(b"GET /health HTTP/1.0\r\n\r\n").expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

impl Lab {
    /// A copy of the demo site, its Puppet VM included, with these VMs only.
    ///
    /// # Panics
    /// When files cannot be written.
    pub fn new(vms: &[&str]) -> Self {
        let root = tempfile::Builder::new().prefix("rekindle-lab-").tempdir().expect("a directory");
        let path = Utf8PathBuf::from_path_buf(root.path().to_owned()).expect("a path in UTF-8");
        for fixture in ["demo", "demo-puppet"] {
            copy(&Utf8Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures")).join(fixture), &path.join("site"));
        }
        for entry in path.join("site/vms").read_dir_utf8().expect("vms/") {
            let entry = entry.expect("an entry");
            if !vms.contains(&entry.file_name().trim_end_matches(".toml")) {
                std::fs::remove_file(entry.path()).expect("remove a VM");
            }
        }
        std::os::unix::fs::symlink(guest(), path.join("mirror")).expect("a link");
        let settings = format!(
            "site = \"{path}/site\"\nhypervisor = \"hv1\"\nstate_dir = \"{path}/state\"\ncache_dir = \"{path}/cache\"\nrun_dir = \"{path}/run\"\n"
        );
        std::fs::write(path.join("agent.toml"), settings).expect("agent.toml");
        Self { _root: root, path }
    }

    /// Writes a file of the site.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, file: &str, text: &str) {
        std::fs::write(self.path.join("site").join(file), text).expect("a file of the site");
    }

    /// Starts `rekindle agent`; its log goes to `agent.log`.
    ///
    /// # Panics
    /// When it does not start.
    pub fn agent(&self) -> Agent {
        let log = std::fs::File::options().create(true).append(true).open(self.path.join("agent.log")).expect("agent.log");
        let mut command = self.command(&["agent"]);
        Agent(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().expect("the agent"))
    }

    /// Runs `rekindle` with these arguments to its end.
    ///
    /// # Panics
    /// When it cannot be run.
    pub fn rekindle(&self, arguments: &[&str]) -> Output {
        self.command(arguments).stdin(Stdio::null()).output().expect("rekindle")
    }

    /// The same, and it must end with 0; gives its standard output.
    ///
    /// # Panics
    /// When it does not end with 0, with all that it printed.
    #[track_caller]
    pub fn ok(&self, arguments: &[&str]) -> String {
        let output = self.rekindle(arguments);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "rekindle {arguments:?}: {}\n{text}\n{}\nagent: {}",
            output.status,
            String::from_utf8_lossy(&output.stderr),
            self.log()
        );
        text
    }

    /// `rekindle` with these arguments, not started yet.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command.arg("--config").arg(self.path.join("agent.toml")).args(arguments).env("RUST_BACKTRACE", "0");
        command
    }

    /// `rekindle status VM --json`; null where there is no such VM yet. An agent that has just started and knows nothing yet
    /// (exit status 3) is asked again.
    pub fn status(&self, vm: &str) -> serde_json::Value {
        let begin = Instant::now();
        loop {
            let output = self.rekindle(&["status", vm, "--json"]);
            if output.status.code() != Some(3) || begin.elapsed() > Duration::from_secs(20) {
                return serde_json::from_slice(&output.stdout).unwrap_or(serde_json::Value::Null);
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Phase and attempt as `rekindle status` has them.
    pub fn phase(&self, vm: &str) -> (String, u64) {
        let summary = &self.status(vm)["summary"];
        (summary["phase"].as_str().unwrap_or("absent").to_owned(), summary["attempt"].as_u64().unwrap_or(0))
    }

    /// Waits until `wanted` holds of phase and attempt.
    ///
    /// # Panics
    /// When it does not within `limit`.
    #[track_caller]
    pub fn wait(&self, vm: &str, limit: Duration, wanted: impl Fn(&str, u64) -> bool) {
        let begin = Instant::now();
        loop {
            let (phase, attempt) = self.phase(vm);
            if wanted(&phase, attempt) {
                return;
            }
            assert!(
                begin.elapsed() < limit,
                "`{vm}` is {phase} in attempt {attempt} after {limit:?}:\n{}\nagent: {}",
                String::from_utf8_lossy(&self.rekindle(&["status", vm]).stdout),
                self.log()
            );
            std::thread::sleep(LOOK);
        }
    }

    /// The end of the agent's log.
    pub fn log(&self) -> String {
        let text = std::fs::read_to_string(self.path.join("agent.log")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }

    /// Runs a shell script in a VM by its guest agent, as somebody who is logged in would: how it ended, and what it said.
    ///
    /// # Panics
    /// When the guest agent does not answer, or the script is not through within `limit`.
    #[track_caller]
    pub fn in_guest(&self, vm: &str, script: &str, limit: Duration) -> (i64, String) {
        let begin = Instant::now();
        let ask = |command: serde_json::Value| {
            let mut virsh = Command::new("virsh");
            virsh.args(["-c", crate::sandbox::URI, "qemu-agent-command", vm, "--timeout", "30", &command.to_string()]);
            let output = virsh.output().expect("virsh");
            let answer = serde_json::from_slice::<serde_json::Value>(&output.stdout);
            answer.unwrap_or_else(|_| panic!("the guest agent of `{vm}`: {}", String::from_utf8_lossy(&output.stderr)))
        };
        let arguments =
            serde_json::json!({ "path": "/bin/sh", "arg": ["-c", format!("exec 2>&1\n{script}")], "capture-output": true });
        let started = ask(serde_json::json!({ "execute": "guest-exec", "arguments": arguments }));
        let pid = &started["return"]["pid"];
        loop {
            let state = ask(serde_json::json!({ "execute": "guest-exec-status", "arguments": { "pid": pid } }));
            let state = &state["return"];
            if state["exited"] == true {
                let said = state["out-data"].as_str().unwrap_or_default();
                return (state["exitcode"].as_i64().unwrap_or(-1), decode(said));
            }
            assert!(begin.elapsed() < limit, "in `{vm}` after {limit:?}, this is not through:\n{script}");
            std::thread::sleep(LOOK);
        }
    }

    /// `virsh` in the sandbox: names of domains, or of a pool's volumes.
    ///
    /// # Panics
    /// When virsh cannot be run.
    pub fn virsh(&self, arguments: &[&str]) -> String {
        let output = Command::new("virsh").args(["-c", crate::sandbox::URI]).args(arguments).output().expect("virsh");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

impl Agent {
    /// `kill -9`.
    ///
    /// # Panics
    /// When there is nothing to kill.
    pub fn kill(mut self) {
        self.0.kill().expect("kill -9");
        self.0.wait().expect("its end");
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What is said in base64.
fn decode(text: &str) -> String {
    let mut command = Command::new("base64");
    let mut child = command.arg("-d").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("base64");
    child.stdin.take().expect("its input").write_all(text.as_bytes()).expect("its input");
    String::from_utf8_lossy(&child.wait_with_output().expect("its end").stdout).into_owned()
}

fn copy(from: &Utf8Path, to: &Utf8Path) {
    std::fs::create_dir_all(to).expect("a directory");
    for entry in from.read_dir_utf8().expect("a directory") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy(entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).expect("a copy");
        }
    }
}
