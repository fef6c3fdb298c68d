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

/// Directories besides the site's own files that decide what a VM becomes.
const TREES: [&str; 2] = ["templates", "puppet"];

/// The revision of the site in `dir`, of which `sources` were read.
pub(super) fn of(dir: &Utf8Path, sources: &[Source]) -> String {
    commit(dir).unwrap_or_else(|| digest(dir, sources))
}

/// `sha256:` and the digest of all paths and texts.
fn digest(dir: &Utf8Path, sources: &[Source]) -> String {
    use std::fmt::Write as _;
    let mut hash = Sha256::new();
    for Source { path, text } in sources {
        add(&mut hash, path, text.as_bytes());
    }
    for tree in TREES {
        add_tree(&mut hash, dir, Utf8Path::new(tree));
    }
    hash.finalize().iter().fold(String::from("sha256:"), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// Lengths first, so that no two sites run together to the same bytes.
fn add(hash: &mut Sha256, path: &Utf8Path, bytes: &[u8]) {
    hash.update((path.as_str().len() as u64).to_le_bytes());
    hash.update((bytes.len() as u64).to_le_bytes());
    hash.update(path.as_str());
    hash.update(bytes);
}

/// Adds the regular files below `path` in order of name. What cannot be read counts as absent: those who use it will say so.
fn add_tree(hash: &mut Sha256, dir: &Utf8Path, path: &Utf8Path) {
    let Ok(entries) = dir.join(path).read_dir_utf8() else { return };
    let mut entries: Vec<_> = entries.flatten().filter_map(|e| Some((e.file_name().to_owned(), e.file_type().ok()?))).collect();
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    for (name, kind) in entries {
        let path = path.join(name);
        // Symbolic links are not followed, so that a loop cannot hold us up.
        if kind.is_dir() {
            add_tree(hash, dir, &path);
        } else if kind.is_file()
            && let Ok(bytes) = std::fs::read(dir.join(&path))
        {
            add(hash, &path, &bytes);
        }
    }
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
    // Nor may the environment lead Git to another repository, as that of a hook does.
    let kept = ["PATH", "HOME"].into_iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
    let mut child = Command::new("git")
        .env_clear()
        .envs(kept)
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
