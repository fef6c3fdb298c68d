//! Removes what `plan::repo` says nobody needs any more. Links first, records next, bytes last: a crash leaves bytes that nobody
//! refers to, never a reference without bytes.

use std::collections::BTreeSet;

use super::codec::{self, PackageLine};
use super::error::RepoError;
use super::{Guard, Repository};
use crate::observed::PoolPackage;
use crate::spec::{Digest, StageName};

impl Repository {
    /// Removes the links of `packages` from what `stage` serves.
    pub fn unlink<'a>(
        &self,
        _guard: &Guard,
        stage: &StageName,
        packages: impl Iterator<Item = &'a PoolPackage>,
    ) -> Result<(), RepoError> {
        let layout = self.layout.stage(stage);
        for package in packages {
            self.disk.remove(&layout.package(&package.nevra.path()))?;
        }
        Ok(())
    }

    /// Removes `packages` from the pool, and files there that no record names.
    pub fn remove<'a>(&self, _guard: &Guard, packages: impl Iterator<Item = &'a PoolPackage>) -> Result<(), RepoError> {
        let packages: Vec<&PoolPackage> = packages.collect();
        let lines: String = packages.iter().map(|package| codec::line(&PackageLine::gone(package))).collect();
        if !lines.is_empty() {
            self.disk.append(&self.layout.index(), &lines)?;
        }
        let left = self.observe()?.pool;
        let packs: BTreeSet<&str> = left.values().map(|package| package.parts_at.0.as_str()).collect();
        let known: BTreeSet<&Digest> = left.keys().collect();
        let pool = self.layout.pool();
        let list = |path: &camino::Utf8Path| {
            path.read_dir_utf8().map_err(|source| RepoError::File { what: "list", path: path.to_owned(), source })
        };
        for directory in list(&pool)?.filter_map(Result::ok) {
            for file in list(directory.path())?.filter_map(Result::ok) {
                let stem = file.path().file_stem().unwrap_or_default();
                // What is no file of ours is left alone.
                if let Ok(digest) = stem.parse::<Digest>()
                    && !known.contains(&digest)
                {
                    self.disk.remove(file.path())?;
                }
            }
        }
        for file in list(&self.layout.parts())?.filter_map(Result::ok) {
            if !packs.contains(file.file_name()) {
                self.disk.remove(file.path())?;
            }
        }
        Ok(())
    }
}
