//! `rekindle logs`: the console, the installer's own log or the kickstart of an attempt.

use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::MetadataExt as _;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};

use super::error::{CliError, OrExit as _};
use super::{context::Context, screen::tame};
use crate::exit::Exit;
use crate::spec::VmName;

/// The most rotated parts that are looked for; virtlogd keeps 3 unless told otherwise.
const ROTATED: u32 = 1000;

/// How often a followed file is looked at.
const LOOK: Duration = Duration::from_millis(250);

/// Show what a VM wrote: its console, its installer's log, its kickstart
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  rekindle logs web1 -f               what web1 writes now (the installer's log while it installs, then the console)
  rekindle logs web1 --console        its serial console, rotated parts first
  rekindle logs web1 --installer --attempt 2
  rekindle logs web1 --kickstart      the kickstart that its newest attempt was given (the install token left out)")]
pub(crate) struct LogsArgs {
    /// The VM
    vm: VmName,
    #[command(flatten)]
    which: Which,
    /// The attempt; the newest without
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    attempt: Option<u32>,
    /// Go on with what is written from now on, until interrupted
    #[arg(short, long, conflicts_with = "kickstart")]
    follow: bool,
    /// Only the last N lines
    #[arg(short = 'n', long, value_name = "N")]
    lines: Option<usize>,
}

#[derive(Debug, clap::Args)]
#[group(multiple = false)]
struct Which {
    /// The serial console
    #[arg(long)]
    console: bool,
    /// The installer's own log
    #[arg(long)]
    installer: bool,
    /// The kickstart
    #[arg(long)]
    kickstart: bool,
}

/// Runs `rekindle logs`.
pub(crate) fn run(context: &Context, args: &LogsArgs) -> Result<Exit, CliError> {
    let home = context.state_dir()?.join("vms").join(args.vm.as_str());
    let attempt = match args.attempt {
        Some(attempt) => attempt,
        None => newest_attempt(&home, &args.vm)?,
    };
    let directory = home.join(format!("attempt-{attempt}"));
    if !directory.is_dir() {
        return Err(CliError::no(anyhow::anyhow!("VM `{}` has no attempt {attempt}: there is no `{directory}`", args.vm))
            .help(format!("see `rekindle status {}` for the attempts that were made", args.vm)));
    }
    let (console, installer) = (directory.join("console.log"), directory.join("installer.log"));
    let file = match &args.which {
        Which { kickstart: true, .. } => directory.join("kickstart.ks"),
        Which { console: true, .. } => console,
        Which { installer: true, .. } => installer,
        // The installer's log ends with the install; the console goes on.
        _ if newer(&installer, &console) => installer,
        _ => console,
    };
    let mut text = String::new();
    let parts = parts(&file);
    if parts.is_empty() && !args.follow {
        return Err(CliError::no(anyhow::anyhow!("VM `{}` has written nothing to `{file}` yet", args.vm))
            .help(format!("`rekindle status {}` says what it is doing; `-f` waits for the first line", args.vm)));
    }
    let mut follower = Follower::default();
    for part in &parts {
        text.push_str(&if *part == file { follower.read(&file)? } else { read(part)? });
    }
    if let Some(lines) = args.lines {
        text = last_lines(&text, lines).to_owned();
    }
    if args.which.kickstart {
        text = without_tokens(&text);
    }
    context.screen.print(&tame(&text))?;
    if !args.follow {
        return Ok(Exit::Ok);
    }
    loop {
        std::thread::sleep(LOOK);
        let more = follower.read(&file)?;
        if !more.is_empty() {
            context.screen.print(&tame(&more))?;
        }
    }
}

fn newest_attempt(home: &Utf8Path, vm: &VmName) -> Result<u32, CliError> {
    let none = || {
        CliError::no(anyhow::anyhow!("VM `{vm}` has no logs: nothing was ever installed under `{home}`"))
            .help("`rekindle status` lists the VMs of this hypervisor; `--state-dir DIR` looks elsewhere")
    };
    let entries = match home.read_dir_utf8() {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(none()),
        Err(error) => return Err(error).or_world(|| format!("list `{home}`")),
    };
    let numbers = entries.flatten().filter_map(|entry| entry.file_name().strip_prefix("attempt-")?.parse().ok());
    numbers.max().ok_or_else(none)
}

/// Whether `a` has been written to, and after `b`.
fn newer(a: &Utf8Path, b: &Utf8Path) -> bool {
    let written = |path: &Utf8Path| path.metadata().ok().filter(|meta| meta.len() > 0).and_then(|meta| meta.modified().ok());
    written(a).is_some_and(|a| written(b).is_none_or(|b| a >= b))
}

/// A log file and its rotated parts, oldest first: virtlogd renames `x` to `x.0`, `x.0` to `x.1`, and so on.
fn parts(file: &Utf8Path) -> Vec<Utf8PathBuf> {
    let part = |number: u32| Utf8PathBuf::from(format!("{file}.{number}"));
    let mut parts: Vec<Utf8PathBuf> = (0..ROTATED).map(part).take_while(|path| path.exists()).collect();
    parts.reverse();
    if file.exists() {
        parts.push(file.to_owned());
    }
    parts
}

fn read(file: &Utf8Path) -> Result<String, CliError> {
    let bytes = std::fs::read(file).or_world(|| format!("read `{file}`"))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Reads a growing file bit by bit, across rotation and truncation.
#[derive(Debug, Default)]
struct Follower {
    inode: u64,
    at: u64,
}

impl Follower {
    /// What has been added since the last call.
    fn read(&mut self, path: &Utf8Path) -> Result<String, CliError> {
        let mut file = match std::fs::File::open(path) {
            Ok(file) => file,
            // Between the two halves of a rotation, or before the first line.
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(String::new()),
            Err(error) => return Err(error).or_world(|| format!("open `{path}`")),
        };
        let context = || format!("read `{path}`");
        let meta = file.metadata().or_world(context)?;
        let mut bytes = Vec::new();
        if meta.ino() != self.inode {
            self.finish_rotated(path, &mut bytes);
            (self.inode, self.at) = (meta.ino(), 0);
        } else if meta.len() < self.at {
            self.at = 0;
        }
        file.seek(SeekFrom::Start(self.at)).or_world(context)?;
        let added = file.read_to_end(&mut bytes).or_world(context)?;
        self.at += added as u64;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// What was added to the file that has just become `.0` before it was renamed. A loss here costs lines, not the run.
    fn finish_rotated(&self, path: &Utf8Path, bytes: &mut Vec<u8>) {
        if let Ok(mut old) = std::fs::File::open(format!("{path}.0"))
            && old.metadata().is_ok_and(|meta| meta.ino() == self.inode)
            && old.seek(SeekFrom::Start(self.at)).is_ok()
        {
            let _ = old.read_to_end(bytes);
        }
    }
}

fn last_lines(text: &str, count: usize) -> &str {
    let body = text.strip_suffix('\n').unwrap_or(text);
    let start = match count.checked_sub(1) {
        None => text.len(),
        Some(before) => body.rmatch_indices('\n').nth(before).map_or(0, |(at, _)| at + 1),
    };
    &text[start..]
}

/// The kickstart with every install token (32 hexadecimal digits that stand alone) replaced: it opens the install listener.
pub(crate) fn without_tokens(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_alphanumeric()) {
        let word = &rest[start..];
        let end = word.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(word.len());
        let (word, after) = word.split_at(end);
        out.push_str(&rest[..start]);
        let is_token = word.len() == 32 && word.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        out.push_str(if is_token { "TOKEN" } else { word });
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn append(path: &Utf8Path, text: &str) {
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).expect("open");
        file.write_all(text.as_bytes()).expect("write");
    }

    #[test]
    fn rotated_parts_come_oldest_first() {
        let dir = tempfile::tempdir().expect("directory");
        let log = Utf8PathBuf::from_path_buf(dir.path().join("console.log")).expect("UTF-8");
        assert_eq!(parts(&log), Vec::<Utf8PathBuf>::new());
        for (name, text) in [("console.log.1", "1"), ("console.log.0", "2"), ("console.log", "3")] {
            append(&log.with_file_name(name), text);
        }
        let text: String = parts(&log).iter().map(|part| read(part).expect("read")).collect();
        assert_eq!(text, "123");
    }

    #[test]
    fn following_loses_no_line_over_a_rotation_or_truncation() {
        let dir = tempfile::tempdir().expect("directory");
        let log = Utf8PathBuf::from_path_buf(dir.path().join("console.log")).expect("UTF-8");
        let mut follower = Follower::default();
        let mut read = || follower.read(&log).expect("read");
        assert_eq!(read(), "");
        append(&log, "one\n");
        assert_eq!(read(), "one\n");
        append(&log, "two\n");
        std::fs::rename(&log, log.with_file_name("console.log.0")).expect("rename");
        append(&log, "three\n");
        assert_eq!(read(), "two\nthree\n");
        std::fs::write(&log, "4\n").expect("write");
        assert_eq!(read(), "4\n");
        assert_eq!(read(), "");
    }

    #[test]
    fn the_last_lines_are_whole_lines() {
        for (text, count, last) in [("a\nb\nc\n", 2, "b\nc\n"), ("a\nb", 1, "b"), ("a\n", 5, "a\n"), ("a\n", 0, ""), ("", 3, "")]
        {
            assert_eq!(last_lines(text, count), last, "{text:?} {count}");
        }
    }

    #[test]
    fn install_tokens_are_left_out_of_a_shown_kickstart() {
        let token = "0123456789abcdef0123456789abcdef";
        let sha256 = format!("{token}{token}");
        let text = format!("curl http://192.0.2.1:8470/install/{token}/stage/pre\nsha {sha256}\n");
        assert_eq!(without_tokens(&text), format!("curl http://192.0.2.1:8470/install/TOKEN/stage/pre\nsha {sha256}\n"));
    }
}
