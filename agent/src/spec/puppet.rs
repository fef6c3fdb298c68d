//! The handoff to Puppet.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use camino::Utf8PathBuf;

use super::{ExtensionValue, HostName, Oid, PuppetName, ServiceName, VmSpec};

/// How a VM is handed to Puppet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PuppetMode {
    /// Masterless: the site's modules and data are fetched from the install listener, `puppet apply` runs at first boot.
    Apply,
    /// Agent and puppetserver: a one-time token gets the VM its certificate, and its reports say how it is.
    Server,
}

/// A value for Hiera.
#[derive(Debug, Clone, PartialEq)]
pub enum PuppetValue {
    /// `true`, `false`
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A number.
    Float(f64),
    /// Text; any characters, since it only ever travels as data.
    String(String),
    /// A list.
    Array(Vec<PuppetValue>),
    /// A hash.
    Hash(BTreeMap<String, PuppetValue>),
}

/// What all VMs share about Puppet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SitePuppet {
    /// The mode.
    pub mode: PuppetMode,
    /// The site's `puppet/` directory (`modules/`, `data/`, `manifests/`, `hiera.yaml`).
    pub directory: Utf8PathBuf,
    /// The program in the guest (`/opt/puppetlabs/bin/puppet`, `/usr/bin/puppet`).
    pub program: String,
    /// The package that brings it.
    pub package: String,
    /// The server and its CA; always there in mode `server`.
    pub server: Option<PuppetServerSpec>,
}

/// A Puppet server's or CA's address, as guests and agents write it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PuppetHost {
    /// Its name or address; must be in its certificate.
    pub host: HostName,
    /// TCP port.
    pub port: u16,
}

impl PuppetHost {
    /// `https://HOST:PORT`, for the paths of its API.
    pub fn url(&self) -> String {
        let host = self.host.as_str();
        if host.contains(':') { format!("https://[{host}]:{}", self.port) } else { format!("https://{host}:{}", self.port) }
    }
}

/// A puppetserver and its CA, and how VMs get to trust each other with it. Names of files only: no secret is in a spec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PuppetServerSpec {
    /// Compiles catalogs and takes reports.
    pub server: PuppetHost,
    /// Signs certificates; the server, unless the site says otherwise.
    pub ca: PuppetHost,
    /// Where reports are looked for that were not heard of, if anywhere.
    pub puppetdb: Option<PuppetHost>,
    /// The CA's certificate or chain, a public file on every hypervisor.
    pub ca_certificate: Utf8PathBuf,
    /// What it holds (PEM): put into every VM, so that none has to trust whoever answers first.
    pub ca_pem: String,
    /// The certificate with which an agent asks the CA to clean certificates (PEM, on every hypervisor).
    pub client_certificate: Utf8PathBuf,
    /// Its private key. Secret.
    pub client_key: Utf8PathBuf,
    /// The key that tokens are made and checked with, on every hypervisor and on the CA's host. Secret.
    pub autosign_key: Utf8PathBuf,
    /// How long a token is good, from the rendering of the kickstart.
    pub token_lifetime: Duration,
    /// Puppet's `confdir` in the guest, where `puppet.conf` and `csr_attributes.yaml` are.
    pub confdir: String,
    /// Puppet's `ssldir` in the guest.
    pub ssldir: String,
    /// The unit that runs the agent from the handoff on; none: nothing runs it.
    pub service: Option<ServiceName>,
    /// The site's own certificate extensions.
    pub extensions: BTreeMap<Oid, ExtensionValue>,
}

impl PuppetServerSpec {
    /// Every extension that the certificate of `vm` has, and no other: written by the template, compared by the CA.
    pub fn extensions_of(&self, vm: &VmSpec, instance_id: &str) -> BTreeMap<Oid, String> {
        let ours = [(Oid::ROLE, vm.role.as_str()), (Oid::ENVIRONMENT, vm.stage.as_str()), (Oid::INSTANCE_ID, instance_id)];
        let ours = ours.into_iter().filter_map(|(oid, value)| Some((oid.parse().ok()?, value.to_owned())));
        self.extensions.iter().map(|(oid, value)| (oid.clone(), value.to_string())).chain(ours).collect()
    }
}

/// One VM's classification. Its `Debug` shows the keys of the data and not the values: they may be secrets.
#[derive(Clone, PartialEq)]
pub struct PuppetSpec {
    /// The mode.
    pub mode: PuppetMode,
    /// The environment, from the stage.
    pub environment: PuppetName,
    /// Classes to include.
    pub classes: Vec<PuppetName>,
    /// Hiera data of role and VM, merged.
    pub data: BTreeMap<String, PuppetValue>,
    /// The role's part of the classes.
    pub role_classes: Vec<PuppetName>,
    /// The role's part of the data.
    pub role_data: BTreeMap<String, PuppetValue>,
}

impl fmt::Debug for PuppetSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { mode, environment, classes, data, role_classes: _, role_data: _ } = self;
        f.debug_struct("PuppetSpec")
            .field("mode", mode)
            .field("environment", environment)
            .field("classes", classes)
            .field("data", &data.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
