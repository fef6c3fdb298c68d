//! The directory in which everything is, and the programs that run there.

use std::process::{Command, Output, Stdio};

use camino::{Utf8Path, Utf8PathBuf};

use super::Key;

/// A directory with a home, keys, packages and whatever a test makes of them.
pub struct RpmLab {
    /// Everything is in here.
    pub dir: Utf8PathBuf,
    /// The key that signs what a test does not say another one for.
    pub signer: Key,
    _temporary: Option<tempfile::TempDir>,
}

/// Something that ran.
#[derive(Debug)]
pub struct Ran {
    /// How it ended; none: by a signal.
    pub code: Option<i32>,
    /// Standard output and standard error.
    pub text: String,
}

impl Ran {
    /// Whether it ended with 0.
    pub fn ok(&self) -> bool {
        self.code == Some(0)
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        Self { code: output.status.code(), text }
    }
}

impl Default for RpmLab {
    fn default() -> Self {
        Self::new()
    }
}

impl RpmLab {
    /// A lab that is gone when it is dropped.
    pub fn new() -> Self {
        let temporary = tempfile::tempdir().expect("a directory");
        let dir = Utf8PathBuf::from_path_buf(temporary.path().canonicalize().expect("a path")).expect("UTF-8");
        Self::at(dir, Some(temporary))
    }

    /// A lab in `dir`, which stays: what was made there before is there again.
    pub fn kept(dir: &Utf8Path) -> Self {
        Self::at(dir.to_owned(), None)
    }

    fn at(dir: Utf8PathBuf, temporary: Option<tempfile::TempDir>) -> Self {
        let lab = Self { signer: Key::of(&dir, "build"), dir, _temporary: temporary };
        if lab.signer.public.exists() {
            return lab;
        }
        std::fs::create_dir_all(lab.gnupg()).expect("a directory");
        std::fs::set_permissions(lab.gnupg(), std::os::unix::fs::PermissionsExt::from_mode(0o700)).expect("rights");
        // Debian's rpm looks for a gpg that Debian does not have, and puts databases into the home directory.
        let macros =
            format!("%__gpg /usr/bin/gpg\n%_topdir {}/rpmbuild\n%_dbpath /var/lib/rpm\n%_build_id_links none\n", lab.dir);
        std::fs::write(lab.dir.join(".rpmmacros"), macros).expect("macros");
        lab.key("build");
        lab
    }

    /// gpg's home.
    pub fn gnupg(&self) -> Utf8PathBuf {
        self.dir.join("gnupg")
    }

    /// Runs a program with the lab's homes.
    pub fn run(&self, program: &str, args: &[&str]) -> Ran {
        let output = self.command(program, args).output();
        output.unwrap_or_else(|error| panic!("{program}: {error}; `make setup` installs it")).into()
    }

    /// A program with the lab's homes and without input.
    pub fn command(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(args).current_dir(&self.dir).stdin(Stdio::null());
        command.env("HOME", &self.dir).env("GNUPGHOME", self.gnupg()).env("LC_ALL", "C.UTF-8");
        command
    }

    /// Runs a program that must not fail; what it said.
    #[track_caller]
    pub fn must(&self, program: &str, args: &[&str]) -> String {
        let ran = self.run(program, args);
        assert!(ran.ok(), "{program} {args:?}:\n{}", ran.text);
        ran.text
    }
}

impl Drop for RpmLab {
    fn drop(&mut self) {
        // dnf and rpmsign each leave an agent for every home that they used.
        let mut homes = vec![self.gnupg()];
        collect_homes(&self.dir, &mut homes);
        for home in homes {
            let _ = self.run("gpgconf", &["--homedir", home.as_str(), "--kill", "gpg-agent"]);
        }
    }
}

/// Directories in which gpg has worked.
fn collect_homes(directory: &Utf8Path, homes: &mut Vec<Utf8PathBuf>) {
    let Ok(entries) = directory.read_dir_utf8() else { return };
    for entry in entries.filter_map(Result::ok) {
        let path = entry.path();
        if entry.file_name().starts_with("S.gpg-agent") {
            homes.extend(path.parent().map(Utf8Path::to_owned));
        } else if entry.file_type().is_ok_and(|kind| kind.is_dir()) && entry.file_name() != "root" {
            collect_homes(path, homes);
        }
    }
}
