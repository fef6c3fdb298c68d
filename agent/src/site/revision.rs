//! Which site this is: the commit of a clean Git checkout, else a digest of what was read.
//!
//! Shown in status and records, so that "what was this VM built from" has an answer. Never an error: a site is usable without
//! Git.

use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use camino::Utf8Path;
use sha2::{Digest, Sha256};

use super::problems::Source;

/// How long Git may take; it only looks at the site's own files.
const GIT_DEADLINE: Duration = Duration::from_secs(10);

/// The revision of the site in `dir`, of which `sources` were read.
pub(super) fn of(dir: &Utf8Path, sources: &[Source]) -> String {
    commit(dir).unwrap_or_else(|| digest(sources))
}

/// `sha256:` and the digest of all paths and texts.
fn digest(sources: &[Source]) -> String {
    use std::fmt::Write as _;
    let mut hash = Sha256::new();
    for Source { path, text } in sources {
        // Lengths first, so that no two sites run together to the same bytes.
        hash.update((path.as_str().len() as u64).to_le_bytes());
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(path.as_str());
        hash.update(text);
    }
    hash.finalize().iter().fold(String::from("sha256:"), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// HEAD, if `dir` is in a Git work tree and nothing in it differs from HEAD.
fn commit(dir: &Utf8Path) -> Option<String> {
    if !dir.ancestors().any(|parent| parent.join(".git").exists()) {
        return None;
    }
    let head = git(dir, &["rev-parse", "--verify", "HEAD^{commit}"])?;
    let head = head.trim();
    if !(40..=64).contains(&head.len()) || !head.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    // Ignored files are read as well, so they make a checkout unclean too.
    let status = git(dir, &["status", "--porcelain", "--untracked-files=all", "--ignored=matching", "--", "."])?;
    status.trim().is_empty().then(|| head.to_owned())
}

/// What Git prints; `None` if it fails, is not there, or refuses (a checkout that belongs to somebody else).
fn git(dir: &Utf8Path, arguments: &[&str]) -> Option<String> {
    // Nothing of the checkout's own configuration may start a program.
    let safe = ["--no-optional-locks", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"];
    let mut child = Command::new("git")
        .args(safe)
        .arg("-C")
        .arg(dir)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let mut stdout = child.stdout.take()?;
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut text = String::new();
        let read = stdout.read_to_string(&mut text).map(|_| text);
        let _ = sender.send(read);
    });
    let text = receiver.recv_timeout(GIT_DEADLINE);
    if text.is_err() {
        let _ = child.kill();
    }
    let status = child.wait().ok()?;
    text.ok()?.ok().filter(|_| status.success())
}
