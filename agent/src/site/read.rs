//! Reads the files of a site from its directory, trusting none of them.
//!
//! A symbolic link may point anywhere inside the site and nowhere else; anything that is not a regular file, is too large, is
//! not UTF-8 or holds a NUL byte is reported and left out.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;

use camino::{Utf8Path, Utf8PathBuf};
use nix::fcntl::OFlag;

use super::excerpt::{escape, quote};
use super::problems::{Place, Problem, Problems, Source};

/// Largest file of a site, in bytes. The largest sensible one, `sizes.toml` or a role with much Hiera data, has a few KiB.
const FILE_MAX: u64 = 1 << 20;

/// What people write for the directories and files that count.
const NEAR_MISSES: [(&str, &str); 12] = [
    ("vm", "vms"),
    ("hosts", "vms"),
    ("role", "roles"),
    ("stage", "stages"),
    ("network", "networks"),
    ("team", "teams"),
    ("hypervisor", "hypervisors"),
    ("oses", "os"),
    ("size.toml", "sizes.toml"),
    ("sizes", "sizes.toml"),
    ("sites.toml", "site.toml"),
    ("template", "templates"),
];

/// The directory of a site, open for reading.
#[derive(Debug)]
pub(super) struct Root {
    /// As the user gave it.
    pub(super) given: Utf8PathBuf,
    /// Absolute, without symbolic links.
    pub(super) real: Utf8PathBuf,
}

impl Root {
    /// Opens `dir`.
    pub(super) fn open(dir: &Utf8Path) -> io::Result<Self> {
        let given = if dir == "" { Utf8Path::new(".") } else { dir };
        let real = given.canonicalize_utf8()?;
        if real.is_dir() {
            Ok(Self { given: given.to_owned(), real })
        } else {
            Err(io::Error::from(io::ErrorKind::NotADirectory))
        }
    }

    /// Reports entries of the site's directory that are near misses of those that count.
    pub(super) fn report_near_misses(&self, problems: &Problems) {
        for (wrong, right) in NEAR_MISSES {
            if self.real.join(wrong).exists() {
                let problem = Problem::new(Place::Path(wrong.into()), format!("nothing reads {}", quote(wrong)));
                problems.push(problem.help(format!("did you mean {}?", quote(right))));
            }
        }
    }

    /// The file `path`, if it exists and can be used.
    pub(super) fn read(&self, path: &Utf8Path, problems: &Problems) -> Option<Source> {
        let full = self.real.join(path);
        let kind = match full.symlink_metadata() {
            Ok(metadata) => metadata.file_type(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                report_unreadable(path, &error, problems);
                return None;
            }
        };
        self.read_entry(path, kind.is_symlink(), problems)
    }

    /// The `.toml` files of the directory `name`, by name, with those that could not be read; an absent directory is an empty
    /// one.
    pub(super) fn read_directory(&self, name: &str, problems: &Problems) -> Vec<(Utf8PathBuf, Option<Source>)> {
        let directory = self.real.join(name);
        match self.stays_inside(Utf8Path::new(name), problems) {
            Ok(true) => {}
            Ok(false) => return Vec::new(),
            Err(()) => {
                problems.mark_incomplete(name);
                return Vec::new();
            }
        }
        let entries = match directory.read_dir() {
            Ok(entries) => entries,
            Err(error) => {
                report_unreadable(Utf8Path::new(name), &error, problems);
                problems.mark_incomplete(name);
                return Vec::new();
            }
        };
        let mut names = Vec::new();
        for entry in entries {
            let (entry, file_type) = match entry.and_then(|e| Ok((e.file_name(), e.file_type()?))) {
                Ok(found) => found,
                Err(error) => {
                    report_unreadable(Utf8Path::new(name), &error, problems);
                    problems.mark_incomplete(name);
                    continue;
                }
            };
            let Some(entry) = entry.to_str() else {
                let shown = quote(&entry.to_string_lossy());
                problems.push(Problem::new(Place::Path(name.into()), format!("the file name {shown} is not UTF-8")));
                continue;
            };
            if is_for_people(entry) {
                continue;
            }
            if file_type.is_dir() || Utf8Path::new(entry).extension() != Some("toml") {
                let path = Utf8Path::new(name).join(entry);
                let what = if file_type.is_dir() { "a directory" } else { "not a `.toml` file" };
                let problem = Problem::new(Place::Path(path), format!("unexpected entry: {what}"));
                problems.push(problem.help(format!("`{name}/` holds one `NAME.toml` each, README.md and hidden files aside")));
                continue;
            }
            names.push((entry.to_owned(), file_type.is_symlink()));
        }
        names.sort_unstable();
        names
            .into_iter()
            .map(|(entry, link)| {
                let path = Utf8Path::new(name).join(entry);
                let source = self.read_entry(&path, link, problems);
                (path, source)
            })
            .collect()
    }

    /// Whether `path` exists within the site; a link out of it is reported.
    fn stays_inside(&self, path: &Utf8Path, problems: &Problems) -> Result<bool, ()> {
        match self.real.join(path).canonicalize() {
            Ok(real) if real.starts_with(&self.real) => Ok(true),
            Ok(_) => {
                let problem = Problem::new(Place::Path(path.to_owned()), "the symbolic link points out of the site");
                problems.push(problem.help("copy what it points to into the site"));
                Err(())
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.real.join(path).symlink_metadata().is_err() => {
                Ok(false)
            }
            Err(error) => {
                report_unreadable(path, &error, problems);
                Err(())
            }
        }
    }

    fn read_entry(&self, path: &Utf8Path, link: bool, problems: &Problems) -> Option<Source> {
        if link && self.stays_inside(path, problems) != Ok(true) {
            return None;
        }
        read_file(&self.real.join(path), path, link, problems)
    }
}

/// The text of the file `full`, shown as `path`; anything but a small regular file of text is reported. `link` says whether it
/// may be a symbolic link.
pub(crate) fn read_file(full: &Utf8Path, path: &Utf8Path, link: bool, problems: &Problems) -> Option<Source> {
    // Non-blocking, so that a FIFO that took a file's place cannot hold us up; a link that appeared since is refused.
    let flags = if link { OFlag::O_NONBLOCK } else { OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW };
    let opened = OpenOptions::new().read(true).custom_flags(flags.bits()).open(full);
    let problem = match opened.and_then(read_regular) {
        Ok(Content::Text(text)) => {
            let Some(at) = text.find('\0') else { return Some(Source { path: path.to_owned(), text }) };
            let line = text[..at].matches('\n').count() + 1;
            Problem::new(Place::Path(path.to_owned()), format!("line {line} holds a NUL byte"))
        }
        Ok(Content::NotRegular) => Problem::new(Place::Path(path.to_owned()), "not a regular file"),
        Ok(Content::TooLarge(bytes)) => {
            let message = format!("the file has {} KiB; at most {} KiB are read", bytes.div_ceil(1024), FILE_MAX / 1024);
            Problem::new(Place::Path(path.to_owned()), message)
        }
        Ok(Content::NotUtf8(line)) => {
            Problem::new(Place::Path(path.to_owned()), format!("line {line} is not UTF-8")).help("save the file as UTF-8")
        }
        Err(error) => {
            report_unreadable(path, &error, problems);
            return None;
        }
    };
    problems.push(problem);
    None
}

enum Content {
    Text(String),
    NotRegular,
    TooLarge(u64),
    NotUtf8(usize),
}

fn read_regular(file: File) -> io::Result<Content> {
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Ok(Content::NotRegular);
    }
    if metadata.len() > FILE_MAX {
        return Ok(Content::TooLarge(metadata.len()));
    }
    // The file may grow while it is read.
    let mut bytes = Vec::with_capacity(metadata.len() as usize + 1);
    file.take(FILE_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_MAX {
        return Ok(Content::TooLarge(bytes.len() as u64));
    }
    Ok(match String::from_utf8(bytes) {
        Ok(text) => Content::Text(text),
        Err(error) => {
            let valid = error.utf8_error().valid_up_to();
            Content::NotUtf8(String::from_utf8_lossy(&error.as_bytes()[..valid]).matches('\n').count() + 1)
        }
    })
}

/// Files that editors and people leave beside the site's: hidden ones, backups, READMEs.
fn is_for_people(name: &str) -> bool {
    name.starts_with('.') || name.ends_with('~') || Utf8Path::new(name).extension() == Some("md") || name.starts_with("README")
}

/// Reports that the system would not let us read `path`.
pub(crate) fn report_unreadable(path: &Utf8Path, error: &io::Error, problems: &Problems) {
    problems.push(Problem::new(Place::Path(path.to_owned()), format!("cannot be read: {}", escape(&error.to_string()))));
}
