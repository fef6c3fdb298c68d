//! The sandbox itself: what every test in one relies on.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rekindle_tests::sandbox::script;

const PATIENCE: Duration = Duration::from_secs(60);

/// A sandbox that stays until it is killed, once its libvirtd answers. It sleeps for `marker` seconds,
/// by which it is found.
fn start(marker: &str, ready: &Path) -> Child {
    let child = Command::new(script())
        .args(["sleep", marker])
        .env("SANDBOX_READY", ready)
        .stdin(Stdio::null())
        .spawn()
        .expect("tests/sandbox/run starts");
    until("the sandbox is ready", || ready.exists() && !with(marker).is_empty());
    child
}

/// Process numbers, as seen from outside, of everything in the process namespace that sleeps for `marker`.
fn with(marker: &str) -> Vec<String> {
    let namespace_of = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/pid")).ok();
    let pids = || {
        fs::read_dir("/proc")
            .expect("/proc")
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let marked = pids().find(|pid| {
        let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        words == format!("sleep\0{marker}\0").as_bytes()
    });
    let Some(namespace) = marked.and_then(|pid| namespace_of(&pid)) else { return Vec::new() };
    pids().filter(|pid| namespace_of(pid).as_ref() == Some(&namespace)).collect()
}

#[track_caller]
fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_sandbox_passes_arguments_input_and_exit_status_through() {
    let run = |arguments: &[&str]| Command::new(script()).args(arguments).stdin(Stdio::null()).output().expect("it starts");
    let output = run(&["sh", "-c", "echo \"$1\"; exit 7", "x", "two  words"]);
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(7), b"two  words\n".as_slice()));
    assert_eq!(run(&["no-such-command"]).status.code(), Some(127));
    assert_eq!(run(&[]).status.code(), Some(2));
}

#[test]
fn inside_are_only_its_own_domains_interfaces_and_directories() {
    let before = fs::read_dir("/var/lib/libvirt").map_or(0, Iterator::count);
    let script_text =
        "virsh -q net-list --all; virsh -q list --all; touch /var/lib/libvirt/x /run/rekindle/x; ls /sys/class/net; ip -br link";
    let output = Command::new(script()).args(["sh", "-c", script_text]).stdin(Stdio::null()).output().expect("it starts");
    let text = String::from_utf8_lossy(&output.stdout);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(lines.len(), 2, "{text}");
    assert!(lines[0] == "lo" && lines[1].starts_with("lo "), "{text}");
    assert_eq!(fs::read_dir("/var/lib/libvirt").map_or(0, Iterator::count), before, "a sandbox writes outside of itself");
    assert!(!Path::new("/run/rekindle/x").exists());
}

#[test]
fn two_run_side_by_side_and_nothing_is_left_of_one_that_is_killed() {
    let directory = tempfile::tempdir().expect("a directory");
    let marker = |n: u32| format!("{}{n}", 100_000 + std::process::id());
    let mut children: Vec<Child> = (1..=3).map(|n| start(&marker(n), &directory.path().join(format!("ready{n}")))).collect();
    for n in 1..=3 {
        assert!(with(&marker(n)).len() >= 4, "process 1, virtlogd, libvirtd and the command");
    }
    for (n, signal) in [(1, "KILL"), (2, "TERM"), (3, "INT")] {
        let inside = with(&marker(n));
        let child = &mut children[n as usize - 1];
        let status = Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status().expect("kill");
        assert!(status.success());
        child.wait().expect("it ends");
        let alive = |pid: &&String| Path::new(&format!("/proc/{pid}")).exists();
        until(&format!("everything is gone after {signal}"), || inside.iter().filter(alive).count() == 0);
        for other in n + 1..=3 {
            assert!(!with(&marker(other)).is_empty(), "the others live on");
        }
    }
}
