//! The archive of a VM's Puppet code and data: the site's `puppet/` directory plus generated files, as `.tar.gz`.
//!
//! The same input gives the same bytes, on whatever host: entries are sorted, owners, times and modes are normal. A symbolic
//! link is followed while it stays in the directory and is refused when it leaves it: what is beside the site's `puppet/` is not
//! for guests.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;

use bytes::Bytes;
use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use flate2::{Compression, GzBuilder};

/// Most that an archive may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArchiveLimits {
    /// Bytes of all files before compression.
    pub bytes: u64,
    /// Files.
    pub files: usize,
    /// Directories within directories.
    pub depth: usize,
}

impl Default for ArchiveLimits {
    fn default() -> Self {
        Self { bytes: 64 << 20, files: 20_000, depth: 40 }
    }
}

/// Why there is no archive.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// A file or directory cannot be read.
    #[error("Puppet archive: cannot read `{path}`")]
    Read {
        /// Which.
        path: Utf8PathBuf,
        /// The system's words.
        #[source]
        source: io::Error,
    },
    /// A name is not UTF-8.
    #[error("Puppet archive: a file name in `{directory}` is not UTF-8: rename it")]
    Name {
        /// Where.
        directory: Utf8PathBuf,
    },
    /// A symbolic link leads elsewhere.
    #[error(
        "Puppet archive: the symbolic link `{path}` leads out of the site's Puppet directory: put what it points at there instead"
    )]
    Escapes {
        /// The link.
        path: Utf8PathBuf,
    },
    /// A pipe, socket or device.
    #[error("Puppet archive: `{path}` is neither a file nor a directory: remove it")]
    Special {
        /// Which.
        path: Utf8PathBuf,
    },
    /// Too much of something.
    #[error(
        "Puppet archive: `{directory}` holds more than {limit} {what}: is something else in it, such as a `.git` or a package?"
    )]
    TooMuch {
        /// The site's directory.
        directory: Utf8PathBuf,
        /// How many are allowed.
        limit: u64,
        /// Of what.
        what: &'static str,
    },
    /// A generated file's path is absolute or climbs.
    #[error("Puppet archive: the generated path {path:?} is not a plain relative one")]
    Generated {
        /// Which.
        path: String,
    },
    /// The archive could not be written, which needs nothing but memory.
    #[error("Puppet archive: cannot compress")]
    Write(#[source] io::Error),
}

/// Makes the archive of `directory` and `generated` (paths within the archive and their text; they win over files of the same
/// name). Without a directory there are only the generated files. Blocks while files are read.
pub fn archive(
    directory: Option<&Utf8Path>,
    generated: &[(Utf8PathBuf, String)],
    limits: &ArchiveLimits,
) -> Result<Bytes, ArchiveError> {
    let mut files: BTreeMap<Utf8PathBuf, Entry> = BTreeMap::new();
    if let Some(directory) = directory {
        let root = directory.canonicalize_utf8().map_err(read(directory))?;
        let mut walk = Walk { given: directory, root: &root, limits, files: &mut files };
        walk.directory(&root, Utf8Path::new(""), 0)?;
    }
    for (path, text) in generated {
        let plain = path.components().all(|part| matches!(part, Utf8Component::Normal(_))) && !path.as_str().is_empty();
        if !plain {
            return Err(ArchiveError::Generated { path: path.to_string() });
        }
        files.insert(path.clone(), Entry { source: From::Text(text), executable: false });
    }
    write(&files, directory.unwrap_or(Utf8Path::new("")), limits)
}

/// A file to be.
struct Entry<'g> {
    source: From<'g>,
    executable: bool,
}

enum From<'g> {
    Disk(Utf8PathBuf),
    Text(&'g str),
}

struct Walk<'a, 'g> {
    given: &'a Utf8Path,
    root: &'a Utf8Path,
    limits: &'a ArchiveLimits,
    files: &'a mut BTreeMap<Utf8PathBuf, Entry<'g>>,
}

impl Walk<'_, '_> {
    fn directory(&mut self, directory: &Utf8Path, within: &Utf8Path, depth: usize) -> Result<(), ArchiveError> {
        if depth > self.limits.depth {
            return Err(self.too_much(self.limits.depth as u64, "directories within directories (a symbolic link to a parent?)"));
        }
        for entry in fs::read_dir(directory).map_err(read(directory))? {
            let entry = entry.map_err(read(directory))?;
            let name = entry.file_name().into_string().map_err(|_| ArchiveError::Name { directory: directory.to_owned() })?;
            // The site is a Git checkout; history is not for guests.
            if name == ".git" {
                continue;
            }
            let (path, within) = (directory.join(&name), within.join(&name));
            self.entry(&path, within, depth)?;
        }
        Ok(())
    }

    fn entry(&mut self, path: &Utf8Path, within: Utf8PathBuf, depth: usize) -> Result<(), ArchiveError> {
        let mut metadata = fs::symlink_metadata(path).map_err(read(path))?;
        let mut source = path.to_owned();
        if metadata.is_symlink() {
            source = path.canonicalize_utf8().map_err(read(path))?;
            if !source.starts_with(self.root) {
                return Err(ArchiveError::Escapes { path: path.to_owned() });
            }
            metadata = fs::metadata(&source).map_err(read(path))?;
        }
        if metadata.is_dir() {
            return self.directory(&source, &within, depth + 1);
        }
        if !metadata.is_file() {
            return Err(ArchiveError::Special { path: path.to_owned() });
        }
        let executable = metadata.permissions().mode() & 0o100 != 0;
        self.files.insert(within, Entry { source: From::Disk(source), executable });
        if self.files.len() > self.limits.files {
            return Err(self.too_much(self.limits.files as u64, "files"));
        }
        Ok(())
    }

    fn too_much(&self, limit: u64, what: &'static str) -> ArchiveError {
        ArchiveError::TooMuch { directory: self.given.to_owned(), limit, what }
    }
}

fn write(files: &BTreeMap<Utf8PathBuf, Entry<'_>>, directory: &Utf8Path, limits: &ArchiveLimits) -> Result<Bytes, ArchiveError> {
    let gzip = GzBuilder::new().mtime(0).write(Vec::new(), Compression::new(6));
    let mut tar = tar::Builder::new(gzip);
    let mut left = limits.bytes;
    for (path, entry) in files {
        let content = match &entry.source {
            From::Text(text) => text.as_bytes().to_vec(),
            From::Disk(source) => {
                let mut content = Vec::new();
                let file = File::open(source).map_err(read(source))?;
                file.take(left.saturating_add(1)).read_to_end(&mut content).map_err(read(source))?;
                content
            }
        };
        left = left.checked_sub(content.len() as u64).ok_or_else(|| ArchiveError::TooMuch {
            directory: directory.to_owned(),
            limit: limits.bytes,
            what: "bytes",
        })?;
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(if entry.executable { 0o755 } else { 0o644 });
        header.set_mtime(0);
        header.set_uid(0);
        header.set_gid(0);
        tar.append_data(&mut header, path.as_std_path(), content.as_slice()).map_err(ArchiveError::Write)?;
    }
    let gzip = tar.into_inner().map_err(ArchiveError::Write)?;
    gzip.finish().map(Bytes::from).map_err(ArchiveError::Write)
}

fn read(path: &Utf8Path) -> impl FnOnce(io::Error) -> ArchiveError {
    move |source| ArchiveError::Read { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site() -> (tempfile::TempDir, Utf8PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = Utf8PathBuf::from_path_buf(dir.path().join("puppet")).unwrap();
        fs::create_dir_all(path.join("modules/app/manifests")).unwrap();
        fs::write(path.join("modules/app/manifests/init.pp"), "class app {}\n").unwrap();
        fs::write(path.join("hiera.yaml"), "version: 5\n").unwrap();
        fs::create_dir_all(path.join(".git")).unwrap();
        fs::write(path.join(".git/config"), "secret").unwrap();
        (dir, path)
    }

    fn generated() -> Vec<(Utf8PathBuf, String)> {
        vec![("data/rekindle.yaml".into(), "a: 1\n".to_owned())]
    }

    fn unpack(bytes: &[u8]) -> Vec<(String, u32, String)> {
        let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(bytes));
        let read = |entry: io::Result<tar::Entry<'_, _>>| {
            let mut entry = entry.unwrap();
            assert_eq!((entry.header().mtime().unwrap(), entry.header().uid().unwrap()), (0, 0));
            let mut text = String::new();
            io::Read::read_to_string(&mut entry, &mut text).unwrap();
            (entry.path().unwrap().to_str().unwrap().to_owned(), entry.header().mode().unwrap(), text)
        };
        tar.entries().unwrap().map(read).collect()
    }

    #[track_caller]
    fn check_refused(spoil: impl FnOnce(&Utf8Path), limits: &ArchiveLimits, words: &[&str]) {
        let (_dir, path) = site();
        spoil(&path);
        let text = archive(Some(&path), &generated(), limits).unwrap_err().to_string();
        for word in words {
            assert!(text.contains(word), "{text:?} does not say {word:?}");
        }
    }

    #[test]
    fn the_archive_holds_the_site_and_what_was_generated_and_is_always_the_same() {
        let (_dir, path) = site();
        fs::write(path.join("script.sh"), "#!/bin/sh\n").unwrap();
        fs::set_permissions(path.join("script.sh"), fs::Permissions::from_mode(0o700)).unwrap();
        let first = archive(Some(&path), &generated(), &ArchiveLimits::default()).unwrap();
        let entries = unpack(&first);
        let names: Vec<_> = entries.iter().map(|(name, mode, _)| (name.as_str(), *mode)).collect();
        let expected = [
            ("data/rekindle.yaml", 0o644),
            ("hiera.yaml", 0o644),
            ("modules/app/manifests/init.pp", 0o644),
            ("script.sh", 0o755),
        ];
        assert_eq!(names, expected);
        assert_eq!(entries[2].2, "class app {}\n");
        let (_other, copy) = site();
        fs::write(copy.join("script.sh"), "#!/bin/sh\n").unwrap();
        fs::set_permissions(copy.join("script.sh"), fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(archive(Some(&copy), &generated(), &ArchiveLimits::default()).unwrap(), first);
    }

    #[test]
    fn a_site_without_puppet_code_gets_the_generated_files_alone() {
        let bytes = archive(None, &generated(), &ArchiveLimits::default()).unwrap();
        assert_eq!(unpack(&bytes), [("data/rekindle.yaml".to_owned(), 0o644, "a: 1\n".to_owned())]);
    }

    #[test]
    fn links_within_the_directory_are_followed() {
        let (_dir, path) = site();
        std::os::unix::fs::symlink("app", path.join("modules/alias")).unwrap();
        let bytes = archive(Some(&path), &[], &ArchiveLimits::default()).unwrap();
        assert!(
            unpack(&bytes).iter().any(|(name, _, text)| name == "modules/alias/manifests/init.pp" && text == "class app {}\n")
        );
    }

    #[test]
    fn names_longer_than_a_tar_header_survive() {
        let (_dir, path) = site();
        let deep = format!("modules/{}/{}", "m".repeat(120), "n".repeat(120));
        fs::create_dir_all(path.join(&deep)).unwrap();
        fs::write(path.join(&deep).join("x.pp"), "x").unwrap();
        let bytes = archive(Some(&path), &[], &ArchiveLimits::default()).unwrap();
        assert!(unpack(&bytes).iter().any(|(name, _, _)| *name == format!("{deep}/x.pp")));
    }

    #[test]
    fn what_must_not_or_cannot_be_packed_is_refused_by_name() {
        let wide = ArchiveLimits::default();
        let link = |to: &'static str| move |path: &Utf8Path| std::os::unix::fs::symlink(to, path.join("modules/evil")).unwrap();
        check_refused(link("/etc/shadow"), &wide, &["modules/evil", "leads out"]);
        check_refused(link("../../"), &wide, &["modules/evil", "leads out"]);
        check_refused(link("nowhere"), &wide, &["modules/evil", "cannot read"]);
        check_refused(link(".."), &wide, &["directories within directories"]);
        let pipe = |path: &Utf8Path| {
            nix::unistd::mkfifo(path.join("pipe").as_std_path(), nix::sys::stat::Mode::S_IRWXU).unwrap();
        };
        check_refused(pipe, &wide, &["pipe", "neither a file nor a directory"]);
        check_refused(|path| fs::write(path.join("big"), [0; 100]).unwrap(), &ArchiveLimits { bytes: 99, ..wide }, &["99 bytes"]);
        check_refused(|_| {}, &ArchiveLimits { files: 1, ..wide }, &["more than 1 files"]);
        check_refused(|path| fs::remove_dir_all(path).unwrap(), &wide, &["cannot read", "puppet"]);
    }

    #[test]
    fn generated_paths_must_be_plain() {
        for path in ["/etc/x", "../x", "", "a/../../x"] {
            let refused = archive(None, &[(path.into(), String::new())], &ArchiveLimits::default());
            assert!(matches!(refused, Err(ArchiveError::Generated { .. })), "{path}");
        }
    }
}
