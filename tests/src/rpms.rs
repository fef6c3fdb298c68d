//! Real RPMs, real keys and real dnf, each test with a home of its own. The agent of gpg is ended when the lab is dropped.

use std::process::{Command, Output};

use camino::{Utf8Path, Utf8PathBuf};
use rekindle::spec::{EntryPolicy, PromotionPolicy, RepositorySpec, StageName};

/// The packages of Debian that these tests need.
pub const PROGRAMS: [&str; 7] = ["rpmbuild", "rpmsign", "rpmkeys", "createrepo_c", "dnf", "gpg", "gpgconf"];

/// A directory with a home, keys, packages and whatever a test makes of them.
pub struct RpmLab {
    /// Everything is in here.
    pub dir: Utf8PathBuf,
    _temporary: Option<tempfile::TempDir>,
}

/// Something that ran; its output is in the message when it should not have failed.
#[derive(Debug)]
pub struct Ran {
    /// It ended with 0.
    pub ok: bool,
    /// Standard output and standard error.
    pub text: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        Self { ok: output.status.success(), text }
    }
}

impl Default for RpmLab {
    fn default() -> Self {
        Self::new()
    }
}

impl RpmLab {
    /// A lab with a key that signs, `build@example.com`, and its public half in `build.asc`.
    pub fn new() -> Self {
        let temporary = tempfile::tempdir().expect("a directory");
        let dir = Utf8PathBuf::from_path_buf(temporary.path().canonicalize().expect("a path")).expect("UTF-8");
        Self::at(dir, Some(temporary))
    }

    /// A lab in `dir`, which stays: what was made there before is there again.
    pub fn kept(dir: &Utf8Path) -> Self {
        Self::at(dir.to_owned(), None)
    }

    fn at(dir: Utf8PathBuf, temporary: Option<tempfile::TempDir>) -> Self {
        let lab = Self { dir, _temporary: temporary };
        if lab.dir.join("build.asc").exists() {
            return lab;
        }
        std::fs::create_dir_all(lab.gnupg()).expect("a directory");
        std::fs::set_permissions(lab.gnupg(), std::os::unix::fs::PermissionsExt::from_mode(0o700)).expect("rights");
        let macros = format!(
            "%__gpg /usr/bin/gpg\n%_gpg_name build@example.com\n%_topdir {0}/rpmbuild\n%_dbpath /var/lib/rpm\n%_build_id_links none\n",
            lab.dir
        );
        std::fs::write(lab.dir.join(".rpmmacros"), macros).expect("macros");
        lab.key("build@example.com", "never");
        lab
    }

    /// gpg's home.
    pub fn gnupg(&self) -> Utf8PathBuf {
        self.dir.join("gnupg")
    }

    /// Runs a program with the lab's homes.
    pub fn run(&self, program: &str, args: &[&str]) -> Ran {
        let output = self.command(program, args).output();
        output.unwrap_or_else(|error| panic!("{program}: {error}; `make setup` installs it")).into()
    }

    /// A program with the lab's homes.
    pub fn command(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(args).current_dir(&self.dir).env("HOME", &self.dir).env("GNUPGHOME", self.gnupg()).env("LC_ALL", "C.UTF-8");
        command
    }

    /// Runs a program that must not fail.
    #[track_caller]
    pub fn must(&self, program: &str, args: &[&str]) -> String {
        let ran = self.run(program, args);
        assert!(ran.ok, "{program} {args:?}:\n{}", ran.text);
        ran.text
    }

    /// Makes a key that holds until `expires` (`never`, `seconds=2`); its public half.
    pub fn key(&self, name: &str, expires: &str) -> Utf8PathBuf {
        self.must("gpg", &["--batch", "--quiet", "--passphrase", "", "--quick-generate-key", name, "rsa2048", "sign", expires]);
        let path = self.dir.join(format!("{}.asc", name.split('@').next().unwrap_or(name)));
        std::fs::write(&path, self.must("gpg", &["--batch", "--armor", "--export", name])).expect("a key");
        path
    }

    /// Makes a key whose time was over in 2020; its public half.
    pub fn expired_key(&self, name: &str) -> Utf8PathBuf {
        let batch = ["--batch", "--quiet", "--passphrase", "", "--faked-system-time", "20200101T000000"];
        self.must("gpg", &[&batch[..], &["--quick-generate-key", name, "rsa2048", "sign", "2d"]].concat());
        let path = self.dir.join(format!("{}.asc", name.split('@').next().unwrap_or(name)));
        std::fs::write(&path, self.must("gpg", &["--batch", "--armor", "--export", name])).expect("a key");
        path
    }

    /// Builds `name-version-1.noarch`, unsigned. Each build of a package has other bytes than the one before, as `salt` says.
    pub fn build(&self, name: &str, version: &str, salt: &str) -> Utf8PathBuf {
        let spec = format!(
            "Name: {name}\nVersion: {version}\nRelease: 1\nSummary: {name} of the lab\nLicense: MIT\nBuildArch: noarch\n\
             %description\n{name}\n%install\nmkdir -p %{{buildroot}}/usr/share/{name}\n\
             echo '{version} {salt}' > %{{buildroot}}/usr/share/{name}/version\n%files\n/usr/share/{name}\n"
        );
        self.build_spec(&spec, &format!("{name}-{version}-1.noarch.rpm"))
    }

    fn build_spec(&self, spec: &str, file: &str) -> Utf8PathBuf {
        let name = spec.lines().next().and_then(|line| line.strip_prefix("Name: ")).unwrap_or("package");
        let path = self.dir.join(format!("{name}.spec"));
        std::fs::write(&path, spec).expect("a spec");
        self.must("rpmbuild", &["-bb", "--quiet", path.as_str()]);
        self.dir.join("rpmbuild/RPMS/noarch").join(file)
    }

    /// Builds `count` distinct packages `PREFIX-0…` of `version` from one spec; signed.
    pub fn build_many(&self, prefix: &str, version: &str, count: usize) -> Vec<Utf8PathBuf> {
        use std::fmt::Write as _;
        let mut spec = format!(
            "Name: {prefix}\nVersion: {version}\nRelease: 1\nSummary: many\nLicense: MIT\nBuildArch: noarch\n%description\nmany\n"
        );
        let (mut install, mut files) = (String::from("%install\n"), String::new());
        for number in 0..count {
            // Writing to a String cannot fail.
            let _ = write!(spec, "%package {number}\nSummary: number {number}\n%description {number}\nnumber {number}\n");
            let _ = writeln!(
                install,
                "mkdir -p %{{buildroot}}/usr/share/{prefix}/{number}; echo {version} > %{{buildroot}}/usr/share/{prefix}/{number}/version"
            );
            let _ = write!(files, "%files {number}\n/usr/share/{prefix}/{number}\n");
        }
        self.build_spec(&format!("{spec}{install}{files}"), "");
        let built = self.dir.join("rpmbuild/RPMS/noarch");
        let paths: Vec<Utf8PathBuf> =
            (0..count).map(|number| built.join(format!("{prefix}-{number}-{version}-1.noarch.rpm"))).collect();
        for some in paths.chunks(200) {
            let args: Vec<&str> = ["--addsign"].into_iter().chain(some.iter().map(|path| path.as_str())).collect();
            self.must("rpmsign", &args);
        }
        paths
    }

    /// Signs packages with the lab's key.
    pub fn sign(&self, file: &Utf8Path) {
        self.must("rpmsign", &["--addsign", file.as_str()]);
    }

    /// Builds and signs.
    pub fn package(&self, name: &str, version: &str) -> Utf8PathBuf {
        let path = self.build(name, version, "");
        self.sign(&path);
        path
    }

    /// A policy with these stages, the lab's key in the keyring, and repodata signed with it.
    pub fn policy(&self, stages: &[&str]) -> RepositorySpec {
        let signing_key = Some("build@example.com".to_owned());
        RepositorySpec { keyring: vec![self.dir.join("build.asc")], signing_key, ..Self::stages(stages) }
    }

    /// These stages without any key, for decisions that no package waits for.
    pub fn stages(stages: &[&str]) -> RepositorySpec {
        RepositorySpec {
            name: "site".parse().expect("a name"),
            stages: stages.iter().map(|stage| stage.parse::<StageName>().expect("a stage")).collect(),
            keyring: vec![],
            entry: EntryPolicy::Signed,
            signing_key: None,
            keep_versions: 3,
            keep_metadata: std::time::Duration::from_hours(6),
            keep_removed: std::time::Duration::from_hours(168),
            url: None,
        }
    }

    /// A stage that asks nothing of packages.
    pub fn open_stage() -> PromotionPolicy {
        PromotionPolicy::default()
    }

    /// A configuration of dnf for one repository, with signatures of packages and of repodata required; `source` is a line such
    /// as `baseurl=…`. Caches are those of `name`.
    pub fn dnf_conf(&self, name: &str, source: &str) -> Utf8PathBuf {
        let home = self.dir.join("dnf").join(name);
        std::fs::create_dir_all(&home).expect("a directory");
        let conf = format!(
            "[main]\ngpgcheck=1\nplugins=0\nreposdir=/nonexistent\ncachedir={home}/cache\nlogdir={home}/log\npersistdir={home}/persist\n\
             skip_if_unavailable=False\nbest=True\nmetadata_expire=0\nretries=1\n\
             [lab]\nname=lab\n{source}\ngpgkey=file://{}\nrepo_gpgcheck=1\n",
            self.dir.join("build.asc")
        );
        let path = home.join("dnf.conf");
        std::fs::write(&path, conf).expect("a configuration");
        path
    }

    /// Runs dnf with `conf` on an installroot beside it.
    pub fn dnf(&self, conf: &Utf8Path, args: &[&str]) -> Ran {
        let root = conf.with_file_name("root");
        let all: Vec<&str> = ["-y", "-c", conf.as_str(), "--installroot", root.as_str(), "--releasever=9", "--forcearch=x86_64"]
            .into_iter()
            .chain(args.iter().copied())
            .collect();
        self.run("dnf", &all)
    }
}

impl Drop for RpmLab {
    fn drop(&mut self) {
        // dnf and rpmsign each leave an agent for every home that they used.
        let mut homes = vec![self.gnupg()];
        collect_homes(&self.dir, &mut homes);
        for home in homes {
            let _ = self.run("gpgconf", &["--homedir", home.as_str(), "--kill", "gpg-agent"]);
        }
    }
}

/// Directories in which gpg has worked.
fn collect_homes(directory: &Utf8Path, homes: &mut Vec<Utf8PathBuf>) {
    let Ok(entries) = directory.read_dir_utf8() else { return };
    for entry in entries.filter_map(Result::ok) {
        let path = entry.path();
        if entry.file_name().starts_with("S.gpg-agent") {
            homes.extend(path.parent().map(Utf8Path::to_owned));
        } else if entry.file_type().is_ok_and(|kind| kind.is_dir()) && entry.file_name() != "root" {
            collect_homes(path, homes);
        }
    }
}
