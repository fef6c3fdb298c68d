//! The command line as a person meets it: each file of `tests/transcripts/` is a session in a copy of the demo site.
//!
//! A line that begins with `$ ` is a command for the shell, what follows is what it must print (standard output, then standard
//! error) and, where that is not 0, its exit status. What differs from run to run is replaced: the directory by `DIR`, revisions
//! by `REV`, digests by `DIGEST`, times by `TIME`; a line that begins with `## ` is a remark. `REKINDLE_BLESS=1` writes what was printed in place of what was expected.

use std::process::Command;

use camino::{Utf8Path, Utf8PathBuf};
use rekindle_tests::lab;

/// A directory with the demo site, and what a session runs in.
struct Session {
    _root: tempfile::TempDir,
    path: Utf8PathBuf,
}

impl Session {
    fn new() -> Self {
        let root = tempfile::Builder::new().prefix("rekindle-transcript-").tempdir().expect("a directory");
        let path = Utf8PathBuf::from_path_buf(root.path().to_owned()).expect("a path in UTF-8");
        let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/demo");
        let this = Self { _root: root, path };
        let configuration = format!(
            "hypervisor = \"hv1\"\nsite = \"{0}/site\"\nstate_dir = \"{0}/state\"\ncache_dir = \"{0}/cache\"\nrun_dir = \"{0}/run\"\n\n\
             [libvirt]\nuri = \"qemu+unix:///system?socket={0}/no-libvirt\"\n",
            this.path
        );
        std::fs::write(this.path.join("agent.toml"), configuration).expect("the configuration");
        let set_up = format!(
            "cp -r {demo} site && mkdir -p mirror/tree/tiny mirror/tree/full mirror/stages/dev && cd site && git init -q && \
             git add -A && git commit -q -m demo"
        );
        let (printed, status) = this.run(&this.path, &set_up);
        assert_eq!((printed.as_str(), status), ("", 0), "the demo site cannot be set up");
        this
    }

    /// What a command prints, and its exit status.
    fn run(&self, directory: &Utf8Path, command: &str) -> (String, i32) {
        let binaries = lab::binary().parent().map(ToString::to_string).unwrap_or_default();
        let path = format!("{binaries}:{}", std::env::var("PATH").unwrap_or_default());
        let output = Command::new("sh")
            .args(["-c", command])
            .current_dir(directory)
            .env_clear()
            .envs([("PATH", path.as_str()), ("HOME", self.path.as_str()), ("LC_ALL", "C.UTF-8"), ("COLUMNS", "100")])
            .env("REKINDLE_CONFIG", self.path.join("agent.toml"))
            .envs([("GIT_AUTHOR_NAME", "demo"), ("GIT_AUTHOR_EMAIL", "demo@demo.example")])
            .envs([("GIT_COMMITTER_NAME", "demo"), ("GIT_COMMITTER_EMAIL", "demo@demo.example")])
            .stdin(std::process::Stdio::null())
            .output()
            .expect("a shell");
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        (self.redacted(&text), output.status.code().unwrap_or(-1))
    }

    fn redacted(&self, text: &str) -> String {
        let mut out = String::new();
        for line in text.replace(self.path.as_str(), "DIR").lines() {
            out.push_str(&redact_line(line));
            out.push('\n');
        }
        out
    }
}

/// A line with revisions (7 to 40 hexadecimal digits after `at `), digests, key ids, logins, sizes and times (`1.2 s`, RFC 3339) replaced.
fn redact_line(line: &str) -> String {
    let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
    for at in 0..words.len() {
        let digits = words[at].trim_end_matches([':', ',']).to_owned();
        let is_revision = (7..=40).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit());
        if at > 0 && words[at - 1] == "at" && is_revision {
            words[at] = words[at].replace(&digits, "REV");
        }
        let is_digest =
            digits.len() >= 8 && digits.bytes().all(|b| b.is_ascii_hexdigit()) && digits.bytes().any(|b| b.is_ascii_digit());
        if is_digest && (digits.len() == 64 || at > 0 && ["sha256", "header", "key"].contains(&words[at - 1].as_str())) {
            words[at] = words[at].replace(&digits, "DIGEST");
        }
        let is_date = words[at].len() == 20 && words[at].ends_with('Z') && words[at].contains('T');
        if is_date {
            words[at] = "DATE".to_owned();
        }
        if words.get(at + 1).is_some_and(|unit| unit == "bytes") {
            words[at] = "SIZE".to_owned();
        }
        if at > 0 && words[at - 1] == "(login" {
            words[at] = "USER)".to_owned();
        }
        let is_time = words[at].bytes().all(|b| b.is_ascii_digit() || b == b'.') && !words[at].is_empty();
        if is_time && words.get(at + 1).is_some_and(|unit| unit.trim_end_matches(['.', ',']) == "s") {
            words[at] = "TIME".to_owned();
        }
    }
    words.join(" ")
}

fn check_transcript(name: &str) {
    check_transcript_of(&Session::new(), name);
}

fn check_transcript_of(session: &Session, name: &str) {
    let file = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("transcripts").join(name);
    let expected = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("read {file}: {error}"));
    let mut got = String::new();
    for line in expected.lines() {
        if line.starts_with("## ") {
            got.push_str(line);
            got.push('\n');
        } else if let Some(command) = line.strip_prefix("$ ") {
            let (printed, status) = session.run(&session.path.join("site"), command);
            got.push_str(&format!("$ {command}\n{printed}"));
            if status != 0 {
                got.push_str(&format!("[exit status {status}]\n"));
            }
        }
    }
    if std::env::var_os("REKINDLE_BLESS").is_some() {
        std::fs::write(&file, &got).expect("write the transcript");
        return;
    }
    assert!(got.contains("$ rekindle"), "{file} runs nothing");
    assert_eq!(got, expected, "{file} differs; look, then run it again with REKINDLE_BLESS=1");
}

#[test]
fn a_site_is_checked_planned_and_rendered() {
    check_transcript("site.txt");
}

#[test]
fn what_is_wrong_is_said_with_the_next_thing_to_try() {
    check_transcript("errors.txt");
}

#[test]
fn a_change_of_the_site_is_shown_before_it_is_made() {
    check_transcript("diff.txt");
}

#[test]
fn nothing_is_destroyed_without_consent() {
    check_transcript("consent.txt");
}

#[test]
fn a_package_goes_from_dev_to_stable_and_back() {
    let session = Session::new();
    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/repository.sh");
    let (printed, status) = session.run(&session.path, &format!("sh {fixture} >/dev/null 2>set-up.log || cat set-up.log"));
    assert_eq!((printed.as_str(), status), ("", 0), "the packages cannot be made");
    check_transcript_of(&session, "repo.txt");
    session.run(&session.path, "gpgconf --homedir state/gnupg --kill gpg-agent");
}

#[test]
fn kickstarts_are_checked_formatted_explained_and_upgraded_without_a_site() {
    check_transcript("ks.txt");
}

#[test]
fn bad_kickstarts_end_in_a_finding_with_its_place() {
    check_transcript("ks-bad-input.txt");
}

#[test]
fn every_subcommand_has_help_with_examples() {
    let session = Session::new();
    for command in [
        "agent",
        "apply",
        "check",
        "console",
        "destroy",
        "diff",
        "ks",
        "ks lint",
        "ks fmt",
        "ks explain",
        "ks upgrade",
        "logs",
        "plan",
        "rebuild",
        "render",
        "repo",
        "retry",
        "status",
    ] {
        let (help, status) = session.run(&session.path, &format!("rekindle help {command}"));
        assert_eq!(status, 0, "{help}");
        assert!(help.contains("Example"), "`rekindle help {command}` has no example:\n{help}");
    }
}

#[test]
fn every_subcommand_has_a_manual_page() {
    let session = Session::new();
    let (printed, status) = session.run(&session.path, "rekindle man pages && ls pages");
    assert_eq!(status, 0, "{printed}");
    for page in ["rekindle.1", "rekindle-apply.1", "rekindle-ks.1", "rekindle-ks-lint.1", "rekindle-ks-upgrade.1"] {
        assert!(printed.lines().any(|line| line == page), "no {page}:\n{printed}");
    }
    let (page, _) = session.run(&session.path, "cat pages/rekindle-ks-lint.1");
    assert!(page.contains("unsafe\\-fixes") && page.contains("Exit status"), "{page}");
}

#[test]
fn times_and_revisions_are_left_out_of_transcripts() {
    let line = "ok: site `demo` at 0f21b8184971: 2 VMs checked in 0.2 s, at home";
    assert_eq!(redact_line(line), "ok: site `demo` at REV: 2 VMs checked in TIME s, at home");
}
