//! Reads a Puppet report (YAML, format 12 and its neighbours) of a guest.
//!
//! The report is read as a stream of events: nothing but the verdict, the failed resources and the errors is kept, aliases are
//! never expanded, and depth, size and counts are bounded, since whoever has a VM's token can send anything. Every key may be
//! missing, but success needs a word for it: what does not say that it succeeded has failed.

mod time;

use std::collections::HashMap;

use saphyr_parser::{Event, Parser};

use crate::observed::{HandoffResult, HandoffStatus, PuppetReport, clean_line};
use crate::spec::Fqdn;

/// Why a report is of no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReportError {
    /// More bytes than any report.
    #[error("the report is larger than {MAX_BYTES} bytes")]
    TooLarge,
    /// Not YAML.
    #[error("the report is not YAML: line {line}: {reason}")]
    Syntax {
        /// From 1.
        line: usize,
        /// The parser's words.
        reason: String,
    },
    /// Nested or repeated beyond any report.
    #[error("the report is nested too deeply or has too many parts")]
    TooComplex,
    /// YAML, but no report.
    #[error("this is not a Puppet report: it has no `host`")]
    NotAReport,
    /// It is another machine's.
    #[error("the report is of host {found:?}, the VM's certname is `{expected}`")]
    WrongHost {
        /// As in the report.
        found: String,
        /// The VM's.
        expected: Fqdn,
    },
}

const MAX_BYTES: usize = 4 << 20;
const MAX_DEPTH: usize = 40;
const MAX_EVENTS: usize = 1_500_000;
/// Anchored scalars remembered for aliases, and the longest of them.
const MAX_ANCHORS: usize = 2000;
const MAX_ANCHORED: usize = 4096;
/// Failures kept, and characters of each.
const MAX_FAILURES: usize = 20;
const MAX_MESSAGE: usize = 600;

/// Reads `yaml`, the report of the VM with this certname.
pub fn read_report(yaml: &[u8], certname: &Fqdn) -> Result<PuppetReport, ReportError> {
    let (host, report) = read_forwarded(yaml)?;
    if !host.eq_ignore_ascii_case(certname.as_str()) {
        return Err(ReportError::WrongHost { found: host, expected: certname.clone() });
    }
    Ok(report)
}

/// Reads `yaml`, a report of whomever: the host, fit to be shown, and what it says.
pub fn read_forwarded(yaml: &[u8]) -> Result<(String, PuppetReport), ReportError> {
    if yaml.len() > MAX_BYTES {
        return Err(ReportError::TooLarge);
    }
    let text = String::from_utf8_lossy(yaml);
    let report = Walk::default().run(&text)?;
    let host = report.host.clone().filter(|host| !host.is_empty()).ok_or(ReportError::NotAReport)?;
    Ok((short(&host), report.into_known()))
}

/// What is kept of a report.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) host: Option<String>,
    pub(super) time: Option<String>,
    pub(super) status: Option<String>,
    pub(super) completed: Option<String>,
    pub(super) noop: Option<String>,
    pub(super) cached_catalog: Option<String>,
    pub(super) environment: Option<String>,
    pub(super) transaction: Option<String>,
    pub(super) corrective: u32,
    /// Resources that it lists, and that it counts.
    pub(super) resources: u32,
    pub(super) total: u32,
    pub(super) changed: u32,
    pub(super) failed: u32,
    pub(super) failures: Vec<String>,
    /// Errors that Puppet itself logged, then those of everything else.
    pub(super) errors: Vec<String>,
    pub(super) other_errors: Vec<String>,
}

impl Report {
    /// What is kept of it, judged.
    pub(super) fn into_known(self) -> PuppetReport {
        let began = self.time.as_deref().and_then(time::parse);
        let word = |value: &Option<String>| value.as_deref().map(short).filter(|word| !word.is_empty());
        let (environment, transaction) = (word(&self.environment), word(&self.transaction));
        let corrective = self.corrective;
        PuppetReport { result: self.judge(), began, environment, transaction, corrective }
    }

    fn judge(mut self) -> HandoffResult {
        let is = |value: &Option<String>, word: &str| value.as_deref() == Some(word);
        let mut reasons = Vec::new();
        if is(&self.completed, "false") {
            reasons.push("the catalog was not applied to its end".to_owned());
        }
        if is(&self.noop, "true") {
            reasons.push("the run was made with --noop and changed nothing".to_owned());
        }
        if is(&self.cached_catalog, "on_failure") {
            reasons.push("the catalog could not be compiled; an old one was applied".to_owned());
        }
        let status = match self.status.as_deref() {
            Some("changed") => HandoffStatus::Changed,
            Some("unchanged") => HandoffStatus::Unchanged,
            Some("failed") => HandoffStatus::Failed,
            Some(other) => {
                reasons.push(format!("the report has the status {:?}", short(other)));
                HandoffStatus::Failed
            }
            None => {
                reasons.push("the report has no status".to_owned());
                HandoffStatus::Failed
            }
        };
        let status = if self.failed > 0 || !reasons.is_empty() { HandoffStatus::Failed } else { status };
        let mut failures = std::mem::take(&mut self.failures);
        if status == HandoffStatus::Failed {
            if failures.is_empty() {
                failures = if self.errors.is_empty() { self.other_errors } else { self.errors };
            }
            failures.extend(reasons);
            if failures.is_empty() {
                failures.push("the report gives no reason".to_owned());
            }
        }
        HandoffResult {
            status,
            time: self.time.as_deref().map(short).unwrap_or_default(),
            failures,
            resources: (self.resources.max(self.total), self.changed),
        }
    }
}

/// One entry of `logs`.
#[derive(Debug, Default)]
pub(super) struct Log {
    pub(super) level: String,
    pub(super) message: String,
    pub(super) source: String,
}

/// One entry of `resource_statuses`.
#[derive(Debug, Default)]
pub(super) struct Resource {
    pub(super) failed: bool,
    pub(super) changed: bool,
    pub(super) corrective: bool,
    pub(super) file: String,
    pub(super) line: String,
    pub(super) messages: Vec<String>,
    pub(super) event: ResourceEvent,
}

/// One entry of a resource's `events`.
#[derive(Debug, Default)]
pub(super) struct ResourceEvent {
    failed: bool,
    message: String,
}

/// A collection that is open.
enum Open {
    /// With the key whose value is awaited, or none where a key is.
    Map(Option<String>),
    Seq,
}

/// Where the stream is, and what has been kept so far.
#[derive(Default)]
struct Walk {
    open: Vec<Open>,
    anchors: HashMap<usize, String>,
    report: Report,
    log: Log,
    resource: Resource,
    /// The row of `metrics` that is read: its name, its label, its value.
    metric: Vec<String>,
}

impl Walk {
    fn run(mut self, text: &str) -> Result<Report, ReportError> {
        let mut parser = Parser::new_from_str(text);
        let mut events = 0usize;
        while let Some(next) = parser.next_event() {
            let (event, _) =
                next.map_err(|error| ReportError::Syntax { line: error.marker().line(), reason: short(error.info()) })?;
            events += 1;
            if events > MAX_EVENTS || self.open.len() > MAX_DEPTH {
                return Err(ReportError::TooComplex);
            }
            match event {
                Event::Scalar(value, _, anchor, _) => {
                    if anchor > 0 && self.anchors.len() < MAX_ANCHORS && value.len() <= MAX_ANCHORED {
                        self.anchors.insert(anchor, value.clone().into_owned());
                    }
                    self.scalar(&value);
                }
                Event::Alias(anchor) => {
                    let value = self.anchors.get(&anchor).cloned().unwrap_or_default();
                    self.scalar(&value);
                }
                Event::MappingStart(..) => self.begin(Open::Map(None)),
                Event::SequenceStart(..) => self.begin(Open::Seq),
                Event::MappingEnd | Event::SequenceEnd => self.end(),
                // One document is a report.
                Event::DocumentEnd => return Ok(self.report),
                Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) => {}
            }
        }
        Ok(self.report)
    }

    fn scalar(&mut self, value: &str) {
        if let Some(Open::Map(key @ None)) = self.open.last_mut() {
            *key = Some(value.chars().take(MAX_MESSAGE).collect());
            return;
        }
        let value = value.trim();
        let text = || value.chars().take(MAX_MESSAGE * 2).collect::<String>();
        let yes = value == "true";
        let (report, log, resource) = (&mut self.report, &mut self.log, &mut self.resource);
        match path(&self.open) {
            [key, "", ..] => {
                let slot = match key {
                    "host" => &mut report.host,
                    "time" => &mut report.time,
                    "status" => {
                        report.status = Some(symbol(value).to_owned());
                        return self.after_value();
                    }
                    "transaction_completed" => &mut report.completed,
                    "noop" => &mut report.noop,
                    "cached_catalog_status" => &mut report.cached_catalog,
                    "environment" => &mut report.environment,
                    "transaction_uuid" => &mut report.transaction,
                    _ => return self.after_value(),
                };
                *slot = Some(text());
            }
            ["logs", "-", key, "", ..] => match key {
                "level" => symbol(&text()).clone_into(&mut log.level),
                "message" => log.message = text(),
                "source" => log.source = text(),
                _ => {}
            },
            ["resource_statuses", _, key, "", ..] => match key {
                "failed" | "failed_to_restart" => resource.failed |= yes,
                "changed" => resource.changed |= yes,
                "corrective_change" => resource.corrective |= yes,
                "file" => resource.file = text(),
                "line" => resource.line = text(),
                _ => {}
            },
            ["metrics", "resources", "values", "-", "-", ""] if self.metric.len() < 3 => self.metric.push(text()),
            ["resource_statuses", _, "events", "-", key, ""] => match key {
                "status" => resource.event.failed = symbol(value) == "failure",
                "message" => resource.event.message = text(),
                _ => {}
            },
            _ => {}
        }
        self.after_value();
    }

    /// A value is complete: the map it is in awaits a key again.
    fn after_value(&mut self) {
        if let Some(Open::Map(key)) = self.open.last_mut() {
            *key = None;
        }
    }

    fn begin(&mut self, collection: Open) {
        // A collection as a key: it counts as an unnamed one.
        if let Some(Open::Map(key @ None)) = self.open.last_mut() {
            *key = Some(String::new());
        }
        self.open.push(collection);
    }

    fn end(&mut self) {
        self.open.pop();
        match path(&self.open) {
            ["logs", "-", "", ..] if self.open.len() == 2 => end_log(&mut self.report, &std::mem::take(&mut self.log)),
            ["resource_statuses", name, "", ..] if self.open.len() == 2 && name != "-" => {
                end_resource(&mut self.report, name, &std::mem::take(&mut self.resource));
            }
            // From version 8 on, Puppet leaves resources out that it did not change: only here they are counted.
            ["metrics", "resources", "values", "-", "", ..] => {
                if let [name, _, value] = std::mem::take(&mut self.metric).as_slice()
                    && name == "total"
                {
                    self.report.total = value.parse().unwrap_or_default();
                }
            }
            ["resource_statuses", _, "events", "-", "", ..] => {
                let resource = &mut self.resource;
                let message = std::mem::take(&mut resource.event.message);
                if std::mem::take(&mut resource.event.failed) && resource.messages.len() < MAX_FAILURES {
                    resource.messages.push(message);
                }
            }
            _ => {}
        }
        self.after_value();
    }
}

pub(super) fn end_log(report: &mut Report, log: &Log) {
    if !matches!(log.level.as_str(), "err" | "alert" | "emerg" | "crit") {
        return;
    }
    let puppet = log.source == "Puppet" || log.source.starts_with('/');
    let kept = if puppet { &mut report.errors } else { &mut report.other_errors };
    let text = if log.source == "Puppet" { short(&log.message) } else { short(&format!("{}: {}", log.source, log.message)) };
    if kept.len() < MAX_FAILURES && !kept.contains(&text) {
        kept.push(text);
    }
}

pub(super) fn end_resource(report: &mut Report, name: &str, resource: &Resource) {
    report.resources = report.resources.saturating_add(1);
    report.changed = report.changed.saturating_add(u32::from(resource.changed));
    report.corrective = report.corrective.saturating_add(u32::from(resource.changed && resource.corrective));
    if !resource.failed && resource.messages.is_empty() {
        return;
    }
    report.failed = report.failed.saturating_add(1);
    if report.failures.len() >= MAX_FAILURES {
        return;
    }
    let place = match (resource.file.as_str(), resource.line.as_str()) {
        ("", _) => String::new(),
        (file, "") => format!(" ({file})"),
        (file, line) => format!(" ({file}:{line})"),
    };
    let message = if resource.messages.is_empty() { "failed".to_owned() } else { resource.messages.join("; ") };
    report.failures.push(short(&format!("{name}: {message}{place}")));
}

/// The keys from the root to here; `-` for a place in a sequence. All empty deeper than anything we read.
fn path(open: &[Open]) -> [&str; 6] {
    let mut path = [""; 6];
    if open.len() <= path.len() {
        for (slot, open) in path.iter_mut().zip(open) {
            *slot = match open {
                Open::Map(key) => key.as_deref().unwrap_or(""),
                Open::Seq => "-",
            };
        }
    }
    path
}

/// Older versions write words as Ruby's symbols.
fn symbol(word: &str) -> &str {
    word.strip_prefix(':').unwrap_or(word)
}

/// One line for people: safe to show, not endless.
fn short(text: &str) -> String {
    let line = clean_line(&text.replace(['\n', '\r', '\t'], " "));
    match line.char_indices().nth(MAX_MESSAGE) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests;
