//! `repomd.xml`: which metadata files a repository has, and their checksums. Pure.

use super::error::MirrorError;

/// How a file's bytes are promised.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Checksum {
    /// `sha256` or `sha512`.
    pub(super) kind: Algorithm,
    /// Lower-case hexadecimal.
    pub(super) hex: String,
}

/// The algorithms that count as proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Algorithm {
    Sha256,
    Sha512,
}

impl Algorithm {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }
}

impl Checksum {
    /// Reads what metadata say; the reason where that is no proof.
    pub(super) fn new(kind: &str, hex: &str) -> Result<Self, String> {
        let (kind, length) = match kind {
            "sha256" => (Algorithm::Sha256, 64),
            "sha512" => (Algorithm::Sha512, 128),
            other => return Err(format!("checksums of type {other:?} prove nothing; sha256 and sha512 do")),
        };
        let hex = hex.trim().to_ascii_lowercase();
        if hex.len() != length || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(format!("{hex:?} is no {}", kind.as_str()));
        }
        Ok(Self { kind, hex })
    }
}

/// A file of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RepoFile {
    /// Where it is, relative to the repository: plain segments only.
    pub(super) path: String,
    /// Its bytes' digest.
    pub(super) checksum: Checksum,
    /// Its length, where the metadata say.
    pub(super) size: Option<u64>,
}

/// A metadata file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DataFile {
    /// `primary`, `filelists`, …
    pub(super) kind: String,
    /// The file.
    pub(super) file: RepoFile,
}

/// Whether `path` can only mean a file below the directory that it is put in.
pub(super) fn is_plain(path: &str) -> bool {
    let plain =
        |segment: &str| !segment.is_empty() && segment != "." && segment != ".." && !segment.contains(|c: char| c.is_control());
    path.len() <= 1024 && path.split('/').all(plain) && !path.contains('\\')
}

/// The path that a reference of metadata leads to: clients put it into a URL as it is, where `%2B` is a `+`.
pub(super) fn place_of(href: &str) -> String {
    percent_encoding::percent_decode_str(href).decode_utf8().map_or_else(|_| href.to_owned(), std::borrow::Cow::into_owned)
}

/// The metadata files that `text` names. `url` is for messages.
pub(super) fn parse(text: &str, url: &str) -> Result<Vec<DataFile>, MirrorError> {
    let wrong = |reason: String| MirrorError::Metadata { url: url.to_owned(), reason };
    let document =
        roxmltree::Document::parse(text).map_err(|error| MirrorError::Parse { url: url.to_owned(), source: Box::new(error) })?;
    let root = document.root_element();
    if root.tag_name().name() != "repomd" {
        return Err(wrong(format!("it is a <{}>, not the <repomd> of a YUM repository", root.tag_name().name())));
    }
    let mut files = Vec::new();
    for data in root.children().filter(|node| node.tag_name().name() == "data") {
        let kind = data.attribute("type").unwrap_or_default();
        let child = |name: &str| data.children().find(|node| node.tag_name().name() == name);
        let path = place_of(child("location").and_then(|node| node.attribute("href")).unwrap_or_default());
        if !is_plain(&path) || !path.starts_with("repodata/") {
            return Err(wrong(format!("{kind:?} is said to be at {path:?}, which is not below `repodata/`")));
        }
        let checksum = child("checksum").ok_or_else(|| wrong(format!("{kind:?} has no checksum")))?;
        let checksum =
            Checksum::new(checksum.attribute("type").unwrap_or_default(), checksum.text().unwrap_or_default()).map_err(wrong)?;
        let size = child("size").and_then(|node| node.text()?.trim().parse().ok());
        files.push(DataFile { kind: kind.to_owned(), file: RepoFile { path, checksum, size } });
    }
    if !files.iter().any(|data| data.kind == "primary") {
        return Err(wrong("it names no `primary`".to_owned()));
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repomd(href: &str, kind: &str, hex: &str) -> String {
        format!(
            "<repomd xmlns=\"http://linux.duke.edu/metadata/repo\"><revision>1</revision><data type=\"primary\">\
             <checksum type=\"{kind}\">{hex}</checksum><location href=\"{href}\"/><size>12</size></data></repomd>"
        )
    }

    #[test]
    fn files_are_named_with_their_checksums() {
        let hex = "AB".repeat(32);
        let files = parse(&repomd("repodata/x-primary.xml.gz", "sha256", &hex), "u").unwrap();
        assert_eq!(files[0].file.path, "repodata/x-primary.xml.gz");
        assert_eq!((files[0].file.checksum.hex.as_str(), files[0].file.size), ("ab".repeat(32).as_str(), Some(12)));
    }

    #[test]
    fn what_proves_nothing_or_leads_elsewhere_is_refused() {
        let good = "ab".repeat(32);
        for (text, reason) in [
            (repomd("../x", "sha256", &good), "not below `repodata/`"),
            (repomd("repodata/../../x", "sha256", &good), "not below `repodata/`"),
            (repomd("repodata/%2e%2e/x", "sha256", &good), "not below `repodata/`"),
            (repomd("/etc/passwd", "sha256", &good), "not below `repodata/`"),
            (repomd("repodata/x", "sha", &"ab".repeat(20)), "prove nothing"),
            (repomd("repodata/x", "sha256", "zz"), "is no sha256"),
            (repomd("repodata/x", "sha256", &good).replace("primary", "other"), "names no `primary`"),
            ("<html></html>".to_owned(), "it is a <html>"),
            ("not xml".to_owned(), "cannot be read"),
        ] {
            let error = parse(&text, "u").unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
