//! `[puppet.server]` → `PuppetServerSpec`.

use std::io::Read as _;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};

use super::os::absolute;
use crate::site::excerpt::quote;
use crate::site::file::PuppetServerFile;
use crate::site::problems::{Key, Problem, Problems};
use crate::site::units::Span;
use crate::spec::{HostName, PathText, PuppetHost, PuppetMode, PuppetServerSpec, ServiceName};

/// puppetserver's port.
const PORT: u16 = 8140;
/// PuppetDB's port with TLS.
const PUPPETDB_PORT: u16 = 8081;
/// Where Puppet's own packages keep the agent's configuration.
const CONFDIR: &str = "/etc/puppetlabs/puppet";
/// The agent's unit.
const SERVICE: &str = "puppet";
/// How long a token is good: an install with all its deadlines, and some waiting for the CA.
const TOKEN_LIFETIME: Duration = Duration::from_hours(3);
/// Where an agent's own certificate and keys are.
const DIRECTORY: &str = "/etc/rekindle/puppet";
/// A chain of certificates is much smaller.
const CA_MAX: u64 = 64 << 10;

/// Resolves `file` of the site in `root`; in mode `server` the CA's certificate is read, too.
pub(super) fn resolve(
    file: &PuppetServerFile,
    mode: PuppetMode,
    root: &Utf8Path,
    problems: &Problems,
) -> Option<PuppetServerSpec> {
    let ca_certificate = file.ca_certificate.value().map_or_else(|| root.join("puppet/ca.pem"), |path| absolute(root, path));
    let ca_pem = if mode == PuppetMode::Server && !matches!(file.ca_certificate, Key::Bad) {
        match read_certificates(&ca_certificate) {
            Ok(pem) => pem,
            Err(why) => {
                let place = file.ca_certificate.get().map_or_else(|| file.place.clone(), |at| at.span.into());
                let problem = Problem::new(place, format!("the CA's certificate `{ca_certificate}` {why}"));
                problems.push(problem.help("copy the CA's ca_crt.pem there: VMs trust nobody else; it is no secret"));
                String::new()
            }
        }
    } else {
        String::new()
    };
    let lifetime = file.token_lifetime.value().map_or(TOKEN_LIFETIME, |Span(span)| *span);
    if let Some(at) = file.token_lifetime.get()
        && !(Duration::from_mins(10)..=Duration::from_hours(24)).contains(&lifetime)
    {
        problems.push(Problem::new(at.span, "the tokens' lifetime must be from `10m` to `1d`"));
    }
    let confdir = in_guest(&file.confdir, "confdir", CONFDIR, problems);
    let ssldir = in_guest(&file.ssldir, "ssldir", &format!("{confdir}/ssl"), problems);
    let service = file.service.value().cloned().or_else(|| SERVICE.parse::<ServiceName>().ok());
    let server = host(file.host.value()?, file.port.value().map_or(PORT, |port| port.as_u16()));
    let ca = host(
        file.ca_host.value().unwrap_or(&server.host),
        file.ca_port.value().map_or(if file.ca_host.is_absent() { server.port } else { PORT }, |port| port.as_u16()),
    );
    if let (Key::Absent, Some(at)) = (&file.puppetdb_host, file.puppetdb_port.get()) {
        let problem = Problem::new(at.span, "`puppetdb_port` is of no use without `puppetdb_host`");
        problems.push(problem.help("name the host whose PuppetDB has the reports, or remove the port"));
    }
    let puppetdb =
        file.puppetdb_host.value().map(|name| host(name, file.puppetdb_port.value().map_or(PUPPETDB_PORT, |port| port.as_u16())));
    Some(PuppetServerSpec {
        puppetdb,
        ca,
        server,
        ca_certificate,
        ca_pem,
        client_certificate: beside(&file.client_certificate, "client.pem", root),
        client_key: secret(&file.client_key, "client.key", root, problems),
        autosign_key: secret(&file.autosign_key, "autosign.key", root, problems),
        token_lifetime: lifetime,
        confdir,
        ssldir,
        service: service.filter(|_| file.run_service.value().copied().unwrap_or(true)),
        extensions: file.extensions.iter().map(|(oid, at)| (oid.clone(), at.value.clone())).collect(),
    })
}

fn host(host: &HostName, port: u16) -> PuppetHost {
    PuppetHost { host: host.clone(), port }
}

fn beside(key: &Key<PathText>, default: &str, root: &Utf8Path) -> Utf8PathBuf {
    key.value().map_or_else(|| Utf8Path::new(DIRECTORY).join(default), |path| absolute(root, path))
}

/// A secret's path; not within the site, which everybody who works on it has a copy of.
fn secret(key: &Key<PathText>, default: &str, root: &Utf8Path, problems: &Problems) -> Utf8PathBuf {
    let path = beside(key, default, root);
    if let Some(at) = key.get()
        && path.starts_with(root)
    {
        let problem = Problem::new(at.span, format!("a secret cannot be in the site: {}", quote(at.value.as_str())));
        problems.push(problem.help(format!("keep it on the hosts that need it, as `{DIRECTORY}/{default}`")));
    }
    path
}

/// An absolute path of the guest.
fn in_guest(key: &Key<PathText>, name: &str, default: &str, problems: &Problems) -> String {
    if let Some(at) = key.get()
        && (!at.value.as_str().starts_with('/') || at.value.as_str().split('/').any(|part| part == ".."))
    {
        problems.push(Problem::new(at.span, format!("`{name}` must be an absolute path in the guest")));
    }
    key.value().map_or(default, PathText::as_str).trim_end_matches('/').to_owned()
}

/// One or several certificates in PEM, and nothing else: they go into kickstarts.
fn read_certificates(path: &Utf8Path) -> Result<String, String> {
    let mut text = String::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(CA_MAX + 1).read_to_string(&mut text));
    read.map_err(|error| format!("cannot be read: {error}"))?;
    certificates(&text).ok_or_else(|| "holds something other than certificates (PEM)".to_owned())
}

fn certificates(text: &str) -> Option<String> {
    if text.len() as u64 > CA_MAX {
        return None;
    }
    let mut pem = String::new();
    let mut inside = false;
    for line in text.lines().map(str::trim_end) {
        match (inside, line) {
            (false, "-----BEGIN CERTIFICATE-----") => inside = true,
            (true, "-----END CERTIFICATE-----") => inside = false,
            (false, "") => continue,
            (true, line) if is_base64(line) => {}
            _ => return None,
        }
        pem.push_str(line);
        pem.push('\n');
    }
    (!inside && !pem.is_empty()).then_some(pem)
}

fn is_base64(line: &str) -> bool {
    !line.is_empty() && line.len() <= 76 && line.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_certificates_get_into_kickstarts() {
        let one = "-----BEGIN CERTIFICATE-----\nTUlJ\n-----END CERTIFICATE-----\n";
        assert_eq!(certificates(&format!("{one}\n{one}")).as_deref(), Some(format!("{one}{one}").as_str()));
        assert_eq!(certificates(&one.replace('\n', "\r\n")).as_deref(), Some(one));
        for bad in [
            String::new(),
            "\n".to_owned(),
            one.replace("TUlJ", "$(x)"),
            one.replace("CERTIFICATE", "PRIVATE KEY"),
            one.replace("-----END CERTIFICATE-----\n", ""),
            format!("{one}%end\n"),
            one.repeat(2000),
        ] {
            assert_eq!(certificates(&bad), None, "{bad:.100?}");
        }
    }
}
