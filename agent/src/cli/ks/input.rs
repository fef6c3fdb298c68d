//! What a kickstart command reads and writes: files, `-` for standard input, and which release a kickstart is for.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};

use camino::{Utf8Path, Utf8PathBuf};
use kickstart::{Diagnostic, Release, Report};

/// A file, or `-` for standard input.
#[derive(Debug, Clone)]
pub(super) struct Source(Utf8PathBuf);

impl std::str::FromStr for Source {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.into()))
    }
}

/// Why a file could not be worked on.
#[derive(Debug, thiserror::Error)]
pub(super) enum FileError {
    #[error("read `{name}`")]
    Read { name: String, source: io::Error },
    #[error("write `{path}`")]
    Write { path: Utf8PathBuf, source: io::Error },
    #[error("`{name}` does not say which release it is for")]
    NoRelease { name: String, option: &'static str },
    #[error("`{name}` is for no release that is known here: `#version={version}`")]
    UnknownRelease { name: String, version: String, option: &'static str },
}

impl FileError {
    /// The error as it is printed, with the next thing to try.
    pub(super) fn text(&self) -> String {
        let because = std::error::Error::source(self).map_or(String::new(), |cause| format!("\n  because: {cause}"));
        let help = match self {
            Self::Read { source, .. } if source.kind() == io::ErrorKind::IsADirectory => {
                "name its files, as in `rekindle ks lint DIR/*.ks`".to_owned()
            }
            Self::NoRelease { option, .. } | Self::UnknownRelease { option, .. } => {
                let known: Vec<&str> = Release::ALL.into_iter().map(Release::name).collect();
                format!("add `{option} NAME`: one of {}, or a name such as alma9, centos-stream-10, fedora42", known.join(", "))
            }
            Self::Read { .. } | Self::Write { .. } => String::new(),
        };
        let help = if help.is_empty() { help } else { format!("\n  try: {help}") };
        format!("error: {self}{because}{help}\n")
    }
}

/// The text of a kickstart, or what is wrong with its bytes.
#[derive(Debug)]
pub(super) struct Input {
    pub(super) name: String,
    bytes: Vec<u8>,
}

impl Source {
    /// Whether this is standard input.
    pub(super) fn is_stdin(&self) -> bool {
        self.0 == "-"
    }

    /// The name that findings carry.
    pub(super) fn name(&self) -> &str {
        if self.is_stdin() { "<stdin>" } else { self.0.as_str() }
    }

    /// Reads all of it.
    pub(super) fn read(&self) -> Result<Input, FileError> {
        let mut bytes = Vec::new();
        let read = if self.is_stdin() {
            io::stdin().lock().read_to_end(&mut bytes).map(|_| ())
        } else {
            fs::read(&self.0).map(|read| bytes = read)
        };
        let name = self.name().to_owned();
        match read {
            Ok(()) => Ok(Input { name, bytes }),
            Err(source) => Err(FileError::Read { name, source }),
        }
    }

    /// Puts `text` in the place of the file: a reader sees the old text or the new one, never a part.
    pub(super) fn write(&self, text: &str) -> Result<(), FileError> {
        replace(&self.0, text).map_err(|source| FileError::Write { path: self.0.clone(), source })
    }
}

impl Input {
    /// The text, or the finding that it is none.
    pub(super) fn text(&self) -> Result<&str, Box<Diagnostic>> {
        kickstart::decode(&self.bytes)
    }

    /// The bytes as text for showing source lines, whatever they are.
    pub(super) fn lossy(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes)
    }

    /// The release that was asked for with `option`, else the one its `#version=` line names.
    pub(super) fn release(&self, wanted: Option<Release>, option: &'static str) -> Result<Release, FileError> {
        if let Some(release) = wanted {
            return Ok(release);
        }
        let name = self.name.clone();
        match kickstart::version_comment(&self.lossy()) {
            Some(version) => {
                let version_shown = version.escape_debug().to_string();
                version.parse().map_err(|_| FileError::UnknownRelease { name, version: version_shown, option })
            }
            None => Err(FileError::NoRelease { name, option }),
        }
    }
}

/// The release that `text` was most likely written for: the newest RHEL, else the newest Fedora, that finds the fewest mistakes.
pub(super) fn likely_release(text: &str) -> Release {
    let newest_first = || {
        let all = Release::ALL.into_iter().rev();
        all.clone().filter(|release| release.is_rhel()).chain(all.filter(|release| !release.is_rhel()))
    };
    newest_first().min_by_key(|release| kickstart::check(text, *release).errors().count()).unwrap_or(Release::Rhel9)
}

/// A report that holds one finding.
pub(super) fn report_of(found: Diagnostic) -> Report {
    Report::from(vec![found])
}

fn replace(path: &Utf8Path, text: &str) -> io::Result<()> {
    // A link stays a link: what it points to is replaced.
    let target = path.canonicalize_utf8()?;
    let directory = target.parent().unwrap_or(Utf8Path::new("/"));
    let mut file = tempfile::Builder::new().prefix(".rekindle-ks-").tempfile_in(directory)?;
    file.write_all(text.as_bytes())?;
    file.as_file().set_permissions(fs::metadata(&target)?.permissions())?;
    file.as_file().sync_all()?;
    file.persist(&target).map_err(|error| error.error)?;
    // The name is on disk once the directory is.
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn a_file_is_replaced_whole_with_its_mode_and_behind_its_link() {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap();
        let (file, link) = (root.join("a.ks"), root.join("b.ks"));
        fs::write(&file, "text\n").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        symlink(&file, &link).unwrap();
        Source(link.clone()).write("cmdline\n").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "cmdline\n");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(link.is_symlink());
        assert_eq!(fs::read_dir(root).unwrap().count(), 2, "a temporary file is left");
    }

    #[test]
    fn the_release_that_a_kickstart_was_likely_written_for_takes_it() {
        for (text, release) in [
            ("text\n", Release::Rhel10),
            ("text\ntimezone UTC --isUtc --ntpservers=a\n", Release::Rhel9),
            ("install\ntext\n", Release::Rhel8),
            ("install\nauth --enableshadow\nauthconfig --x\nlogging --level=info\nupgrade\n", Release::Rhel7),
            ("btrfs none --label=a btrfs.1\nmodule --name=a\ntext\nfrob\n", Release::Rhel9),
        ] {
            assert_eq!(likely_release(text), release, "{text}");
        }
    }

    #[test]
    fn a_release_comes_from_the_option_or_the_version_line_or_is_asked_for() {
        let release = |text: &str, wanted| {
            let input = Input { name: "x.ks".to_owned(), bytes: text.into() };
            input.release(wanted, "--release").map_err(|error| error.text())
        };
        assert_eq!(release("text\n", Some(Release::F42)), Ok(Release::F42));
        assert_eq!(release("# a\n#version=RHEL8\ntext\n", None), Ok(Release::Rhel8));
        assert!(release("text\n", None).unwrap_err().contains("--release NAME"));
        assert!(release("#version=DEVEL\n", None).unwrap_err().contains("#version=DEVEL"));
    }
}
