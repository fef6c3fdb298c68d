//! Where everything lies. docs/repositories.md draws it.

use camino::{Utf8Path, Utf8PathBuf};

use crate::spec::{Digest, StageName};

/// The paths of one repository.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    root: Utf8PathBuf,
}

impl Layout {
    pub(super) fn new(root: &Utf8Path) -> Self {
        Self { root: root.to_owned() }
    }

    pub(super) fn root(&self) -> &Utf8Path {
        &self.root
    }

    /// Held by whoever changes something.
    pub(super) fn lock(&self) -> Utf8PathBuf {
        self.root.join("lock")
    }

    /// One line for each package that ever entered.
    pub(super) fn index(&self) -> Utf8PathBuf {
        self.root.join("pool/packages.jsonl")
    }

    /// The directory of a package's files.
    pub(super) fn pool_dir(&self, digest: &Digest) -> Utf8PathBuf {
        self.root.join("pool/sha256").join(&digest.as_str()[..2])
    }

    /// Each of these directories there can be.
    pub(super) fn pool_dirs(&self) -> Vec<Utf8PathBuf> {
        (0..=u8::MAX).map(|first| self.pool().join(format!("{first:02x}"))).collect()
    }

    /// The directory of these directories.
    pub(super) fn pool(&self) -> Utf8PathBuf {
        self.root.join("pool/sha256")
    }

    /// A package's bytes.
    pub(super) fn package(&self, digest: &Digest) -> Utf8PathBuf {
        self.pool_dir(digest).join(format!("{digest}.rpm"))
    }

    /// Parts of the repodata, as `createrepo_c` wrote them: a file for all packages that entered together.
    pub(super) fn parts(&self) -> Utf8PathBuf {
        self.root.join("pool/parts")
    }

    /// Results of checks of a package.
    pub(super) fn checks(&self, digest: &Digest) -> Utf8PathBuf {
        self.root.join("checks").join(format!("{digest}.jsonl"))
    }

    /// Work that has not been taken over yet: a directory for each process.
    pub(super) fn staging(&self) -> Utf8PathBuf {
        self.root.join("staging")
    }

    /// Key databases, one for each content of the keyring.
    pub(super) fn keys(&self) -> Utf8PathBuf {
        self.root.join("keys")
    }

    /// A stage.
    pub(super) fn stage(&self, stage: &StageName) -> StageLayout {
        StageLayout { root: self.root.join("stages").join(stage.as_str()) }
    }
}

/// The paths of one stage.
#[derive(Debug, Clone)]
pub(super) struct StageLayout {
    root: Utf8PathBuf,
}

impl StageLayout {
    /// What is served: nothing outside of it is.
    pub(super) fn public(&self) -> Utf8PathBuf {
        self.root.join("public")
    }

    /// The link that says which generation is the current one.
    pub(super) fn switch(&self) -> Utf8PathBuf {
        self.public().join("repodata")
    }

    /// A package as clients see it; `path` is that of its NEVRA.
    pub(super) fn package(&self, path: &str) -> Utf8PathBuf {
        self.public().join(path)
    }

    /// All generations.
    pub(super) fn generations(&self) -> Utf8PathBuf {
        self.public().join("generations")
    }

    /// One generation: a whole repository of its own.
    pub(super) fn generation(&self, number: u64) -> Utf8PathBuf {
        self.generations().join(number.to_string())
    }

    /// Where it is before it is whole. A program that outlives the process that started it writes into nobody else's.
    pub(super) fn unfinished(&self, number: u64) -> Utf8PathBuf {
        self.generations().join(format!(".{number}.{}.new", std::process::id()))
    }

    /// Records of publications.
    pub(super) fn records(&self) -> Utf8PathBuf {
        self.root.join("records")
    }

    /// The record of a publication.
    pub(super) fn record(&self, number: u64) -> Utf8PathBuf {
        self.records().join(format!("{number}.json"))
    }

    /// What a generation holds.
    pub(super) fn content(&self, number: u64) -> Utf8PathBuf {
        self.records().join(format!("{number}.packages"))
    }

    /// For clients that shall read one generation from end to end.
    pub(super) fn mirrorlist(&self) -> Utf8PathBuf {
        self.public().join("mirrorlist")
    }

    /// The generation that the switch `target` means.
    pub(super) fn number(target: &str) -> Option<u64> {
        target.strip_prefix("generations/")?.strip_suffix("/repodata")?.parse().ok()
    }
}
