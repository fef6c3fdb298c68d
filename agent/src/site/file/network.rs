//! `networks/NAME.toml`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::site::problems::{At, Key};
use crate::site::table::{Cx, FromToml, Table};
use crate::site::value::{Ipv4Range, Ipv6Range, Word, word, words};
use crate::spec::{Forward, Fqdn, InterfaceName};
use toml::Spanned;
use toml::de::DeValue;

/// What carries the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KindWord {
    Bridge,
    Libvirt,
}

words!(KindWord, "kind of network", "bridge" => KindWord::Bridge, "libvirt" => KindWord::Libvirt);

/// `dhcp`.
#[derive(Debug)]
pub(crate) struct DhcpFile {
    pub(crate) start: Key<Ipv4Addr>,
    pub(crate) end: Key<Ipv4Addr>,
}

/// `networks/NAME.toml`.
#[derive(Debug)]
pub(crate) struct NetworkFile {
    pub(crate) kind: Key<KindWord>,
    pub(crate) bridge: Key<InterfaceName>,
    pub(crate) forward: Key<Forward>,
    pub(crate) range: Key<Ipv4Range>,
    pub(crate) range6: Key<Ipv6Range>,
    pub(crate) gateway: Key<Ipv4Addr>,
    pub(crate) gateway6: Key<Ipv6Addr>,
    pub(crate) dhcp: Option<DhcpFile>,
    pub(crate) dns: Vec<At<IpAddr>>,
    pub(crate) domain: Key<Fqdn>,
    pub(crate) install_address: Key<IpAddr>,
}

impl NetworkFile {
    /// Reads the file's top-level table.
    pub(crate) fn read(mut t: Table<'_>) -> Self {
        let dhcp = t.table("dhcp").map(|mut d| {
            let dhcp = DhcpFile { start: d.need("start"), end: d.need("end") };
            d.finish();
            dhcp
        });
        let network = Self {
            kind: t.need("kind"),
            bridge: t.need("bridge"),
            forward: t.get("forward"),
            range: t.get("range"),
            range6: t.get("range6"),
            gateway: t.get("gateway"),
            gateway6: t.get("gateway6"),
            dhcp,
            dns: t.list("dns"),
            domain: t.get("domain"),
            install_address: t.get("install_address"),
        };
        t.finish();
        network
    }
}
