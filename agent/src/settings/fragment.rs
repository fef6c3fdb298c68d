//! One configuration file as written.

use std::net::{IpAddr, SocketAddr};

use toml::Spanned;
use toml::de::DeValue;

use super::{LogFormat, LogLevel};
use crate::site::problems::Key;
use crate::site::table::{Cx, FromToml, Table, wrong_type};
use crate::site::units::Span;
use crate::site::value::{Count, Port, Word, from_std, word, words};
use crate::spec::{HypervisorName, LibvirtUri, PathText};

words!(
    LogLevel, "log level",
    "error" => LogLevel::Error, "warn" => LogLevel::Warn, "info" => LogLevel::Info, "debug" => LogLevel::Debug, "trace" => LogLevel::Trace,
);
words!(LogFormat, "log format", "text" => LogFormat::Text, "json" => LogFormat::Json, "journald" => LogFormat::Journald);
from_std!(SocketAddr, "address and port", "an address and a port such as `127.0.0.1:8471`";);

/// Addresses in an array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Addresses(pub(super) Vec<IpAddr>);

impl FromToml for Addresses {
    fn from_toml(value: &Spanned<DeValue<'_>>, key: &str, cx: &Cx<'_>) -> Option<Self> {
        let DeValue::Array(array) = value.get_ref() else {
            wrong_type(value, "an array of IP addresses", key, cx);
            return None;
        };
        let good: Vec<IpAddr> = array.iter().filter_map(|element| IpAddr::from_toml(element, key, cx)).collect();
        (good.len() == array.len()).then_some(Self(good))
    }
}

/// A configuration file: every key may be left out.
#[derive(Debug)]
pub(super) struct Fragment {
    pub(super) site: Key<PathText>,
    pub(super) hypervisor: Key<HypervisorName>,
    pub(super) state_dir: Key<PathText>,
    pub(super) cache_dir: Key<PathText>,
    pub(super) run_dir: Key<PathText>,
    pub(super) interval: Key<Span>,
    pub(super) parallel_installs: Key<Count>,
    pub(super) libvirt_uri: Key<LibvirtUri>,
    pub(super) install_address: Key<IpAddr>,
    pub(super) install_port: Key<Port>,
    pub(super) api_listen: Key<SocketAddr>,
    pub(super) reports_listen: Key<SocketAddr>,
    pub(super) reports_from: Key<Addresses>,
    pub(super) upload_tokens: Key<PathText>,
    pub(super) log_level: Key<LogLevel>,
    pub(super) log_format: Key<LogFormat>,
}

impl Fragment {
    /// Reads the file's top-level table.
    pub(super) fn read(mut t: Table<'_>) -> Self {
        let mut fragment = Self {
            site: t.get("site"),
            hypervisor: t.get("hypervisor"),
            state_dir: t.get("state_dir"),
            cache_dir: t.get("cache_dir"),
            run_dir: t.get("run_dir"),
            interval: t.get("interval"),
            parallel_installs: t.get("parallel_installs"),
            libvirt_uri: Key::Absent,
            install_address: Key::Absent,
            install_port: Key::Absent,
            api_listen: Key::Absent,
            reports_listen: Key::Absent,
            reports_from: Key::Absent,
            upload_tokens: Key::Absent,
            log_level: Key::Absent,
            log_format: Key::Absent,
        };
        if let Some(mut libvirt) = t.table("libvirt") {
            fragment.libvirt_uri = libvirt.get("uri");
            libvirt.finish();
        }
        if let Some(mut install) = t.table("install") {
            fragment.install_address = install.get("address");
            fragment.install_port = install.get("port");
            install.finish();
        }
        if let Some(mut api) = t.table("api") {
            fragment.api_listen = api.get("listen");
            api.finish();
        }
        if let Some(mut reports) = t.table("puppet_reports") {
            fragment.reports_listen = reports.get("listen");
            fragment.reports_from = reports.get("from");
            reports.finish();
        }
        if let Some(mut upload) = t.table("upload") {
            fragment.upload_tokens = upload.get("tokens");
            upload.finish();
        }
        if let Some(mut log) = t.table("log") {
            fragment.log_level = log.get("level");
            fragment.log_format = log.get("format");
            log.finish();
        }
        t.finish();
        fragment
    }
}
