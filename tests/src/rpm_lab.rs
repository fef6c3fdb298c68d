//! Real packages, keys, repositories and clients: `rpmbuild`, `rpmsign`, `gpg`, `createrepo_c` and `dnf`, each with a home of its own.
//!
//! Nothing of the machine's own configuration is read, and nothing is left running: an agent that gpg starts is ended with the lab.

use std::fmt::Write as _;
use std::process::{Command, Output};

use camino::{Utf8Path, Utf8PathBuf};

/// A directory in which packages are made.
pub struct RpmLab {
    _root: tempfile::TempDir,
    /// The directory.
    pub path: Utf8PathBuf,
}

/// A key pair of gpg.
pub struct Key {
    home: Utf8PathBuf,
    /// Signs with it: gpg, or one that lives in the time when the key was good.
    gpg: Utf8PathBuf,
    /// What gpg knows it by.
    pub name: String,
    /// The public key, in ASCII armour.
    pub public: Utf8PathBuf,
}

impl Key {
    /// The home directory of gpg that has the secret key.
    pub fn home(&self) -> &Utf8Path {
        &self.home
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        let _ = Command::new("gpgconf").args(["--homedir", self.home.as_str(), "--kill", "gpg-agent"]).output();
    }
}

/// What dnf asks of a repository.
#[derive(Debug, Clone)]
pub struct DnfRepo<'a> {
    /// Where it is.
    pub url: String,
    /// The public key.
    pub key: &'a Utf8Path,
    /// Packages must be signed.
    pub gpgcheck: bool,
    /// Metadata must be signed.
    pub repo_gpgcheck: bool,
}

impl Default for RpmLab {
    fn default() -> Self {
        Self::new()
    }
}

impl RpmLab {
    /// An empty one.
    ///
    /// # Panics
    /// When files cannot be written.
    pub fn new() -> Self {
        let root = tempfile::Builder::new().prefix("rekindle-rpms-").tempdir().expect("a directory");
        let path = Utf8PathBuf::from_path_buf(root.path().to_owned()).expect("a path in UTF-8");
        let lab = Self { _root: root, path };
        std::fs::create_dir_all(lab.path.join("home")).expect("a home");
        // Debian's rpm looks for a gpg that Debian does not have, and puts databases into the home directory.
        let macros = "%__gpg /usr/bin/gpg\n%_dbpath /var/lib/rpm\n%_build_id_links none\n";
        std::fs::write(lab.path.join("home/.rpmmacros"), macros).expect("macros");
        lab
    }

    /// Makes a key pair.
    ///
    /// # Panics
    /// When gpg cannot.
    pub fn key(&self, name: &str) -> Key {
        self.key_of(name, "/usr/bin/gpg".into(), "never")
    }

    /// Makes a key pair that was good for two days in 2020; what it signs was signed then.
    ///
    /// # Panics
    /// When gpg cannot.
    pub fn expired_key(&self, name: &str) -> Key {
        use std::os::unix::fs::PermissionsExt as _;
        let gpg = self.path.join("gpg-of-2020");
        std::fs::write(&gpg, "#!/bin/sh\nexec /usr/bin/gpg --faked-system-time 20200101T000000 \"$@\"\n").expect("a script");
        std::fs::set_permissions(&gpg, std::fs::Permissions::from_mode(0o755)).expect("a mode");
        self.key_of(name, gpg, "2d")
    }

    fn key_of(&self, name: &str, gpg: Utf8PathBuf, expires: &str) -> Key {
        use std::os::unix::fs::PermissionsExt as _;
        let home = self.path.join("keys").join(name);
        std::fs::create_dir_all(&home).expect("a home");
        std::fs::set_permissions(&home, std::fs::Permissions::from_mode(0o700)).expect("a mode");
        let key = Key { public: self.path.join(format!("{name}.asc")), name: format!("{name} <{name}@example.com>"), home, gpg };
        let gpg = |arguments: &[&str]| {
            self.run(
                self.command(key.gpg.as_str())
                    .args(["--batch", "--homedir", key.home.as_str(), "--passphrase", ""])
                    .args(arguments),
            )
        };
        gpg(&["--quick-generate-key", &key.name, "rsa3072", "sign", expires]);
        gpg(&["--armor", "--output", key.public.as_str(), "--export"]);
        key
    }

    /// Builds a package that installs one file, `/usr/share/NAME/text`.
    ///
    /// # Panics
    /// When rpmbuild cannot.
    pub fn build(&self, name: &str, version: &str, text: &str) -> Utf8PathBuf {
        self.build_spec(name, version, &format!("%description\nA package for a test.\n%install\nmkdir -p %{{buildroot}}/usr/share/{name}\nprintf '%s' '{text}' > %{{buildroot}}/usr/share/{name}/text\n%files\n/usr/share/{name}\n"))
            .remove(0)
    }

    /// Builds `count` packages `NAME-1`, `NAME-2`, … from one spec; each has one file, padded to about `padding` bytes.
    ///
    /// # Panics
    /// When rpmbuild cannot.
    pub fn build_many(&self, name: &str, version: &str, count: usize, padding: usize) -> Vec<Utf8PathBuf> {
        let mut spec = "%description\nx\n%install\nmkdir -p %{buildroot}/usr/share\n".to_owned();
        let mut parts = String::new();
        let _ = writeln!(
            spec,
            "for n in $(seq {count}); do d=%{{buildroot}}/usr/share/{name}-$n; mkdir $d; echo {version}-$n > $d/text; head -c {padding} /dev/urandom >> $d/text; done"
        );
        for number in 1..=count {
            let _ = writeln!(
                parts,
                "%package {number}\nSummary: x\n%description {number}\nx\n%files {number}\n/usr/share/{name}-{number}"
            );
        }
        spec.push_str(&parts);
        self.build_spec(name, version, &spec)
    }

    fn build_spec(&self, name: &str, version: &str, rest: &str) -> Vec<Utf8PathBuf> {
        let top = self.path.join("build").join(format!("{name}-{version}"));
        std::fs::create_dir_all(&top).expect("a directory");
        let spec = top.join("spec");
        let head = format!(
            "Name: {name}\nVersion: {version}\nRelease: 1\nSummary: For a test\nLicense: MIT\nBuildArch: noarch\nAutoReqProv: no\n"
        );
        std::fs::write(&spec, head + rest).expect("a spec");
        self.run(self.command("rpmbuild").args(["-bb", "--quiet", "--define", &format!("_topdir {top}"), spec.as_str()]));
        let built = top.join("RPMS/noarch");
        let mut files: Vec<_> = built.read_dir_utf8().expect("packages").map(|entry| entry.expect("one").into_path()).collect();
        files.sort();
        assert!(!files.is_empty(), "rpmbuild made no package of {name}");
        files
    }

    /// Signs packages in place.
    ///
    /// # Panics
    /// When rpmsign cannot.
    pub fn sign(&self, packages: &[Utf8PathBuf], key: &Key) {
        let mut command = self.command("rpmsign");
        command.args([
            "--addsign",
            "--define",
            &format!("_gpg_name {}", key.name),
            "--define",
            &format!("_gpg_path {}", key.home),
            "--define",
            &format!("__gpg {}", key.gpg),
        ]);
        self.run(command.env("GNUPGHOME", &key.home).args(packages));
    }

    /// Puts packages into the directory `to` and describes it with `createrepo_c`, signed by `key`.
    ///
    /// # Panics
    /// When it cannot.
    pub fn repository(&self, to: &Utf8Path, packages: &[Utf8PathBuf], key: Option<&Key>) {
        std::fs::create_dir_all(to.join("Packages")).expect("a directory");
        for package in packages {
            std::fs::copy(package, to.join("Packages").join(package.file_name().expect("a name"))).expect("a copy");
        }
        self.describe(to, key);
    }

    /// Describes the directory `to` anew.
    ///
    /// # Panics
    /// When it cannot.
    pub fn describe(&self, to: &Utf8Path, key: Option<&Key>) {
        self.run(self.command("createrepo_c").args(["--quiet", "--no-database", to.as_str()]));
        let _ = std::fs::remove_file(to.join("repodata/repomd.xml.asc"));
        if let Some(key) = key {
            let mut gpg = self.command(key.gpg.as_str());
            gpg.args(["--batch", "--homedir", key.home.as_str(), "--detach-sign", "--armor"]);
            self.run(gpg.arg(to.join("repodata/repomd.xml")));
        }
    }

    /// Has `dnf` install `package` into an empty root of its own, `name`. Gives how that ended and the root.
    ///
    /// # Panics
    /// When dnf cannot be run.
    pub fn dnf_install(&self, name: &str, repo: &DnfRepo<'_>, package: &str) -> (Output, Utf8PathBuf) {
        let top = self.path.join("dnf").join(name);
        let root = top.join("root");
        std::fs::create_dir_all(root.join("etc")).expect("a root");
        std::fs::create_dir_all(top.join("repos")).expect("a directory");
        // Debian's own dnf.conf would skip a repository that cannot be read.
        let conf = format!(
            "[main]\nreposdir={top}/repos\ncachedir={top}/cache\nlogdir={top}/log\npersistdir={top}/persist\npluginpath={top}\n\
             plugins=0\nskip_if_unavailable=False\nbest=True\nretries=1\ntimeout=30\nkeepcache=0\nzchunk=False\n"
        );
        let on = |flag| i32::from(flag);
        let entry = format!(
            "[app]\nname=app\nbaseurl={}\nenabled=1\ngpgcheck={}\nrepo_gpgcheck={}\ngpgkey=file://{}\n",
            repo.url,
            on(repo.gpgcheck),
            on(repo.repo_gpgcheck),
            repo.key
        );
        std::fs::write(top.join("dnf.conf"), conf).expect("dnf.conf");
        std::fs::write(top.join("repos/app.repo"), entry).expect("a repository");
        let home = top.join("home");
        std::fs::create_dir_all(&home).expect("a home");
        std::fs::copy(self.path.join("home/.rpmmacros"), home.join(".rpmmacros")).expect("macros");
        let mut dnf = self.command("dnf");
        dnf.env("HOME", &home).args(["-y", "-c", top.join("dnf.conf").as_str(), "--installroot", root.as_str()]);
        dnf.args(["--releasever=9", "--forcearch=x86_64", "install", package]);
        let output = dnf.output().expect("dnf");
        // dnf's gpg leaves agents behind, one for each home.
        for below in [top.join("cache"), home.join(".gnupg")] {
            for entry in walk_directories(&below) {
                if entry.file_name().is_some_and(|file| file == "pubring" || file == ".gnupg")
                    || entry.join("pubring.kbx").exists()
                {
                    let _ = Command::new("gpgconf").args(["--homedir", entry.as_str(), "--kill", "gpg-agent"]).output();
                }
            }
        }
        (output, root)
    }

    /// A program with the lab's home.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env("HOME", self.path.join("home"))
            .env("LC_ALL", "C.UTF-8")
            .env_remove("GNUPGHOME")
            .stdin(std::process::Stdio::null());
        command
    }

    /// Runs it; it must end well.
    ///
    /// # Panics
    /// When it does not, with all that it said.
    #[track_caller]
    pub fn run(&self, command: &mut Command) -> String {
        let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{command:?}: {}\n{text}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
        text
    }
}

fn walk_directories(below: &Utf8Path) -> Vec<Utf8PathBuf> {
    let mut found = Vec::new();
    if below.is_dir() {
        found.push(below.to_owned());
    }
    for entry in below.read_dir_utf8().into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.extend(walk_directories(entry.path()));
        }
    }
    found
}
