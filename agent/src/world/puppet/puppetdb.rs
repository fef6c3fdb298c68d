//! PuppetDB: the newest report of a VM, where none was heard of.
//!
//! `execute` asks when the plan says so. Two queries at most: what the newest report of each name says, and for those that failed,
//! why. An answer is read like any other report (`report.rs`), and what can not be read is an error, never a verdict: no word is
//! unknown, and unknown is no success.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::https::{CallFault, Https, PemFault};
use super::report::{Log, Report, Resource, end_log, end_resource};
use crate::observed::{Disposition, PuppetReport};
use crate::spec::{Fqdn, PuppetHost, PuppetServerSpec};

/// How long one query may take.
const DEADLINE: Duration = Duration::from_secs(15);
/// Bytes of an answer that are read.
const BODY: u64 = 4 << 20;
/// The keys of a report that are asked for.
const KEYS: [&str; 9] =
    ["certname", "hash", "status", "noop", "cached_catalog_status", "environment", "transaction_uuid", "start_time", "metrics"];

/// Why PuppetDB gave no answer. The next thing to try is part of the text.
#[derive(Debug, thiserror::Error)]
pub enum PuppetDbError {
    /// A file that is needed to talk to it.
    #[error(transparent)]
    File(#[from] PemFault),
    /// No connection, or no answer in time.
    #[error("PuppetDB at {url} cannot be asked: {reason}; does it run, and is the port open from here?")]
    Unreachable {
        /// Where.
        url: String,
        /// Why.
        reason: String,
    },
    /// The handshake failed.
    #[error(
        "PuppetDB at {url} and this agent do not trust each other: {reason}; its certificate and `client_certificate` must be of the \
         site's CA, and its `certificate-allowlist` must name ours where it has one"
    )]
    Untrusted {
        /// Where.
        url: String,
        /// The words of TLS.
        reason: String,
    },
    /// It answered something else than reports.
    #[error("PuppetDB at {url} answered {words}; set `puppetdb_host` and `puppetdb_port` to its TLS port, and look at its log")]
    Answer {
        /// Where.
        url: String,
        /// Status and begin of its answer, or what is wrong with it.
        words: String,
    },
}

impl PuppetDbError {
    /// What the loop does about it: it is asked again in any case.
    pub fn disposition(&self) -> Disposition {
        match self {
            Self::Unreachable { .. } | Self::Answer { .. } => Disposition::RetryLater,
            Self::File(_) | Self::Untrusted { .. } => Disposition::Blocked,
        }
    }
}

/// Where reports are kept.
pub trait ReportArchive: Send + Sync {
    /// The newest report of each of these names that has one. Blocks for at most two deadlines.
    fn newest(
        &self,
        server: &PuppetServerSpec,
        puppetdb: &PuppetHost,
        certnames: &[Fqdn],
    ) -> Result<BTreeMap<Fqdn, PuppetReport>, PuppetDbError>;
}

/// The real one.
#[derive(Debug)]
pub struct PuppetDb {
    deadline: Duration,
}

impl PuppetDb {
    /// With this deadline for each query.
    pub const fn with_deadline(deadline: Duration) -> Self {
        Self { deadline }
    }
}

impl Default for PuppetDb {
    fn default() -> Self {
        Self::with_deadline(DEADLINE)
    }
}

impl ReportArchive for PuppetDb {
    fn newest(
        &self,
        server: &PuppetServerSpec,
        puppetdb: &PuppetHost,
        certnames: &[Fqdn],
    ) -> Result<BTreeMap<Fqdn, PuppetReport>, PuppetDbError> {
        let session = Session { https: Https::new(server, self.deadline)?, url: puppetdb.url() };
        let names: Vec<&str> = certnames.iter().map(Fqdn::as_str).collect();
        let newest = json!(["and", ["=", "latest_report?", true], ["in", "certname", ["array", names]]]);
        let found: Vec<Found> = session.ask(&json!(["extract", KEYS, newest]))?;
        let failed: Vec<&str> = found.iter().filter(|one| one.is_failed()).filter_map(|one| one.hash.as_deref()).collect();
        let reasons: Vec<Reasons> = if failed.is_empty() {
            Vec::new()
        } else {
            session.ask(&json!(["extract", ["hash", "logs", "resource_events"], ["in", "hash", ["array", failed]]]))?
        };
        Ok(read(certnames, found, reasons))
    }
}

/// What was answered, by the names that were asked for; whatever else is in it is left out.
fn read(certnames: &[Fqdn], found: Vec<Found>, mut reasons: Vec<Reasons>) -> BTreeMap<Fqdn, PuppetReport> {
    let mut reports = BTreeMap::new();
    for one in found {
        let Some(name) = certnames.iter().find(|name| name.as_str().eq_ignore_ascii_case(&one.certname)) else { continue };
        let reason = reasons.iter().position(|reason| reason.hash.is_some() && reason.hash == one.hash);
        let reason = reason.map(|index| reasons.swap_remove(index));
        reports.insert(name.clone(), one.into_report(reason));
    }
    reports
}

struct Session {
    https: Https,
    url: String,
}

impl Session {
    fn ask<T: for<'de> Deserialize<'de>>(&self, query: &Value) -> Result<Vec<T>, PuppetDbError> {
        let url = format!("{}/pdb/query/v4/reports", self.url);
        let body = json!({ "query": query }).to_string();
        let sent = self.https.agent.post(&url).content_type("application/json").header("accept", "application/json").send(body);
        let url = self.url.clone();
        let answer = self.https.read(sent, BODY + 1).map_err(|fault| match fault {
            CallFault::Unreachable(reason) => PuppetDbError::Unreachable { url: url.clone(), reason },
            CallFault::TooSlow(seconds) => {
                PuppetDbError::Unreachable { url: url.clone(), reason: format!("no answer within {seconds} s") }
            }
            CallFault::Untrusted(reason) => PuppetDbError::Untrusted { url: url.clone(), reason },
        })?;
        if answer.status != 200 {
            return Err(PuppetDbError::Answer { url, words: answer.words() });
        }
        if answer.body.len() as u64 > BODY {
            return Err(PuppetDbError::Answer { url, words: format!("with more than {BODY} bytes") });
        }
        serde_json::from_slice(&answer.body)
            .map_err(|error| PuppetDbError::Answer { url, words: format!("something that is no list of reports: {error}") })
    }
}

/// A report, as far as it is asked for. Every key but the name may be null.
#[derive(Debug, Deserialize)]
struct Found {
    certname: String,
    hash: Option<String>,
    status: Option<String>,
    noop: Option<bool>,
    cached_catalog_status: Option<String>,
    environment: Option<String>,
    transaction_uuid: Option<String>,
    start_time: Option<String>,
    metrics: Option<Part<Metric>>,
}

/// A part of a report with rows of its own.
#[derive(Debug, Deserialize)]
struct Part<T> {
    data: Option<Vec<T>>,
}

impl<T> Part<T> {
    fn rows(part: Option<Self>) -> Vec<T> {
        part.and_then(|part| part.data).unwrap_or_default()
    }
}

#[derive(Debug, Deserialize)]
struct Metric {
    category: String,
    name: String,
    value: Option<f64>,
}

/// Why a report has failed.
#[derive(Debug, Deserialize)]
struct Reasons {
    hash: Option<String>,
    logs: Option<Part<LogRow>>,
    resource_events: Option<Part<EventRow>>,
}

#[derive(Debug, Deserialize)]
struct LogRow {
    level: Option<String>,
    message: Option<String>,
    source: Option<String>,
}

#[derive(Debug, Deserialize)]
struct EventRow {
    status: Option<String>,
    resource_type: Option<String>,
    resource_title: Option<String>,
    message: Option<String>,
    file: Option<String>,
    line: Option<u64>,
}

impl Found {
    fn is_failed(&self) -> bool {
        !matches!(self.status.as_deref(), Some("changed" | "unchanged"))
    }

    /// The same as Puppet's own report would be, and judged like it.
    fn into_report(self, reasons: Option<Reasons>) -> PuppetReport {
        let metrics = Part::rows(self.metrics);
        let count = |name: &str| {
            let metric = metrics.iter().find(|metric| metric.category == "resources" && metric.name == name);
            // A count, and never more than an agent's whole machine has.
            metric.and_then(|metric| metric.value).map_or(0, |value| value.clamp(0.0, f64::from(u32::MAX)) as u32)
        };
        let mut report = Report {
            time: self.start_time,
            status: self.status,
            noop: self.noop.map(|noop| noop.to_string()),
            cached_catalog: self.cached_catalog_status,
            environment: self.environment,
            transaction: self.transaction_uuid,
            ..Report::default()
        };
        if let Some(reasons) = reasons {
            for row in Part::rows(reasons.logs) {
                let [level, message, source] = [row.level, row.message, row.source].map(Option::unwrap_or_default);
                end_log(&mut report, &Log { level, message, source });
            }
            for row in Part::rows(reasons.resource_events).into_iter().filter(|row| row.status.as_deref() == Some("failure")) {
                let [of, title, message] = [row.resource_type, row.resource_title, row.message].map(Option::unwrap_or_default);
                let resource = Resource {
                    failed: true,
                    messages: vec![message],
                    file: row.file.unwrap_or_default(),
                    line: row.line.map(|line| line.to_string()).unwrap_or_default(),
                    ..Resource::default()
                };
                end_resource(&mut report, &format!("{of}[{title}]"), &resource);
            }
        }
        report.total = count("total");
        report.changed = count("changed");
        report.corrective = count("corrective_change");
        report.failed = report.failed.max(count("failed")).max(count("failed_to_restart"));
        report.into_known()
    }
}

#[cfg(test)]
mod tests;
