//! `[puppet.server]` of `site.toml`.

use crate::site::excerpt::quote;
use crate::site::problems::{At, Key, Place, Problem};
use crate::site::table::{Table, read};
use crate::site::units::Span;
use crate::site::value::Port;
use crate::spec::{ExtensionValue, HostName, IdError, Oid, PathText, ServiceName};

/// `[puppet.server]`.
#[derive(Debug)]
pub(crate) struct PuppetServerFile {
    pub(crate) place: Place,
    pub(crate) host: Key<HostName>,
    pub(crate) port: Key<Port>,
    pub(crate) ca_host: Key<HostName>,
    pub(crate) ca_port: Key<Port>,
    pub(crate) puppetdb_host: Key<HostName>,
    pub(crate) puppetdb_port: Key<Port>,
    pub(crate) ca_certificate: Key<PathText>,
    pub(crate) client_certificate: Key<PathText>,
    pub(crate) client_key: Key<PathText>,
    pub(crate) autosign_key: Key<PathText>,
    pub(crate) token_lifetime: Key<Span>,
    pub(crate) confdir: Key<PathText>,
    pub(crate) ssldir: Key<PathText>,
    pub(crate) service: Key<ServiceName>,
    pub(crate) run_service: Key<bool>,
    pub(crate) extensions: Vec<(Oid, At<ExtensionValue>)>,
}

impl PuppetServerFile {
    /// `table`'s `[server]`.
    pub(crate) fn of(table: &mut Table<'_>) -> Option<Self> {
        let mut t = table.table("server")?;
        let server = Self {
            place: t.place(),
            host: t.need("host"),
            port: t.get("port"),
            ca_host: t.get("ca_host"),
            ca_port: t.get("ca_port"),
            puppetdb_host: t.get("puppetdb_host"),
            puppetdb_port: t.get("puppetdb_port"),
            ca_certificate: t.get("ca_certificate"),
            client_certificate: t.get("client_certificate"),
            client_key: t.get("client_key"),
            autosign_key: t.get("autosign_key"),
            token_lifetime: t.get("token_lifetime"),
            confdir: t.get("confdir"),
            ssldir: t.get("ssldir"),
            service: t.get("service"),
            run_service: t.get("run_service"),
            extensions: t.table("extensions").map(extensions).unwrap_or_default(),
        };
        t.finish();
        Some(server)
    }
}

/// The table of extensions: its keys are identifiers, or Puppet's names for them.
fn extensions(mut table: Table<'_>) -> Vec<(Oid, At<ExtensionValue>)> {
    let cx = table.cx().clone();
    let mut found: Vec<(Oid, At<ExtensionValue>)> = Vec::new();
    for (key, value) in table.rest() {
        let oid = match key.value.parse::<Oid>() {
            Ok(oid) => oid,
            Err(IdError { what, expected }) => {
                let message = format!("{} is not a valid {what}", quote(key.value));
                cx.report(Problem::new(key.span, message).help(format!("expected {expected}")));
                continue;
            }
        };
        if !oid.is_for_sites() {
            let problem = Problem::new(key.span, format!("a site cannot set the certificate extension {}", quote(key.value)));
            cx.report(problem.help(
                "take one below 1.3.6.1.4.1.34380.1.1 or .2 that neither Rekindle sets (role, environment, instance) nor is a secret",
            ));
            continue;
        }
        if found.iter().any(|(other, _)| *other == oid) {
            cx.report(Problem::new(key.span, format!("the certificate extension {oid} is here twice")));
            continue;
        }
        if let Key::Given(at) = read(value, key.value, &cx) {
            found.push((oid, at));
        }
    }
    found
}
