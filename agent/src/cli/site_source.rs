//! The site as the loop reads it: loaded again when its files have changed.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::os::unix::fs::MetadataExt as _;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

use crate::reconcile::{Site, SiteSource};
use crate::render::Renderer;

/// Files of a Git checkout that tell of a new commit although no file of the site differs.
const GIT_MARKS: [&str; 3] = [".git/HEAD", ".git/index", ".git/logs/HEAD"];

/// Reads the site in `directory`, and again at each call after a change.
pub(crate) fn watch(directory: Utf8PathBuf) -> SiteSource {
    let mut seen = None;
    Box::new(move || {
        let now = fingerprint(&directory);
        if seen == Some(now) {
            return Ok(None);
        }
        // After an error the site is read again whatever its files look like: what was wrong may have been undone.
        seen = None;
        let spec = crate::site::load(&directory).map_err(|errors| errors.to_string())?;
        let renderer = Renderer::new(Some(&directory.join("templates"))).map_err(|errors| errors.to_string())?;
        seen = Some(now);
        Ok(Some(Site { spec: Arc::new(spec), renderer: Arc::new(renderer) }))
    })
}

/// A number that differs when a file of the site does: names, sizes, inodes and times, without reading any.
fn fingerprint(directory: &Utf8Path) -> u64 {
    let mut hasher = DefaultHasher::new();
    add_directory(directory, &mut hasher);
    for mark in GIT_MARKS {
        add_file(&directory.join(mark), &mut hasher);
    }
    hasher.finish()
}

fn add_directory(directory: &Utf8Path, hasher: &mut DefaultHasher) {
    let Ok(entries) = directory.read_dir_utf8() else { return };
    let mut entries: Vec<_> = entries.flatten().filter(|entry| entry.file_name() != ".git").collect();
    entries.sort_by(|a, b| a.file_name().cmp(b.file_name()));
    for entry in entries {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            add_directory(entry.path(), hasher);
        } else {
            add_file(entry.path(), hasher);
        }
    }
}

fn add_file(path: &Utf8Path, hasher: &mut DefaultHasher) {
    if let Ok(meta) = path.metadata() {
        (path.as_str(), meta.len(), meta.ino(), meta.mtime(), meta.mtime_nsec(), meta.ctime(), meta.ctime_nsec()).hash(hasher);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copy(from: &Utf8Path, to: &Utf8Path) {
        std::fs::create_dir_all(to).expect("directory");
        for entry in from.read_dir_utf8().expect("directory").flatten() {
            let target = to.join(entry.file_name());
            if entry.path().is_dir() {
                copy(entry.path(), &target);
            } else {
                std::fs::copy(entry.path(), &target).expect("copy");
            }
        }
    }

    #[test]
    fn a_site_whose_mistake_is_taken_back_is_usable_again() {
        let temporary = tempfile::tempdir().expect("directory");
        let site = Utf8PathBuf::from_path_buf(temporary.path().to_owned()).expect("UTF-8");
        copy(Utf8Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/demo")), &site);
        let mut source = watch(site.clone());
        assert!(source().expect("a good site").is_some());
        assert!(source().expect("a good site").is_none(), "nothing has changed");
        let mistake = site.join("vms/typo.toml");
        std::fs::write(&mistake, "rol = 'shop-web'").expect("file");
        for _ in 0..2 {
            let error = source().map(|_| ()).expect_err("the mistake is told as long as it is there");
            assert!(error.contains("typo.toml"), "{error}");
        }
        // The files are what they were: without the error in between this would be "nothing has changed".
        std::fs::remove_file(&mistake).expect("removed");
        assert!(source().expect("a good site").is_some());
    }

    #[test]
    fn a_changed_added_or_removed_file_is_noticed_and_a_quiet_site_is_not() {
        let temporary = tempfile::tempdir().expect("directory");
        let site = Utf8PathBuf::from_path_buf(temporary.path().to_owned()).expect("UTF-8");
        std::fs::create_dir_all(site.join("vms")).expect("directory");
        std::fs::write(site.join("vms/web1.toml"), "role = 'a'").expect("file");
        let mut last = fingerprint(&site);
        assert_eq!(fingerprint(&site), last);
        let mut changed = |what: &str| {
            let now = fingerprint(&site);
            assert_ne!(now, last, "{what} was not noticed");
            last = now;
        };
        std::fs::write(site.join("vms/web1.toml"), "role = 'bb'").expect("file");
        changed("a change");
        std::fs::write(site.join("vms/web2.toml"), "").expect("file");
        changed("a new file");
        std::fs::remove_file(site.join("vms/web2.toml")).expect("file");
        changed("a removal");
    }
}
