//! Tests inside a sandbox hypervisor (`tests/sandbox/run`): there `qemu:///system` is a libvirtd that belongs to the test alone.
//!
//! [`within`] is all that a test needs. What the test starts, mounts or defines is gone when it ends, however it ends.

use std::any::type_name;
use std::io::Write;
use std::process::{Command, Stdio};

use camino::Utf8PathBuf;

/// The URI of the sandbox's hypervisor, inside.
pub const URI: &str = "qemu:///system";

/// Set inside: the test's path.
const INSIDE: &str = "REKINDLE_TEST_IN_SANDBOX";

/// `tests/sandbox/run`.
pub fn script() -> Utf8PathBuf {
    Utf8PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/sandbox/run"))
}

/// Runs the calling test's `body` inside a new sandbox.
///
/// The test binary runs itself once more, in the sandbox and for this one test; `body` is called in that process only. Call it
/// from the test function itself, with a closure: the closure's type names the test.
///
/// # Panics
///
/// When `body` panics, or the sandbox does not start (needs root and what `scripts/setup` installs).
#[track_caller]
pub fn within<F: FnOnce()>(body: F) {
    let test = test_path(type_name::<F>());
    if std::env::var(INSIDE).is_ok_and(|inside| inside == test) {
        body();
        return;
    }
    let this = std::env::current_exe().expect("the path of the test binary");
    let output = Command::new(script())
        .arg(this)
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(INSIDE, test)
        .stdin(Stdio::null())
        .output()
        .expect("tests/sandbox/run starts");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    // A name that matches no test would otherwise pass.
    let ran = out.contains("running 1 test");
    assert!(output.status.success() && ran, "`{test}` in the sandbox ended with {}:\n{out}\n{err}", output.status);
    // Shown where the runner shows what passing tests print.
    drop(std::io::stdout().write_all(&output.stdout));
}

/// `suite::sandbox_x::test::{{closure}}` → `sandbox_x::test`, the path by which the test binary knows the test.
fn test_path(closure: &str) -> &str {
    let function = closure.split("::{{").next().unwrap_or(closure);
    function.split_once("::").map_or(function, |(_, path)| path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closures_type_names_the_test() {
        assert_eq!(test_path("suite::sandbox_x::inner::a_test::{{closure}}"), "sandbox_x::inner::a_test");
    }
}
