//! What somebody else's repository lists, without a copy of it.
//!
//! `rekindle repo status` and `verify` ask it about stages whose packages enter and move elsewhere. It says what the server says:
//! nothing is installed because of it, so no signature is looked at; checksums show that the list came whole.

use std::io::{self, Write as _};

use camino::{Utf8Path, Utf8PathBuf};

use super::error::{MirrorError, file};
use super::fetch::Upstream;
use super::hash::Hash;
use super::repomd::{self, RepoFile};
use super::{primary, unpack};
use crate::spec::{Digest, HttpUrl, Nevra, RepoLocation};

/// Bytes of a list of packages at most: ten times what a distribution has.
const MOST: u64 = 512 << 20;

/// A package that a repository lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedPackage {
    /// What it is.
    pub nevra: Nevra,
    /// SHA-256 of its file, where the repository says that one.
    pub sha256: Option<Digest>,
}

/// The packages that the repository at `location` lists, as far as they are `wanted`. None where the site itself has what is there.
pub fn list_packages(location: &RepoLocation, wanted: &dyn Fn(&Nevra) -> bool) -> Result<Vec<ListedPackage>, MirrorError> {
    match location {
        RepoLocation::Url(url) => from_server(url, wanted),
        RepoLocation::Directory(directory) => from_directory(directory, wanted),
        RepoLocation::Own | RepoLocation::Snapshot(_) => Ok(Vec::new()),
    }
}

fn from_server(url: &HttpUrl, wanted: &dyn Fn(&Nevra) -> bool) -> Result<Vec<ListedPackage>, MirrorError> {
    // A person waits for the board.
    let server = Upstream::hasty(url);
    let fetched = |path: &str| {
        let url = server.url(path);
        server.small(path, MOST)?.ok_or(MirrorError::NotFound { url })
    };
    let url = server.url("repodata/repomd.xml");
    let primary = named_primary(fetched("repodata/repomd.xml")?, &url)?;
    let url = server.url(&primary.path);
    let bytes = fetched(&primary.path)?;
    let mut hash = Hash::new(primary.checksum.kind);
    hash.update(&bytes);
    if hash.hex() != primary.checksum.hex {
        let (what, expected) = (primary.checksum.kind.as_str(), primary.checksum.hex);
        return Err(MirrorError::Altered { url, what, found: hash.hex(), expected });
    }
    let held = || -> io::Result<(tempfile::NamedTempFile, Utf8PathBuf)> {
        let mut held = tempfile::NamedTempFile::new()?;
        held.write_all(&bytes)?;
        let path = Utf8PathBuf::from_path_buf(held.path().to_owned()).map_err(|_| io::Error::other("its path"))?;
        Ok((held, path))
    };
    let (_held, path) = held().map_err(file("write", "a temporary file"))?;
    read(&path, &primary.path, &url, wanted)
}

fn from_directory(directory: &Utf8Path, wanted: &dyn Fn(&Nevra) -> bool) -> Result<Vec<ListedPackage>, MirrorError> {
    let repomd = directory.join("repodata/repomd.xml");
    let bytes = std::fs::read(&repomd).map_err(file("read", repomd.as_path()))?;
    let primary = named_primary(bytes, repomd.as_str())?;
    let path = directory.join(&primary.path);
    read(&path, &primary.path, path.as_str(), wanted)
}

/// Where `repomd.xml` says that the list is.
fn named_primary(repomd: Vec<u8>, url: &str) -> Result<RepoFile, MirrorError> {
    let text = String::from_utf8(repomd).map_err(|error| MirrorError::Parse { url: url.to_owned(), source: Box::new(error) })?;
    let named = repomd::parse(&text, url)?.into_iter().find(|data| data.kind == "primary");
    named
        .map(|data| data.file)
        .ok_or_else(|| MirrorError::Metadata { url: url.to_owned(), reason: "it names no `primary`".to_owned() })
}

fn read(path: &Utf8Path, name: &str, url: &str, wanted: &dyn Fn(&Nevra) -> bool) -> Result<Vec<ListedPackage>, MirrorError> {
    let unpacked =
        unpack::open(path, name).map_err(|source| MirrorError::Parse { url: url.to_owned(), source: Box::new(source) })?;
    primary::listed(unpacked, url, wanted)
}
