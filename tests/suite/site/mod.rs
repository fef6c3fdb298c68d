//! `site::load` from outside: whole sites in, a `Spec` or a report out.

mod docs;
mod edits;
mod hostile;
mod mistakes;
mod revision;
mod values;
mod whole;

use std::fs;

use camino::{Utf8Path, Utf8PathBuf};

/// A site in a temporary directory.
pub(crate) struct TestSite {
    _temp: tempfile::TempDir,
    /// Its directory.
    pub(crate) dir: Utf8PathBuf,
}

impl TestSite {
    /// A site of `files`: path within it, text.
    pub(crate) fn new<'a>(files: impl IntoIterator<Item = (&'a str, String)>) -> Self {
        let temp = tempfile::tempdir().expect("a temporary directory");
        let dir = Utf8Path::from_path(temp.path()).expect("a UTF-8 path").join("site");
        for (path, text) in files {
            let path = dir.join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
            fs::write(path, text).expect("a file");
        }
        fs::create_dir_all(&dir).expect("a directory");
        Self { _temp: temp, dir }
    }

    /// The good site that [`GOOD`] is.
    pub(crate) fn good() -> Self {
        Self::new(GOOD.iter().map(|(path, text)| (*path, (*text).to_owned())))
    }

    /// Each mistake as `file:line:column: message`.
    pub(crate) fn mistakes(&self) -> Vec<String> {
        match rekindle::site::load(&self.dir) {
            Ok(_) => Vec::new(),
            Err(errors) => errors
                .errors()
                .iter()
                .map(|error| {
                    let file = error.file.strip_prefix(&self.dir).unwrap_or(&error.file);
                    let place = error.place.map_or_else(String::new, |(line, column)| format!(":{line}:{column}"));
                    format!("{file}{place}: {}", error.message)
                })
                .collect(),
        }
    }
}

/// The directory of the fixture `name`.
pub(crate) fn fixture(name: &str) -> Utf8PathBuf {
    Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

/// A small site that uses every table, for tests that break it one way each.
pub(crate) const GOOD: &[(&str, &str)] = &[
    (
        "site.toml",
        r#"name = "lab"
domain = "lab.example"
dns = ["10.1.0.53"]
ntp = ["10.1.0.123", "ntp.lab.example"]

[root]
password_hash = "$6$saltsalt$0123456789abcdef0123456789abcdef0123456789abcdef"
ssh_keys = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ3Yk4n2Qm3o7yq1y0m8R0m6mZ0J6h3yqkq1n8f2b3cD ops@lab"]

[puppet]
mode = "apply"

[defaults]
os = "alma9"
size = "small"
"#,
    ),
    ("puppet/hiera.yaml", "---\nversion: 5\n"),
    (
        "sizes.toml",
        r#"[small]
vcpus = 2
memory = "4 GiB"
disk = "20 GiB"

[tiny]
vcpus = 1
memory = "1 GiB"
disk = "1 GiB"
"#,
    ),
    (
        "os/alma9.toml",
        r#"release = "rhel9"
tree = "https://mirror.lab.example/alma9/"
packages = ["@core"]
firmware = "uefi"

[[repos]]
name = "appstream"
url = "https://mirror.lab.example/alma9-appstream/"
"#,
    ),
    (
        "stages/dev.toml",
        r#"network = "lan"

[[repos]]
name = "apps"
directory = "../repos/dev"

[policy]
max_lease = "30d"
"#,
    ),
    (
        "networks/lan.toml",
        r#"kind = "libvirt"
bridge = "virbr10"
range = "10.1.0.0/24"
range6 = "fd00:1::/64"
gateway = "10.1.0.1"
dhcp = { start = "10.1.0.100", end = "10.1.0.199" }
"#,
    ),
    (
        "networks/prod.toml",
        r#"kind = "bridge"
bridge = "br0"
range = "10.2.0.0/24"
gateway = "10.2.0.1"
install_address = "10.2.0.2"
"#,
    ),
    (
        "teams/shop.toml",
        r##"contact = "#shop at chat.lab.example"

[quota]
vcpus = 16
memory = "32 GiB"
disk = "500 GiB"
"##,
    ),
    (
        "hypervisors/hv1.toml",
        r#"memory = "64 GiB"
networks = ["lan", "prod"]

[[pools]]
name = "images"
path = "/var/lib/libvirt/images"

[[pools]]
name = "fast"
path = "/srv/fast"

[install]
os = "alma9"
stage = "dev"
disk = "nvme0n1"

[[install.nics]]
device = "bond0"
bond = { ports = ["eno1", "eno2"], mode = "lacp" }
vlan = 120
bridge = "br0"
network = "prod"
address = "10.2.0.2"
"#,
    ),
    (
        "roles/web.toml",
        r#"packages = ["shop-web", "tmux"]
services = ["shop-web"]

[root_disk]
layout = "lvm"
swap = "1 GiB"

[puppet]
classes = ["role::web"]
data = { "web::port" = 8080, "web::tls" = { enabled = false, versions = ["1.2", "1.3"] } }

[[checks]]
name = "health"
http = { port = 8080, path = "/health" }
"#,
    ),
    (
        "roles/db.toml",
        r#"packages = ["shop-db"]

[[disks]]
name = "data"
size = "50 GiB"
pool = "fast"
keep = true
mount = "/srv/data"

[[checks]]
name = "port"
tcp = { port = 5432 }
timeout = "2s"
"#,
    ),
    (
        "vms/db1.toml",
        r#"role = "db"
stage = "dev"
team = "shop"
network = "prod"
address = "10.2.0.20"
"#,
    ),
    (
        "vms/web1.toml",
        r#"role = "web"
stage = "dev"
team = "shop"
address = "10.1.0.10"
address6 = "fd00:1::10"
mac = "52:54:00:aa:00:01"
packages = ["-tmux", "htop"]

[puppet]
classes = ["profile::extra"]
data = { "web::tls" = { enabled = true } }
"#,
    ),
];
