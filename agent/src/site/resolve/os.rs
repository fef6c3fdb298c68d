//! `os/NAME.toml` → `OsSpec`, and repositories, which stages have too.

use std::collections::BTreeSet;

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};

use crate::site::excerpt::quote;
use crate::site::file::{LocationFile, OsFile, RepoFile, SnapshotsFile};
use crate::site::problems::{At, Problem, Problems};
use crate::site::units::Mib;
use crate::spec::{Filesystem, Firmware, OsName, OsSpec, PathText, RepoLocation, RepoSpec, SnapshotSpec, TreeLocation};

/// What the installers of RHEL-likes and Fedora need to unpack their second stage into memory.
const MIN_MEMORY_MIB: u64 = 2048;

/// Resolves `file` of the site in `root`.
pub(super) fn resolve(name: &OsName, file: &OsFile, root: &Utf8Path, problems: &Problems) -> Option<OsSpec> {
    let repos = repos(&file.repos, root, problems);
    let snapshots = file.snapshots.as_ref().map(|snapshots| self::snapshots(snapshots, root, problems));
    // Without a good answer to where they are, VMs would quietly install from the upstream.
    let frozen = |mut repo: RepoSpec| {
        if let (true, RepoLocation::Url(url)) = (snapshots.is_some(), &repo.location) {
            repo.location = RepoLocation::Snapshot(url.clone());
        }
        repo
    };
    let tree = file.tree.get().map(|at| match &at.value {
        LocationFile::Url(url) => TreeLocation::Url(url.clone()),
        LocationFile::Directory(path) => TreeLocation::Directory(absolute(root, path)),
    });
    Some(OsSpec {
        name: name.clone(),
        release: file.release.value()?.clone(),
        tree: tree?,
        repos: repos?.into_iter().map(frozen).collect(),
        snapshots: match snapshots {
            Some(found) => Some(found?),
            None => None,
        },
        packages: file.packages.iter().map(|at| at.value.clone()).collect(),
        firmware: file.firmware.value().copied().unwrap_or(Firmware::Bios),
        filesystem: file.filesystem.value().copied().unwrap_or(Filesystem::Xfs),
        osinfo: file.osinfo.value().cloned(),
        kernel_args: file.kernel_args.iter().map(|at| at.value.clone()).collect(),
        min_memory_mib: file.min_memory.value().map_or(MIN_MEMORY_MIB, |Mib(mib)| *mib),
    })
}

fn snapshots(file: &SnapshotsFile, root: &Utf8Path, problems: &Problems) -> Option<SnapshotSpec> {
    let unsigned = file.unsigned.value().copied().unwrap_or(false);
    if file.keys.is_empty() && !unsigned {
        let problem = Problem::new(file.place.clone(), "`snapshots` names no key, so nothing proves what is mirrored");
        problems.push(problem.help("add `keys = [\"…\"]` with the upstream's public key, or `unsigned = true` to believe it"));
    }
    if let (Some(at), true) = (file.keys.first(), unsigned) {
        let problem = Problem::new(at.span, "`keys` and `unsigned` exclude each other");
        problems.push(problem.help("leave one of them out"));
    }
    Some(SnapshotSpec {
        directory: absolute(root, &file.directory.get()?.value),
        keys: file.keys.iter().map(|at| absolute(root, &at.value)).collect(),
    })
}

/// Resolves `[[repos]]`; their names must differ and be ones that the installer leaves alone.
pub(super) fn repos(files: &[RepoFile], root: &Utf8Path, problems: &Problems) -> Option<Vec<RepoSpec>> {
    let mut seen = BTreeSet::new();
    for at in files.iter().filter_map(|file| file.name.get()) {
        let name = at.value.as_str();
        if !seen.insert(name) {
            problems.push(Problem::new(at.span, format!("repository {} is here twice", quote(name))));
        }
        // Anaconda names the install tree `anaconda` and switches off repositories that look like sources or debug files.
        if name == "anaconda" || name.contains("source") || name.contains("debuginfo") {
            let problem = Problem::new(at.span, format!("the repository name {} is reserved", quote(name)));
            problems.push(
                problem.help("the installer has its own use for `anaconda`, and ignores names with `source` or `debuginfo`"),
            );
        }
    }
    files
        .iter()
        .map(|file| {
            let location = match &file.location.get()?.value {
                LocationFile::Url(url) => RepoLocation::Url(url.clone()),
                LocationFile::Directory(path) => RepoLocation::Directory(absolute(root, path)),
            };
            let At { value: name, .. } = file.name.get()?;
            Some(RepoSpec { name: name.as_str().to_owned(), location, cost: file.cost.value().map(|cost| cost.as_u32()) })
        })
        .collect()
}

/// `path` seen from `root`, without `.` and `..`. Purely textual: what it names need not exist on this machine.
pub(super) fn absolute(root: &Utf8Path, path: &PathText) -> Utf8PathBuf {
    let mut out = Utf8PathBuf::new();
    for component in root.join(path.as_str()).components() {
        match component {
            Utf8Component::ParentDir => {
                out.pop();
            }
            Utf8Component::CurDir => {}
            other => out.push(other),
        }
    }
    out
}
