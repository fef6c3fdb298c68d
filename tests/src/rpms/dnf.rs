//! dnf as a client: with a configuration, caches and an installroot of its own.

use camino::{Utf8Path, Utf8PathBuf};

use super::{Ran, RpmLab};

/// The one repository that a client knows.
#[derive(Debug, Clone)]
pub struct DnfRepo<'k> {
    /// Where it is: a line such as `baseurl=…`.
    pub source: String,
    /// The public key.
    pub key: &'k Utf8Path,
    /// What must be signed with it.
    pub required: Required,
}

/// What must be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Required {
    /// Packages (`gpgcheck`).
    Packages,
    /// Repodata too (`repo_gpgcheck`).
    All,
}

impl<'k> DnfRepo<'k> {
    /// The one at `url`, of which all must be signed.
    pub fn at(url: &str, key: &'k Utf8Path) -> Self {
        Self { source: format!("baseurl={url}"), key, required: Required::All }
    }

    /// The one in `directory`, of which all must be signed.
    pub fn in_directory(directory: &Utf8Path, key: &'k Utf8Path) -> Self {
        Self::at(&format!("file://{directory}"), key)
    }
}

/// A client.
pub struct Dnf<'l> {
    /// Where it installs.
    pub root: Utf8PathBuf,
    conf: Utf8PathBuf,
    lab: &'l RpmLab,
}

impl RpmLab {
    /// The client `name`; its caches and what it has installed are those of the one of this name before.
    pub fn dnf(&self, name: &str, repo: &DnfRepo<'_>) -> Dnf<'_> {
        let home = self.dir.join("dnf").join(name);
        std::fs::create_dir_all(&home).expect("a directory");
        // Debian's own dnf.conf would skip a repository that cannot be read.
        let conf = format!(
            "[main]\nplugins=0\nreposdir=/nonexistent\ncachedir={home}/cache\nlogdir={home}/log\npersistdir={home}/persist\n\
             skip_if_unavailable=False\nbest=True\nmetadata_expire=0\nretries=1\n\
             [lab]\nname=lab\n{}\ngpgkey=file://{}\ngpgcheck=1\nrepo_gpgcheck={}\n",
            repo.source,
            repo.key,
            i32::from(repo.required == Required::All)
        );
        let dnf = Dnf { root: home.join("root"), conf: home.join("dnf.conf"), lab: self };
        std::fs::write(&dnf.conf, conf).expect("a configuration");
        dnf
    }
}

impl Dnf<'_> {
    /// Runs it.
    pub fn run(&self, args: &[&str]) -> Ran {
        let own = ["-y", "-c", self.conf.as_str(), "--installroot", self.root.as_str(), "--releasever=9", "--forcearch=x86_64"];
        self.lab.run("dnf", &[&own[..], args].concat())
    }
}
