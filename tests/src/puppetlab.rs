//! A puppetserver that serves a site in mode `server`, set up as docs/puppet.md says: our programs sign and classify, our data is its
//! Hiera's. The end-to-end test and the demo use it, both in a sandbox.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;

use camino::Utf8Path;

use crate::puppetserver::{PuppetServer, Setup};

/// What in the demo's `site.toml` makes place for the server.
const APPLY: &str = "mode = \"apply\"\nprogram = \"/usr/bin/puppet\"\npackage = \"puppet-agent\"\n";

/// Where the agent hears reports that the server forwards: `puppet_reports.listen` of its configuration.
pub const REPORTS: &str = "127.0.0.1:8471";

/// The server's setup for the site in `path/site`. `rekindle` is the program with the option that names its configuration. Names
/// outside of the demo's domain are signed and classified without question, but for those that begin with `pending`.
///
/// # Panics
/// When files cannot be written.
pub fn setup(path: &Utf8Path, rekindle: &str) -> Setup {
    let code = path.join("code");
    let environment = code.join("environments/production");
    std::fs::create_dir_all(&environment).expect("a directory");
    std::os::unix::fs::symlink(path.join("site/puppet/modules"), environment.join("modules")).expect("a link");
    let mut options = std::fs::File::options();
    let mut key = options.create(true).truncate(true).write(true).mode(0o600).open(path.join("autosign.key")).expect("a key");
    let secret = format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());
    key.write_all(secret.as_bytes()).expect("a key");
    Setup {
        listen: [0, 0, 0, 0].into(),
        guests: [10, 44, 0, 1].into(),
        autosign: format!(
            "#!/bin/sh\ncase \"$1\" in\n*.demo.example) exec {rekindle} puppet autosign \"$1\" ;;\npending*) exit 1 ;;\nesac\n"
        ),
        classify: format!(
            "#!/bin/sh\ncase \"$1\" in\n*.demo.example) exec {rekindle} puppet enc \"$1\" ;;\nesac\n\
             printf -- '---\\nenvironment: production\\nclasses: {{}}\\n'\n"
        ),
        puppet_conf: format!(
            "environmentpath = {code}/environments\nhiera_config = {path}/hiera/hiera.yaml\n\
             reports = store,http\nreporturl = http://{REPORTS}/puppet/report\n"
        ),
    }
}

/// Turns the demo site in `path/site` to mode `server`, once the server and with it the CA is there.
///
/// # Panics
/// When the site is not the demo's, or cannot be written.
pub fn enrol(path: &Utf8Path, server: &PuppetServer) {
    let file = path.join("site/site.toml");
    let site = std::fs::read_to_string(&file).expect("site.toml");
    assert!(site.contains(APPLY), "{file} is not the demo's:\n{site}");
    let spec = server.spec();
    let table = format!(
        "mode = \"server\"\nprogram = \"/usr/bin/puppet\"\npackage = \"puppet-agent\"\n\n[puppet.server]\nhost = \"10.44.0.1\"\n\
         port = {}\nca_certificate = \"puppet/ca.pem\"\nclient_certificate = \"{}\"\nclient_key = \"{}\"\n\
         autosign_key = \"{path}/autosign.key\"\n# Where Debian's package has them.\nconfdir = \"/etc/puppet\"\n\
         ssldir = \"/var/lib/puppet/ssl\"\nrun_service = false\n",
        server.port(),
        spec.client_certificate,
        spec.client_key,
    );
    std::fs::copy(server.ca_certificate(), path.join("site/puppet/ca.pem")).expect("the CA's certificate");
    std::fs::write(file, site.replace(APPLY, &table)).expect("site.toml");
}
