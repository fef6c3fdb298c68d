//! Proves that a package is the same everywhere: in the pool, in the repodata of each stage, and on disk where clients fetch it.
//!
//! Reads what clients read, and trusts no record of ours but the digest: the published `primary` is checked against its
//! `repomd.xml`, inflated and searched anew.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;

use camino::{Utf8Path, Utf8PathBuf};

use super::Repository;
use super::copy::hash;
use super::error::RepoError;
use super::fragment::{self, Part};
use crate::observed::{ObservedRepository, PoolPackage};
use crate::spec::{Digest, StageName};

/// What was found of a package in one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// The same bytes.
    Same,
    /// It is not there.
    Missing,
    /// It is something else.
    Differs(String),
}

impl Finding {
    /// The same bytes.
    pub fn is_same(&self) -> bool {
        *self == Self::Same
    }
}

/// What was found of a package.
#[derive(Debug, Clone)]
pub struct Proof {
    /// The package.
    pub package: PoolPackage,
    /// Its file in the pool, hashed.
    pub pool: Finding,
    /// Each stage that holds it: its repodata, and the file that they lead to.
    pub stages: Vec<(StageName, Finding, Finding)>,
}

impl Proof {
    /// It is the same everywhere.
    pub fn holds(&self) -> bool {
        self.pool.is_same() && self.stages.iter().all(|(_, repodata, disk)| repodata.is_same() && disk.is_same())
    }
}

/// What was looked at and found.
#[derive(Debug, Clone, Default)]
pub struct Verified {
    /// Each published stage, where repodata are signed: its `repomd.xml.asc`, as a client with the site's public keys judges it.
    pub signatures: Vec<(StageName, Finding)>,
    /// Each package.
    pub proofs: Vec<Proof>,
}

impl Verified {
    /// Everything is as it should be.
    pub fn holds(&self) -> bool {
        self.signatures.iter().all(|(_, finding)| finding.is_same()) && self.proofs.iter().all(Proof::holds)
    }
}

/// The packages that a stage's clients see: digest, and where the file is.
type Seen = BTreeMap<Digest, String>;

impl Repository {
    /// Looks for every package of `observed` that `wanted` names, and at the signatures of the stages.
    pub fn verify(&self, observed: &ObservedRepository, wanted: impl Fn(&PoolPackage) -> bool) -> Result<Verified, RepoError> {
        let mut seen: BTreeMap<&StageName, Result<Seen, String>> = BTreeMap::new();
        for (stage, content) in &observed.stages {
            if content.generation > 0 {
                seen.insert(stage, self.published(stage));
            }
        }
        let mut proofs = Vec::new();
        let mut packages: Vec<&PoolPackage> = observed.pool.values().filter(|package| wanted(package)).collect();
        packages.sort_by(|a, b| a.nevra.name().cmp(b.nevra.name()).then_with(|| a.nevra.compare(&b.nevra)));
        for package in packages {
            let path = self.layout.package(&package.digest);
            let pool = compare(&path, package)?;
            let mut stages = Vec::new();
            for stage in &self.policy.stages {
                let Some(content) = observed.stages.get(stage) else { continue };
                if !content.packages.iter().any(|p| p.digest == package.digest) {
                    continue;
                }
                let (repodata, disk) = match &seen[stage] {
                    Err(why) => (Finding::Differs(why.clone()), Finding::Missing),
                    Ok(seen) => match seen.get(&package.digest) {
                        None => (Finding::Missing, Finding::Missing),
                        Some(href) => {
                            let served = self.layout.stage(stage).public().join(href);
                            // The same inode has the bytes that were hashed just now.
                            let linked = inode(&served).is_some() && inode(&served) == inode(&path);
                            (Finding::Same, if linked { pool.clone() } else { compare(&served, package)? })
                        }
                    },
                };
                stages.push((stage.clone(), repodata, disk));
            }
            proofs.push(Proof { package: package.clone(), pool, stages });
        }
        let mut signatures = Vec::new();
        if self.keys.signing_key.is_some() {
            let is_published = |stage: &&StageName| observed.stages.get(*stage).is_some_and(|content| content.generation > 0);
            for stage in self.policy.stages.iter().filter(is_published) {
                signatures.push((stage.clone(), self.signature(stage)?));
            }
        }
        Ok(Verified { signatures, proofs })
    }

    /// Whether `repomd.xml` of `stage` is signed by a key that the site's clients are given.
    fn signature(&self, stage: &StageName) -> Result<Finding, RepoError> {
        let repomd = self.layout.stage(stage).switch().join("repomd.xml");
        let signature = Utf8PathBuf::from(format!("{repomd}.asc"));
        if !signature.exists() {
            return Ok(Finding::Missing);
        }
        // From the site, and not the `keys.asc` that lies beside what is judged.
        let error = |source| RepoError::File { what: "write", path: "the public keys".into(), source };
        let keys = tempfile::NamedTempFile::new().map_err(error)?;
        std::fs::write(keys.path(), self.keys.public()?).map_err(error)?;
        let path = Utf8PathBuf::from_path_buf(keys.path().to_owned()).map_err(|_| error(std::io::Error::other("its path")))?;
        let judged = crate::world::mirror::verify_signature(&repomd, &signature, &[path], repomd.as_str());
        Ok(judged.map_or_else(|error| Finding::Differs(error.to_string()), |()| Finding::Same))
    }

    /// What the clients of `stage` are told, or why they would refuse it.
    fn published(&self, stage: &StageName) -> Result<Seen, String> {
        let switch = self.layout.stage(stage).switch();
        let read = |path: Utf8PathBuf| std::fs::read(&path).map_err(|error| format!("`{path}` cannot be read: {error}"));
        let repomd = String::from_utf8(read(switch.join("repomd.xml"))?).map_err(|_| "repomd.xml is no text".to_owned())?;
        let primary = repomd.split("<data type=\"primary\">").nth(1).ok_or("repomd.xml names no primary")?;
        let between = |text: &str, from: &str, to: &str| -> Option<String> {
            let at = text.find(from)? + from.len();
            Some(text[at..at + text[at..].find(to)?].to_owned())
        };
        let href = between(primary, "<location href=\"", "\"").ok_or("repomd.xml says no place of primary")?;
        let said = between(primary, "<checksum type=\"sha256\">", "<").ok_or("repomd.xml has no checksum of primary")?;
        let path = switch.with_file_name("").join(&href);
        let (digest, _) = hash(&path).map_err(|error| error.to_string())?;
        if digest.as_str() != said {
            return Err(format!("`{href}` has another checksum than repomd.xml says"));
        }
        let mut text = String::new();
        let compressed = read(path)?;
        let inflated = flate2::read::MultiGzDecoder::new(compressed.as_slice()).read_to_string(&mut text);
        inflated.map_err(|error| format!("`{href}` cannot be unpacked: {error}"))?;
        let elements = fragment::elements(&text);
        Ok(elements
            .filter_map(|element| {
                Some((fragment::digest_of(element, Part::Primary)?, between(element, "<location href=\"", "\"")?))
            })
            .collect())
    }
}

fn inode(path: &Utf8Path) -> Option<(u64, u64)> {
    std::fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()))
}

fn compare(path: &Utf8Path, package: &PoolPackage) -> Result<Finding, RepoError> {
    match hash(path) {
        Ok((digest, _)) if digest == package.digest => Ok(Finding::Same),
        Ok((digest, _)) => Ok(Finding::Differs(format!("`{path}` has sha256 {digest}"))),
        Err(RepoError::File { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => Ok(Finding::Missing),
        Err(error) => Err(error),
    }
}
