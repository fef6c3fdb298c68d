//! Repositories that are not ours: a directory that `createrepo_c` describes and gpg signs.

use camino::{Utf8Path, Utf8PathBuf};

use super::{Key, RpmLab};

impl RpmLab {
    /// Puts packages into the directory `to` and describes it, signed by `key`.
    pub fn repository(&self, to: &Utf8Path, packages: &[Utf8PathBuf], key: Option<&Key>) {
        std::fs::create_dir_all(to.join("Packages")).expect("a directory");
        for package in packages {
            std::fs::copy(package, to.join("Packages").join(package.file_name().expect("a name"))).expect("a copy");
        }
        self.describe(to, key);
    }

    /// Describes the directory `to` anew.
    pub fn describe(&self, to: &Utf8Path, key: Option<&Key>) {
        self.must("createrepo_c", &["--quiet", "--no-database", to.as_str()]);
        let repomd = to.join("repodata/repomd.xml");
        let _ = std::fs::remove_file(format!("{repomd}.asc"));
        if let Some(key) = key {
            let sign = ["--batch", "--local-user", &key.name, "--detach-sign", "--armor", repomd.as_str()];
            self.must(key.gpg.as_str(), &sign);
        }
    }
}
