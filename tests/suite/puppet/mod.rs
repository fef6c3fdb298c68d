//! What a Puppet server and its CA are told by `rekindle puppet …`, run as they run it: the real binary over a site in a directory.

mod autosign;
mod ca_answers;
mod classify;
mod live;
mod puppetdb;
mod same_catalog;
mod versions;

use std::io::Write as _;
use std::process::{Command, Stdio};

use camino::Utf8PathBuf;
use rekindle::world::puppet::{TokenClaim, TokenKey, TokenSubject};
use rekindle_tests::lab;

use super::site::{GOOD, TestSite};

/// The key of the site's tokens.
const KEY: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// A CA's host: a checkout of the site, the key, and a place for used tokens.
struct CaHost {
    site: TestSite,
    root: tempfile::TempDir,
}

/// How a run of the binary ended.
struct Ran {
    status: i32,
    out: String,
    err: String,
}

impl Ran {
    /// Runs `command` with `input` to its end.
    fn of(command: &mut Command, input: &[u8]) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary");
        // A program that stops reading is one of the things that are tested.
        let mut stdin = child.stdin.take().expect("a pipe");
        let written = stdin.write_all(input);
        drop(stdin);
        let output = child.wait_with_output().expect("its end");
        written.expect("the CA could not write the request to its end");
        let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        Self { status: output.status.code().unwrap_or(-1), out, err }
    }
}

impl CaHost {
    /// The good site with a Puppet server.
    fn new() -> Self {
        Self::with(&[])
    }

    /// The same with these files.
    fn with(more: &[(&'static str, &str)]) -> Self {
        let root = tempfile::tempdir().expect("a directory");
        let key = root.path().join("autosign.key");
        std::fs::write(&key, format!("{KEY}\n")).expect("the key");
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o640)).expect("its mode");
        let server = format!(
            "mode = \"server\"\n[puppet.server]\nhost = \"puppet.lab.example\"\nautosign_key = \"{}\"\n[puppet.server.extensions]\n\
             pp_datacenter = \"fra1\"\n",
            key.display()
        );
        let files = GOOD.iter().map(|(path, text)| (*path, text.replace("mode = \"apply\"\n", &server)));
        let ca = ("puppet/ca.pem", "-----BEGIN CERTIFICATE-----\nTUlJ\n-----END CERTIFICATE-----\n".to_owned());
        let more = more.iter().map(|(path, text)| (*path, (*text).to_owned()));
        Self { site: TestSite::new(files.chain([ca]).chain(more)), root }
    }

    fn tokens(&self) -> Utf8PathBuf {
        Utf8PathBuf::from_path_buf(self.root.path().join("tokens")).expect("UTF-8")
    }

    /// A token for the VM of this name, made like the agent's.
    fn token(&self, vm: &str, attempt: u32, expires: u64) -> String {
        let spec = rekindle::site::load(&self.site.dir).unwrap_or_else(|errors| panic!("{errors}"));
        let vm = &spec.vms[vm];
        let subject = TokenSubject { certname: &vm.fqdn, instance_id: &instance_id(vm.name.as_str()) };
        let key = TokenKey::new(KEY.as_bytes()).expect("a key");
        key.issue(subject, TokenClaim { attempt, expires }).reveal().to_owned()
    }

    /// Runs `rekindle puppet …` with `input`.
    fn run(&self, args: &[&str], input: &[u8]) -> Ran {
        let mut command = Command::new(lab::binary());
        Ran::of(command.args(["--site", self.site.dir.as_str(), "--color", "never", "puppet"]).args(args).env_clear(), input)
    }

    fn autosign(&self, certname: &str, request: &[u8]) -> Ran {
        self.run(&["autosign", "--offline", "--tokens", self.tokens().as_str(), certname], request)
    }
}

/// The UUID of a VM of the good site.
fn instance_id(vm: &str) -> String {
    rekindle::plan::domain_uuid("lab", &vm.parse().expect("a name")).to_string()
}

/// Seconds since 1970.
fn now() -> u64 {
    use rekindle::world::Clock as _;
    rekindle::world::SystemClock::new().now().0 / 1000
}
