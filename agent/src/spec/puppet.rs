//! The handoff to Puppet.

use std::collections::BTreeMap;
use std::fmt;

use camino::Utf8PathBuf;

use super::PuppetName;

/// How a VM is handed to Puppet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PuppetMode {
    /// Masterless: the site's modules and data are fetched from the install listener, `puppet apply` runs at first boot.
    Apply,
    /// Agent and puppetserver. Not offered by this version; `check` refuses it.
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
}

impl fmt::Debug for PuppetSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { mode, environment, classes, data } = self;
        f.debug_struct("PuppetSpec")
            .field("mode", mode)
            .field("environment", environment)
            .field("classes", classes)
            .field("data", &data.keys().collect::<Vec<_>>())
            .finish()
    }
}
