//! A real puppetserver with its CA, in a directory of its own: Debian's package, started as its unit would, without systemd.
//!
//! It is slow to start (half a minute of two cores), so a test that needs it does all that it can in one start. Nothing is written
//! outside of its directory; it is ended by process id.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::net::{IpAddr, TcpListener};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use rekindle::spec::{PuppetHost, PuppetServerSpec};
use ureq::tls::{Certificate, ClientCert, PrivateKey};

pub use crate::puppetdoor::{Door, Request};

/// How long it may take until it answers. An idle machine with two cores needs 35 s.
const READY: Duration = Duration::from_secs(180);
/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// How long it may take to end by itself.
const END: Duration = Duration::from_secs(30);
/// The certname of the agents' client certificate.
pub const CONTROLLER: &str = "rekindle.lab.test";

/// How it is set up.
pub struct Setup {
    /// Where it listens.
    pub listen: IpAddr,
    /// The address that guests reach it at; it is in its certificate, as loopback is.
    pub guests: IpAddr,
    /// What signs: a program that is given the certname and, on its standard input, the request.
    pub autosign: String,
    /// What classifies nodes: a program that is given the certname.
    pub classify: String,
    /// More lines for `[main]` of `puppet.conf`.
    pub puppet_conf: String,
}

impl Default for Setup {
    fn default() -> Self {
        let loopback = IpAddr::from([127, 0, 0, 1]);
        Self {
            listen: loopback,
            guests: loopback,
            autosign: "#!/bin/sh\n# A name that begins with `pending` is left alone.\ncase \"$1\" in pending*) exit 1 ;; esac\n"
                .to_owned(),
            classify: "#!/bin/sh\nprintf -- '---\\nenvironment: production\\nclasses: {}\\n'\n".to_owned(),
            puppet_conf: String::new(),
        }
    }
}

/// A running puppetserver; ended when it is dropped.
pub struct PuppetServer {
    _root: tempfile::TempDir,
    /// Its directory.
    pub path: Utf8PathBuf,
    port: u16,
    java: Child,
    /// How long the last start took.
    pub started_in: Duration,
}

/// One line of the CA's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// `signed`, `revoked`, `requested`.
    pub state: String,
    /// The certificate's serial number; none for a request.
    pub serial: Option<u64>,
    /// SHA-256 of certificate or request.
    pub fingerprint: String,
}

impl PuppetServer {
    /// Starts it, waits until it answers, and makes the client certificate of the agents.
    ///
    /// # Panics
    /// When it is not installed, does not start in time, or its CA makes no certificate.
    pub fn start(setup: &Setup) -> Self {
        let root = tempfile::Builder::new().prefix("rekindle-puppetserver-").tempdir().expect("a directory");
        let path = Utf8PathBuf::from_path_buf(root.path().to_owned()).expect("a path in UTF-8");
        // The server may give up root; guests' reports and the autosign program are read by others than us.
        make_readable(&path);
        let free = TcpListener::bind((setup.listen, 0)).expect("a free port");
        let port = free.local_addr().expect("its address").port();
        drop(free);
        configure(&path, setup, port);
        let begin = Instant::now();
        let java = spawn(&path);
        let mut server = Self { _root: root, path, port, java, started_in: Duration::ZERO };
        server.wait_ready(begin);
        let made = server.cli(&["ca", "generate", "--certname", CONTROLLER]);
        assert!(made.status.success(), "no client certificate: {made:?}\n{}", server.log());
        server
    }

    /// What an agent is told of it: the controller's certificate, which may clean and nothing else.
    ///
    /// # Panics
    /// When its CA's certificate cannot be read.
    pub fn spec(&self) -> PuppetServerSpec {
        self.spec_of(CONTROLLER)
    }

    /// The same with the certificate of another name whose key is in its `ssl` directory.
    ///
    /// # Panics
    /// When its CA's certificate cannot be read.
    pub fn spec_of(&self, certname: &str) -> PuppetServerSpec {
        PuppetServerSpec {
            ca_certificate: self.ca_certificate(),
            ca_pem: std::fs::read_to_string(self.ca_certificate()).expect("the CA's certificate"),
            client_certificate: self.path.join(format!("ssl/certs/{certname}.pem")),
            client_key: self.path.join(format!("ssl/private_keys/{certname}.pem")),
            autosign_key: self.path.join("autosign.key"),
            ..spec_at([127, 0, 0, 1].into(), self.port)
        }
    }

    /// The file with its CA's certificate.
    pub fn ca_certificate(&self) -> Utf8PathBuf {
        self.path.join("ca/ca_crt.pem")
    }

    /// Where it is reached from here.
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Runs `puppetserver` with these arguments and its `puppet.conf`, as a person on the CA would.
    ///
    /// # Panics
    /// When it cannot be run.
    pub fn cli(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new("puppetserver");
        command.args(arguments).arg("--config").arg(self.path.join("puppet/puppet.conf")).stdin(Stdio::null());
        command.output().expect("puppetserver")
    }

    /// Everything that its CA knows.
    ///
    /// # Panics
    /// When it does not say.
    pub fn list(&self) -> BTreeMap<String, Listed> {
        let agent = self.door().client(Some(&self.identity("localhost")));
        let url = format!("{}/puppet-ca/v1/certificate_statuses/all", self.url());
        let text = agent.get(&url).call().expect("the CA's list").into_body().read_to_string().expect("its body");
        let list: Vec<serde_json::Value> = serde_json::from_str(&text).expect("JSON");
        let line = |entry: &serde_json::Value| {
            let text = |key: &str| entry[key].as_str().expect("a text").to_owned();
            let listed =
                Listed { state: text("state"), serial: entry["serial_number"].as_u64(), fingerprint: text("fingerprint") };
            (text("name"), listed)
        };
        list.iter().map(line).collect()
    }

    /// `PUT /puppet-ca/v1/clean`, with the server's own certificate. The status.
    ///
    /// # Panics
    /// When there is no answer.
    pub fn clean_together(&self, certnames: &[String]) -> u16 {
        let agent = self.door().client(Some(&self.identity("localhost")));
        let body = serde_json::json!({ "certnames": certnames }).to_string();
        let sent = agent.put(format!("{}/puppet-ca/v1/clean", self.url())).content_type("application/json").send(&body);
        sent.expect("an answer").status().as_u16()
    }

    /// The serial numbers in its revocation list, as an agent fetches it and `openssl` reads it; the list's signature is checked.
    ///
    /// # Panics
    /// When the list cannot be fetched or is not signed by the CA.
    pub fn revoked_serials(&self) -> BTreeSet<u64> {
        let url = format!("{}/puppet-ca/v1/certificate_revocation_list/ca", self.url());
        let text = self.door().client(None).get(&url).call().expect("the list").into_body().read_to_string().expect("its body");
        let file = self.path.join("fetched-crl.pem");
        std::fs::write(&file, text).expect("a file");
        let output = Command::new("openssl")
            .args(["crl", "-noout", "-text", "-in", file.as_str(), "-CAfile", self.ca_certificate().as_str()])
            .output()
            .expect("openssl");
        let verdict = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && verdict.contains("verify OK"), "the revocation list is not good: {verdict}");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let serials = text.lines().filter_map(|line| line.trim().strip_prefix("Serial Number: "));
        serials.map(|serial| u64::from_str_radix(serial, 16).expect("a number")).collect()
    }

    /// The reports that it has stored for a name, oldest first.
    ///
    /// # Panics
    /// When one cannot be read.
    pub fn reports(&self, certname: &str) -> Vec<String> {
        let directory = self.path.join("var/reports").join(certname);
        let entries = directory.read_dir_utf8().into_iter().flatten();
        let mut files: Vec<Utf8PathBuf> = entries.map(|entry| entry.expect("an entry").into_path()).collect();
        files.sort();
        files.iter().map(|file| std::fs::read_to_string(file).expect("a report")).collect()
    }

    /// What guests see of it.
    ///
    /// # Panics
    /// When its CA's certificate cannot be read.
    pub fn door(&self) -> Door {
        let pem = std::fs::read(self.ca_certificate()).expect("the CA's certificate");
        Door::new(self.url(), Certificate::from_pem(&pem).expect("a certificate"))
    }

    /// Hands a request in, as an agent does. The status.
    ///
    /// # Panics
    /// When there is no answer.
    pub fn submit(&self, request: &Request) -> u16 {
        self.door().submit(request).expect("an answer")
    }

    /// Stops every thread of it, as an overloaded or swapping host would.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    /// `kill -9`.
    ///
    /// # Panics
    /// When there is nothing to kill.
    pub fn kill(&mut self) {
        self.java.kill().expect("kill -9");
        self.java.wait().expect("its end");
    }

    /// Starts it again on the same CA, and does not wait until it answers: `wait_ready` does.
    pub fn start_again(&mut self) -> Instant {
        std::fs::write(self.path.join("server/run/restart"), "0").expect("the restart file");
        self.java = spawn(&self.path);
        Instant::now()
    }

    /// Waits until it answers.
    ///
    /// # Panics
    /// When it does not in time.
    #[track_caller]
    pub fn wait_ready(&mut self, begin: Instant) {
        loop {
            let counter = std::fs::read(self.path.join("server/run/restart")).unwrap_or_default();
            if counter.first().is_some_and(|first| *first != b'0') {
                self.started_in = begin.elapsed();
                return;
            }
            let ended = self.java.try_wait().expect("its state");
            assert!(ended.is_none(), "puppetserver ended with {ended:?}:\n{}", self.log());
            assert!(begin.elapsed() < READY, "puppetserver is not ready after {READY:?}:\n{}", self.log());
            std::thread::sleep(LOOK);
        }
    }

    /// The end of its log.
    pub fn log(&self) -> String {
        let mut text = String::new();
        for file in ["log/java.log", "log/puppetserver.log"] {
            if let Ok(mut file) = std::fs::File::open(self.path.join(file)) {
                let _ = file.read_to_string(&mut text);
            }
        }
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(60)..].join("\n")
    }

    fn identity(&self, certname: &str) -> ClientCert {
        let read = |directory: &str| std::fs::read(self.path.join(format!("ssl/{directory}/{certname}.pem"))).expect("a file");
        let certificate = Certificate::from_pem(&read("certs")).expect("a certificate");
        ClientCert::new_with_certs(&[certificate], PrivateKey::from_pem(&read("private_keys")).expect("a key"))
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.java.id().to_string()]).status();
        assert!(status.is_ok_and(|status| status.success()), "kill {signal}");
    }
}

impl Drop for PuppetServer {
    fn drop(&mut self) {
        let asked = Command::new("kill").arg(self.java.id().to_string()).status();
        let begin = Instant::now();
        while asked.is_ok() && begin.elapsed() < END && matches!(self.java.try_wait(), Ok(None)) {
            std::thread::sleep(LOOK);
        }
        let _ = self.java.kill();
        let _ = self.java.wait();
    }
}

/// A Puppet server that is nowhere but at this address, with files that do not exist.
///
/// # Panics
/// Never: an address is a host name.
pub fn spec_at(address: IpAddr, port: u16) -> PuppetServerSpec {
    let host = PuppetHost { host: address.to_string().parse().expect("an address is a host name"), port };
    PuppetServerSpec {
        server: host.clone(),
        ca: host,
        puppetdb: None,
        ca_certificate: "/nonexistent/ca.pem".into(),
        ca_pem: String::new(),
        client_certificate: "/nonexistent/client.pem".into(),
        client_key: "/nonexistent/client.key".into(),
        autosign_key: "/nonexistent/autosign.key".into(),
        token_lifetime: Duration::from_secs(3600),
        confdir: "/etc/puppet".to_owned(),
        ssldir: "/etc/puppet/ssl".to_owned(),
        service: None,
        extensions: BTreeMap::new(),
    }
}

fn make_readable(path: &Utf8Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("its mode");
}

/// The directory as `puppetserver` wants it: Debian's configuration, with every path below `path`.
fn configure(path: &Utf8Path, setup: &Setup, port: u16) {
    for directory in ["puppet", "code/environments/production/manifests", "var", "run", "log", "public", "server/run"] {
        std::fs::create_dir_all(path.join(directory)).expect("a directory");
    }
    let shipped = Utf8Path::new("/etc/puppet/puppetserver");
    assert!(shipped.exists(), "puppetserver is not installed: run `make setup`");
    for directory in ["conf.d", "services.d"] {
        std::fs::create_dir_all(path.join("server").join(directory)).expect("a directory");
        for entry in shipped.join(directory).read_dir_utf8().expect("its configuration") {
            let entry = entry.expect("an entry");
            std::fs::copy(entry.path(), path.join("server").join(directory).join(entry.file_name())).expect("a copy");
        }
    }
    let write = |file: &str, text: String| std::fs::write(path.join(file), text).expect("a file");
    // Keys of 2048 bits: the CA's of 4096 takes seconds to make.
    write(
        "puppet/puppet.conf",
        format!(
            "[main]\nconfdir = {path}/puppet\ncodedir = {path}/code\nvardir = {path}/var\nssldir = {path}/ssl\ncadir = {path}/ca\n\
             logdir = {path}/log\nrundir = {path}/run\npublicdir = {path}/public\ncertname = localhost\nserver = localhost\n\
             ca_server = localhost\nserverport = {port}\nmasterport = {port}\nca_port = {port}\n\
             dns_alt_names = localhost,puppet,IP:127.0.0.1,IP:{}\nkeylength = 2048\nautosign = {path}/autosign\nnode_terminus = exec\n\
             external_nodes = {path}/classify\n{}",
            setup.guests, setup.puppet_conf
        ),
    );
    write(
        "server/conf.d/puppetserver.conf",
        format!(
            "jruby-puppet: {{\n  ruby-load-path: [/usr/lib/puppetserver/ruby/vendor_ruby]\n  gem-home: {path}/var/gems\n  \
             gem-path: [${{jruby-puppet.gem-home}}, \"/usr/lib/puppetserver/vendored-jruby-gems\"]\n  \
             server-conf-dir: {path}/puppet\n  server-code-dir: {path}/code\n  server-var-dir: {path}/var\n  \
             server-run-dir: {path}/run\n  server-log-dir: {path}/log\n  max-active-instances: 1\n}}\n\
             http-client: {{}}\nprofiler: {{ enabled: false }}\n"
        ),
    );
    // The short idle time: after a request that the CA has taken, Puppet's agent waits on the same connection until it ends.
    write(
        "server/conf.d/webserver.conf",
        format!(
            "webserver: {{ client-auth: want, ssl-host: {}, ssl-port: {port}, idle-timeout-milliseconds: 3000 }}\n",
            setup.listen
        ),
    );
    write("server/conf.d/product.conf", "product: { check-for-updates: false }\n".to_owned());
    write("server/conf.d/global.conf", format!("global: {{ logging-config: {path}/server/logback.xml }}\n"));
    write(
        "server/logback.xml",
        format!(
            "<configuration><appender name=\"F1\" class=\"ch.qos.logback.core.FileAppender\">\
             <file>{path}/log/puppetserver.log</file><encoder><pattern>%d %-5p [%t] [%c{{2}}] %m%n</pattern></encoder></appender>\
             <root level=\"info\"><appender-ref ref=\"F1\"/></root></configuration>\n"
        ),
    );
    let auth = std::fs::read_to_string(shipped.join("conf.d/auth.conf")).expect("auth.conf");
    let (before, after) = auth.split_once("rules: [").expect("rules");
    write("server/conf.d/auth.conf", format!("{before}rules: [{}{after}", auth_rule()));
    write("server/run/restart", "0".to_owned());
    for (program, text) in [("autosign", &setup.autosign), ("classify", &setup.classify)] {
        write(program, text.clone());
        let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(path.join(program), executable).expect("its mode");
    }
}

/// The rule of docs/puppet-ca.md, word for word: this one certname may look, revoke and delete, and nothing else.
fn auth_rule() -> String {
    let manual =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/puppet-ca.md")).expect("docs/puppet-ca.md");
    let rule = manual.split("```hocon\n").nth(1).and_then(|rest| rest.split("```").next()).expect("the rule");
    assert!(rule.contains("rekindle.example.com"), "the rule of docs/puppet-ca.md names a certname");
    rule.replace("rekindle.example.com", CONTROLLER)
}

fn spawn(path: &Utf8Path) -> Child {
    let log = std::fs::File::options().create(true).append(true).open(path.join("log/java.log")).expect("its log");
    Command::new("java")
        // The quick compiler and the plain collector: half the time until it answers.
        .args(["-Xms384m", "-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"])
        .args(["--add-opens", "java.base/sun.nio.ch=ALL-UNNAMED", "--add-opens", "java.base/java.io=ALL-UNNAMED"])
        .args(["-Djruby.lib=/usr/share/jruby/lib", "-jar", "/usr/share/puppetserver/puppetserver.jar"])
        .args(["--config", path.join("server/conf.d").as_str()])
        .args(["--bootstrap-config", path.join("server/services.d").as_str()])
        .args(["--restart-file", path.join("server/run/restart").as_str()])
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("its log"))
        .stderr(log)
        .spawn()
        .expect("java")
}
