//! Runs the programs that the repository stands on: `createrepo_c`, `rpmkeys`, `rpmsign`, `gpg`.
//!
//! No shell, no input, a fixed language and a home directory of our own: what an administrator has in `~/.rpmmacros` changes
//! nothing here.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::process::{Command, Output, Stdio};

use camino::Utf8Path;
use nix::sys::memfd::{MFdFlags, memfd_create};

use super::error::RepoError;

/// Lines of a failed program that are shown.
const SHOWN_LINES: usize = 5;

/// One run of a program.
pub(super) struct Tool {
    program: &'static str,
    command: Command,
}

impl Tool {
    /// `program`, with `home` as its home directory.
    pub(super) fn new(program: &'static str, home: &Utf8Path) -> Self {
        let mut command = Command::new(program);
        command.env("LC_ALL", "C.UTF-8").env("HOME", home).env_remove("GNUPGHOME").stdin(Stdio::null());
        Self { program, command }
    }

    pub(super) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    pub(super) fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.command.args(args);
        self
    }

    pub(super) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs it in `directory`: what it is told to work on is named from there, which spares it a long way for each file.
    pub(super) fn within(mut self, directory: &Utf8Path) -> Self {
        self.command.current_dir(directory);
        self
    }

    /// Runs it and gives what it said, however it ended.
    pub(super) fn output(mut self) -> Result<Output, RepoError> {
        // Into a file in memory: `rpmkeys` writes each line by itself, and through a pipe each would wake us.
        let error = |source| RepoError::File { what: "keep what is said by", path: self.program.into(), source };
        let file = memfd_create("said", MFdFlags::MFD_CLOEXEC).map_err(|errno| error(errno.into()))?;
        let mut said = File::from(file);
        self.command.stdout(said.try_clone().map_err(error)?);
        let ran = self.command.output().map_err(|source| RepoError::NoProgram { program: self.program, source });
        let mut output = ran?;
        said.rewind().and_then(|()| said.read_to_end(&mut output.stdout)).map_err(error)?;
        Ok(output)
    }

    /// Runs it to `purpose`; its standard output.
    pub(super) fn run(self, purpose: &'static str) -> Result<String, RepoError> {
        let program = self.program;
        let output = self.output()?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let lines: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let shown = lines[lines.len().saturating_sub(SHOWN_LINES)..].join("; ");
        let output = if shown.is_empty() { output.status.to_string() } else { shown };
        Err(RepoError::Program { program, purpose, output })
    }
}
