//! The settings that the agent runs with.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use camino::Utf8PathBuf;

use super::fragment::{Addresses, Fragment};
use crate::site::excerpt::quote;
use crate::site::problems::{Key, Place, Problem, Problems};
use crate::site::units::Span;
use crate::spec::{HypervisorName, PathText};

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// What went wrong.
    Error,
    /// What may.
    Warn,
    /// What was done.
    Info,
    /// Why.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// The level as `tracing` filters know it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// How it is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people, on standard error.
    Text,
    /// One JSON object a line, on standard error.
    Json,
    /// To systemd's journal, with fields.
    Journald,
}

/// The agent's configuration, complete and checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The site's directory; `/etc/rekindle/site`.
    pub site: Utf8PathBuf,
    /// Which of the site's hypervisors this host is; the host's name up to the first dot.
    pub hypervisor: HypervisorName,
    /// What must survive: the store, consoles and logs of VMs; `/var/lib/rekindle`.
    pub state_dir: Utf8PathBuf,
    /// What can be fetched again; `/var/cache/rekindle`.
    pub cache_dir: Utf8PathBuf,
    /// Socket and lock; `/run/rekindle`.
    pub run_dir: Utf8PathBuf,
    /// Longest time between two passes; 30 s.
    pub interval: Duration,
    /// Installs at once; none: what the site says of the hypervisor.
    pub parallel_installs: Option<u32>,
    /// `qemu:///system`.
    pub libvirt_uri: String,
    /// Where the install listener listens; all addresses, port 8470.
    pub install_listen: SocketAddr,
    /// Where metrics and health are also served by TCP, if anywhere. The API itself is on a socket in `run_dir`.
    pub api_listen: Option<SocketAddr>,
    /// Where a Puppet server forwards reports to, if anywhere.
    pub reports_listen: Option<SocketAddr>,
    /// Who may; nobody named: this host.
    pub reports_from: Vec<IpAddr>,
    /// The file with the tokens of those who may upload packages at `api_listen`; none: nobody may.
    pub upload_tokens: Option<Utf8PathBuf>,
    /// `info`.
    pub log_level: LogLevel,
    /// Journald where standard error is the journal, else text; none: not said.
    pub log_format: Option<LogFormat>,
}

/// Port of the install listener where nothing else is said.
const INSTALL_PORT: u16 = 8470;
/// Longest time between two passes where nothing else is said.
const INTERVAL: Duration = Duration::from_secs(30);

impl Settings {
    /// The API's socket.
    pub fn api_socket(&self) -> Utf8PathBuf {
        self.run_dir.join("api.sock")
    }

    /// Fills in defaults and checks; `host_name` is this machine's.
    pub(super) fn resolve(input: &Fragment, host_name: Option<&str>, problems: &Problems) -> Option<Self> {
        let directory = |key: &Key<PathText>, default: &str| absolute(key, default, problems);
        let site = directory(&input.site, "/etc/rekindle/site");
        let state_dir = directory(&input.state_dir, "/var/lib/rekindle");
        let cache_dir = directory(&input.cache_dir, "/var/cache/rekindle");
        let run_dir = directory(&input.run_dir, "/run/rekindle");
        // An empty default stands for "not said".
        let upload_tokens = if input.upload_tokens.is_absent() { None } else { Some(directory(&input.upload_tokens, "")?) };
        let hypervisor = hypervisor(&input.hypervisor, host_name, problems);
        if let Some(Span(interval)) = input.interval.value()
            && !(Duration::from_secs(1)..=Duration::from_hours(24)).contains(interval)
            && let Some(at) = input.interval.get()
        {
            problems.push(Problem::new(at.span, "the interval must be from `1s` to `1d`"));
        }
        // A dual-stack socket: guests may have either family.
        let address = input.install_address.value().copied().unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED));
        let install_listen = SocketAddr::new(address, input.install_port.value().map_or(INSTALL_PORT, |port| port.as_u16()));
        if let Some(at) = input.api_listen.get()
            && at.value.port() == install_listen.port()
        {
            let problem = Problem::new(at.span, format!("the install listener has port {}", install_listen.port()));
            problems.push(problem.help("guests and people are served on two ports, never one: choose another"));
        }
        let taken = [Some(install_listen.port()), input.api_listen.value().map(SocketAddr::port)];
        if let Some(at) = input.reports_listen.get()
            && taken.contains(&Some(at.value.port()))
        {
            let problem = Problem::new(at.span, format!("port {} is another listener's", at.value.port()));
            problems.push(problem.help("a Puppet server's reports have a listener of their own: choose another port"));
        }
        Some(Self {
            site: site?,
            hypervisor: hypervisor?,
            state_dir: state_dir?,
            cache_dir: cache_dir?,
            run_dir: run_dir?,
            interval: input.interval.value().map_or(INTERVAL, |Span(interval)| *interval),
            parallel_installs: input.parallel_installs.value().map(|count| count.as_u32()),
            libvirt_uri: input.libvirt_uri.value().map_or("qemu:///system", |uri| uri.as_str()).to_owned(),
            install_listen,
            api_listen: input.api_listen.value().copied(),
            reports_listen: input.reports_listen.value().copied(),
            reports_from: input.reports_from.value().map(|Addresses(from)| from.clone()).unwrap_or_default(),
            upload_tokens,
            log_level: input.log_level.value().copied().unwrap_or(LogLevel::Info),
            log_format: input.log_format.value().copied(),
        })
    }
}

fn absolute(key: &Key<PathText>, default: &str, problems: &Problems) -> Option<Utf8PathBuf> {
    match key {
        Key::Bad => None,
        Key::Absent => Some(default.into()),
        Key::Given(at) => {
            let path = at.value.as_str();
            if !path.starts_with('/') || path.split('/').any(|part| part == "..") {
                let problem = Problem::new(at.span, format!("{} is no absolute path without `..`", quote(path)));
                problems.push(problem.help("the agent's working directory means nothing: write the whole path"));
            }
            Some(path.into())
        }
    }
}

fn hypervisor(key: &Key<HypervisorName>, host_name: Option<&str>, problems: &Problems) -> Option<HypervisorName> {
    match key {
        Key::Bad => None,
        Key::Given(at) => Some(at.value.clone()),
        Key::Absent => {
            // Host names may have underscores and capitals, hypervisors may not.
            let label = host_name.and_then(|name| name.split('.').next()).unwrap_or_default().to_ascii_lowercase();
            let parsed = label.replace('_', "-").trim_matches('-').parse().ok();
            if parsed.is_none() {
                let message = format!("no `hypervisor` is set, and this host's name {} cannot be one", quote(&label));
                let problem = Problem::new(Place::Path("/etc/rekindle/agent.toml".into()), message);
                problems.push(problem.help("add `hypervisor = \"…\"`, the name of a file in the site's hypervisors/"));
            }
            parsed
        }
    }
}
