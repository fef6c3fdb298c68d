//! A repository of somebody else's as it is now: read and verified from what leads to everything else.
//!
//! `set` asks it before anything is fetched. What it says is trusted as far as [`Trust`] says.

use std::collections::BTreeMap;
use std::io::{self, Write as _};

use camino::{Utf8Path, Utf8PathBuf};

use super::error::{MirrorError, file};
use super::fetch::Upstream;
use super::repomd::{self, Checksum, RepoFile};
use super::signature;
use crate::spec::HttpUrl;

/// Bytes of `repomd.xml`, its signature or `.treeinfo`.
const SMALL: u64 = 16 << 20;

/// What an upstream has to prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// `repomd.xml` is signed by a key that was given.
    Signed,
    /// Whoever answers at the address is believed: checksums only show that nothing broke on the way.
    Checksums,
}

/// A repository to mirror.
#[derive(Debug, Clone)]
pub struct MirrorSource {
    /// Its name within a snapshot.
    pub name: String,
    /// Where it is: the directory with `repodata/`.
    pub url: HttpUrl,
    /// Files with public keys.
    pub keys: Vec<Utf8PathBuf>,
    /// What it has to prove.
    pub trust: Trust,
}

/// An upstream as it is now.
pub(super) struct Repo<'s> {
    pub(super) source: &'s MirrorSource,
    pub(super) upstream: Upstream,
    pub(super) repomd: Vec<u8>,
    pub(super) signature: Option<Vec<u8>>,
    pub(super) treeinfo: Option<Vec<u8>>,
    pub(super) primary: RepoFile,
    /// Metadata, then packages and the files of an install tree.
    pub(super) files: Vec<RepoFile>,
}

impl<'s> Repo<'s> {
    /// Reads and verifies what leads to everything else.
    pub(super) fn look_at(source: &'s MirrorSource, directory: &Utf8Path) -> Result<Self, MirrorError> {
        let upstream = Upstream::new(&source.url);
        let url = upstream.url("repodata/repomd.xml");
        let repomd = upstream.small("repodata/repomd.xml", SMALL)?.ok_or_else(|| MirrorError::NotFound { url: url.clone() })?;
        let signature = upstream.optional("repodata/repomd.xml.asc", SMALL)?;
        match (source.trust, &signature) {
            (Trust::Checksums, _) => {}
            (Trust::Signed, None) => {
                let reason =
                    "it has no `repomd.xml.asc`: name a mirror whose metadata are signed, or say that checksums are enough";
                return Err(MirrorError::Untrusted { url, reason: reason.to_owned() });
            }
            (Trust::Signed, Some(signature)) => {
                let held = |bytes: &[u8]| {
                    let mut held = tempfile::Builder::new().prefix(".verify-").tempfile_in(directory)?;
                    held.write_all(bytes)?;
                    Utf8PathBuf::from_path_buf(held.path().to_owned())
                        .map(|path| (held, path))
                        .map_err(|_| io::Error::other("its path"))
                };
                let (_signed, signed_path) = held(&repomd).map_err(file("write in", directory))?;
                let (_signature, signature_path) = held(signature).map_err(file("write in", directory))?;
                signature::verify(&signed_path, &signature_path, &source.keys, &url)?;
            }
        }
        let text =
            std::str::from_utf8(&repomd).map_err(|error| MirrorError::Parse { url: url.clone(), source: Box::new(error) })?;
        let data = repomd::parse(text, &url)?;
        let Some(primary) = data.iter().find(|data| data.kind == "primary").map(|data| data.file.clone()) else {
            return Err(MirrorError::Metadata { url, reason: "it names no `primary`".to_owned() });
        };
        let mut files: Vec<RepoFile> = data.into_iter().map(|data| data.file).collect();
        let treeinfo = upstream.optional(".treeinfo", SMALL)?;
        if let Some(treeinfo) = &treeinfo {
            files.extend(tree_files(&String::from_utf8_lossy(treeinfo)));
        }
        Ok(Self { source, upstream, repomd, signature, treeinfo, primary, files })
    }

    /// Two files cannot be at one place, and nothing can take the place of what is signed.
    pub(super) fn check_places(&mut self) -> Result<(), MirrorError> {
        let wrong = |reason| MirrorError::Metadata { url: self.upstream.url("repodata/repomd.xml"), reason };
        let mut places: BTreeMap<&str, &Checksum> = BTreeMap::new();
        for wanted in &self.files {
            if matches!(wanted.path.as_str(), "repodata/repomd.xml" | "repodata/repomd.xml.asc" | ".treeinfo") {
                return Err(wrong(format!("a file is said to be at {:?}", wanted.path)));
            }
            if places.insert(&wanted.path, &wanted.checksum).is_some_and(|other| *other != wanted.checksum) {
                return Err(wrong(format!("two files are said to be at {:?}", wanted.path)));
            }
        }
        // The same package may be listed twice.
        let mut seen = std::collections::BTreeSet::new();
        self.files.retain(|wanted| seen.insert(wanted.path.clone()));
        Ok(())
    }
}

/// The files of an install tree with their checksums, as its `.treeinfo` has them; metadata of the repository aside.
fn tree_files(treeinfo: &str) -> Vec<RepoFile> {
    let lines = treeinfo.lines().map(str::trim).skip_while(|line| *line != "[checksums]").skip(1);
    let entries = lines.take_while(|line| !line.starts_with('[')).filter_map(|line| line.split_once(['=', ':']));
    let files = entries.filter_map(|(path, digest)| {
        let (kind, hex) = digest.trim().split_once(':')?;
        let path = path.trim();
        let ours = repomd::is_plain(path) && !path.starts_with("repodata/");
        Some(RepoFile { path: ours.then(|| path.to_owned())?, checksum: Checksum::new(kind, hex).ok()?, size: None })
    });
    files.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_a_tree_are_those_with_a_checksum_that_lie_within() {
        let hex = "ab".repeat(32);
        let text = format!(
            "[general]\nfamily = x\n[checksums]\nimages/pxeboot/vmlinuz = sha256:{hex}\nrepodata/repomd.xml = sha256:{hex}\n\
             ../x = sha256:{hex}\nweak = md5:abcd\n[stage2]\nmainimage = images/install.img\n"
        );
        let files = tree_files(&text);
        assert_eq!(files.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(), ["images/pxeboot/vmlinuz"]);
    }
}
