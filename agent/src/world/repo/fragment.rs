//! A package's parts of the repodata: cut once from what `createrepo_c` wrote, kept in the pool, put together for each publish.
//!
//! The parts are the `<package>` elements of `primary`, `filelists` and `other`, byte for byte. They name the package's place
//! (`packages/…`), which is the same in every stage, and its checksum; so a stage's repodata are its packages' parts one after
//! the other between a head and a foot.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::ops::Range;

use camino::Utf8Path;

use super::error::RepoError;
use crate::spec::Digest;

/// The three files that clients read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Primary,
    Filelists,
    Other,
}

impl Part {
    pub(super) const ALL: [Self; 3] = [Self::Primary, Self::Filelists, Self::Other];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Filelists => "filelists",
            Self::Other => "other",
        }
    }

    /// The head of the file, for `count` packages.
    pub(super) fn head(self, count: usize) -> String {
        let opening = match self {
            Self::Primary => {
                r#"metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm""#
            }
            Self::Filelists => r#"filelists xmlns="http://linux.duke.edu/metadata/filelists""#,
            Self::Other => r#"otherdata xmlns="http://linux.duke.edu/metadata/other""#,
        };
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{opening} packages=\"{count}\">\n")
    }

    /// Its foot.
    pub(super) const fn foot(self) -> &'static str {
        match self {
            Self::Primary => "</metadata>",
            Self::Filelists => "</filelists>",
            Self::Other => "</otherdata>",
        }
    }
}

/// The parts of one package.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Parts {
    /// One after the other, in the order of [`Part::ALL`].
    pub(super) text: String,
    /// Bytes of each.
    pub(super) lens: [u64; 3],
}

impl Parts {
    /// The same for a package that was read as `from` and lies at `to`.
    pub(super) fn placed(mut self, from: &str, to: &str) -> Self {
        let (old, new) = (format!("<location href=\"{from}\""), format!("<location href=\"{to}\""));
        let primary = self.lens[0] as usize;
        if let Some(at) = self.text.get(..primary).and_then(|text| text.find(&old)) {
            self.text.replace_range(at..at + old.len(), &new);
            self.lens[0] = (primary + new.len() - old.len()) as u64;
        }
        self
    }
}

/// Where `part` is in a text with parts of these lengths.
pub(super) fn range(lens: [u64; 3], part: Part) -> Range<usize> {
    let [a, b, c] = lens.map(|len| len as usize);
    match part {
        Part::Primary => 0..a,
        Part::Filelists => a..a + b,
        Part::Other => a + b..a + b + c,
    }
}

/// Reads the parts of all packages from the `repodata` that `createrepo_c` left in `directory`.
pub(super) fn cut(directory: &Utf8Path) -> Result<BTreeMap<Digest, Parts>, RepoError> {
    let mut all: BTreeMap<Digest, Parts> = BTreeMap::new();
    for (index, part) in Part::ALL.into_iter().enumerate() {
        let text = read(directory, part)?;
        for element in elements(&text) {
            let Some(digest) = digest_of(element, part) else { continue };
            let parts = all.entry(digest).or_default();
            parts.text.push_str(element);
            parts.lens[index] = element.len() as u64;
        }
    }
    Ok(all)
}

fn read(directory: &Utf8Path, part: Part) -> Result<String, RepoError> {
    let path = directory.join("repodata").join(format!("{}.xml.gz", part.as_str()));
    let open = std::fs::File::open(&path).and_then(|file| {
        let mut text = String::new();
        flate2::read::MultiGzDecoder::new(file).read_to_string(&mut text)?;
        Ok(text)
    });
    open.map_err(|source| RepoError::File { what: "read", path, source })
}

/// The `<package>` elements, each with the line break after it. In XML, text cannot hold `<`: the tags are where they seem to be.
pub(super) fn elements(text: &str) -> impl Iterator<Item = &str> {
    const END: &str = "</package>\n";
    let mut rest = text;
    std::iter::from_fn(move || {
        let start = rest.find("<package ")?;
        let end = start + rest[start..].find(END)? + END.len();
        let element = &rest[start..end];
        rest = &rest[end..];
        Some(element)
    })
}

/// The package's checksum within its element.
pub(super) fn digest_of(element: &str, part: Part) -> Option<Digest> {
    let opening = match part {
        Part::Primary => "<checksum type=\"sha256\" pkgid=\"YES\">",
        Part::Filelists | Part::Other => "pkgid=\"",
    };
    let at = element.find(opening)? + opening.len();
    element.get(at..at + 64)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_cut_with_their_line_breaks_and_named_by_their_checksum() {
        let one = "a".repeat(64);
        let text = format!(
            "<?xml?>\n<filelists packages=\"2\">\n<package pkgid=\"{one}\" name=\"x\">\n  <file>/a &lt;/package&gt;</file>\n</package>\n<package pkgid=\"{}\">\n</package>\n</filelists>",
            "b".repeat(64)
        );
        let found: Vec<&str> = elements(&text).collect();
        assert_eq!(found.len(), 2);
        assert!(found[0].starts_with("<package pkgid=") && found[0].ends_with("</package>\n"));
        assert_eq!(digest_of(found[0], Part::Filelists).unwrap().as_str(), one);
    }
}
