//! `/metrics` in Prometheus' text format, made from the last snapshot and the install listener's counters. Pure.
//!
//! Labels are names of the site and closed sets of words, never anything that a guest has said.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::traffic::Traffic;
use crate::observed::{Cause, HandoffStatus, HypervisorState, Phase};
use crate::reconcile::Snapshot;
use crate::spec::{PuppetMode, Timestamp};

/// The content type of [`render`]'s text.
pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Certificate requests by what `rekindle puppet autosign` made of them on one host.
pub fn verdicts(counts: &BTreeMap<String, u64>) -> String {
    let mut page = Page(String::new());
    page.verdicts(counts);
    page.0
}

/// All metrics; `judged` are the verdicts of `rekindle puppet autosign` on this host.
pub(super) fn render(snapshot: Option<&Snapshot>, traffic: &Traffic, judged: &BTreeMap<String, u64>, now: Timestamp) -> String {
    let mut page = Page(String::new());
    page.gauge("rekindle_build_info", "Version of the agent.", &[(&[("version", env!("CARGO_PKG_VERSION"))], 1.0)]);
    page.traffic(traffic);
    page.reports(traffic);
    page.verdicts(judged);
    if let Some(snapshot) = snapshot {
        page.passes(snapshot, now);
        page.vms(snapshot);
        page.puppet(snapshot, now);
        page.hypervisor(snapshot);
    }
    page.0
}

type Sample<'a> = (&'a [(&'a str, &'a str)], f64);

struct Page(String);

/// Puppet on the VMs of one stage.
#[derive(Default)]
struct StageRuns<'a> {
    states: BTreeMap<&'a str, u64>,
    failed: u64,
    corrective: u64,
}

impl Page {
    fn gauge(&mut self, name: &str, help: &str, samples: &[Sample<'_>]) {
        self.metric(name, "gauge", help, samples);
    }

    fn counter(&mut self, name: &str, help: &str, samples: &[Sample<'_>]) {
        self.metric(name, "counter", help, samples);
    }

    fn metric(&mut self, name: &str, kind: &str, help: &str, samples: &[Sample<'_>]) {
        if samples.is_empty() {
            return;
        }
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in samples {
            self.0.push_str(name);
            for (index, (label, text)) in labels.iter().enumerate() {
                self.0.push(if index == 0 { '{' } else { ',' });
                let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
                let _ = write!(self.0, "{label}=\"{text}\"");
            }
            let _ = writeln!(self.0, "{} {value}", if labels.is_empty() { "" } else { "}" });
        }
    }

    fn traffic(&mut self, traffic: &Traffic) {
        let kinds = [
            ("kickstart", &traffic.kickstarts),
            ("callback", &traffic.callbacks),
            ("puppet-archive", &traffic.archives),
            ("file", &traffic.files),
        ];
        let labels = kinds.map(|(kind, _)| [("kind", kind)]);
        let samples: Vec<Sample<'_>> =
            labels.iter().zip(kinds).map(|(l, (_, count))| (l.as_slice(), count.get() as f64)).collect();
        self.counter("rekindle_install_requests_total", "Requests of guests that were answered.", &samples);
        let reasons = [("token", &traffic.denied), ("rate", &traffic.limited), ("network", &traffic.foreign)];
        let labels = reasons.map(|(reason, _)| [("reason", reason)]);
        let samples: Vec<Sample<'_>> =
            labels.iter().zip(reasons).map(|(l, (_, count))| (l.as_slice(), count.get() as f64)).collect();
        self.counter("rekindle_install_refused_total", "Requests and connections of guests that were refused.", &samples);
    }

    fn verdicts(&mut self, counts: &BTreeMap<String, u64>) {
        let labels: Vec<_> = counts.keys().map(|kind| [("verdict", kind.as_str())]).collect();
        let samples: Vec<Sample<'_>> =
            labels.iter().zip(counts.values()).map(|(l, count)| (l.as_slice(), *count as f64)).collect();
        self.counter("rekindle_autosign_total", "Certificate requests, by what was made of them.", &samples);
    }

    fn reports(&mut self, traffic: &Traffic) {
        let counts: Vec<_> = traffic.reports.counts().map(|(verdict, count)| ([("verdict", verdict)], count)).collect();
        let samples: Vec<Sample<'_>> = counts.iter().map(|(labels, count)| (labels.as_slice(), *count as f64)).collect();
        self.counter("rekindle_puppet_reports_total", "Forwarded Puppet reports, and what became of them.", &samples);
    }

    /// Puppet on the VMs of each stage. A VM that nothing is heard of is unknown, whatever it said last.
    fn puppet(&mut self, snapshot: &Snapshot, now: Timestamp) {
        let mut stages: BTreeMap<&str, StageRuns<'_>> = BTreeMap::new();
        for vm in snapshot.spec.vms_on(&snapshot.hypervisor).filter(|vm| vm.puppet.is_some()) {
            let runs = snapshot.observed.vms.get(&vm.name).and_then(|observed| observed.puppet.as_ref());
            // Without a server there are no runs after the handoff.
            let served = vm.puppet.as_ref().is_some_and(|puppet| puppet.mode == PuppetMode::Server);
            let state = match runs.filter(|runs| !served || !runs.is_stale(now)).map(|runs| runs.last.result.status) {
                None => "unknown",
                Some(HandoffStatus::Changed) => "changed",
                Some(HandoffStatus::Unchanged) => "unchanged",
                Some(HandoffStatus::Failed) => "failed",
            };
            let stage = stages.entry(vm.stage.as_str()).or_default();
            *stage.states.entry(state).or_default() += 1;
            stage.failed += runs.map_or(0, |runs| runs.failed);
            stage.corrective += runs.map_or(0, |runs| runs.corrective);
        }
        let states = ["changed", "unchanged", "failed", "unknown"];
        let rows: Vec<_> = stages
            .iter()
            .flat_map(|(stage, of)| states.map(|state| ([("stage", *stage), ("state", state)], of.states.get(state).copied())))
            .collect();
        let samples: Vec<Sample<'_>> =
            rows.iter().map(|(labels, count)| (labels.as_slice(), count.unwrap_or_default() as f64)).collect();
        self.gauge(
            "rekindle_puppet_vms",
            "VMs by the verdict of Puppet's last run; unknown: none was heard of in time.",
            &samples,
        );
        let labels: Vec<_> = stages.keys().map(|stage| [("stage", *stage)]).collect();
        let sums = |of: fn(&StageRuns<'_>) -> u64| -> Vec<Sample<'_>> {
            labels.iter().zip(stages.values()).map(|(l, counts)| (l.as_slice(), of(counts) as f64)).collect()
        };
        let (failed, corrective) = (sums(|runs| runs.failed), sums(|runs| runs.corrective));
        self.gauge("rekindle_puppet_failed_runs", "Failed Puppet runs of the present VMs since their last rebuild.", &failed);
        let help =
            "Resources of the present VMs that Puppet put right after somebody else had changed them, since their last rebuild.";
        self.gauge("rekindle_puppet_corrective_changes", help, &corrective);
    }

    fn passes(&mut self, snapshot: &Snapshot, now: Timestamp) {
        self.counter("rekindle_passes_total", "Passes of the loop.", &[(&[], snapshot.passes as f64)]);
        let took = snapshot.pass_micros as f64 / 1e6;
        self.gauge("rekindle_pass_duration_seconds", "How long the last pass took.", &[(&[], took)]);
        let age = now.since(snapshot.at).as_secs_f64();
        self.gauge("rekindle_pass_age_seconds", "Time since the last pass ended.", &[(&[], age)]);
        self.gauge("rekindle_idle", "Nothing remains to be done.", &[(&[], yes(snapshot.idle))]);
        let broken = yes(snapshot.site_error.is_some());
        self.gauge(
            "rekindle_site_error",
            "The newest site on disk could not be loaded; the one before is in force.",
            &[(&[], broken)],
        );
    }

    fn vms(&mut self, snapshot: &Snapshot) {
        let count = |phase: Option<Phase>| snapshot.vms.values().filter(|vm| vm.phase == phase).count() as f64;
        let phases: Vec<_> = Phase::ALL.into_iter().map(Some).chain([None]).collect();
        let labels: Vec<_> = phases.iter().map(|phase| [("phase", phase.map_or("none", Phase::as_str))]).collect();
        let samples: Vec<Sample<'_>> = labels.iter().zip(&phases).map(|(l, phase)| (l.as_slice(), count(*phase))).collect();
        self.gauge("rekindle_vms", "VMs by phase; none: nothing has been done for them yet.", &samples);

        let records: Vec<_> = snapshot.observed.vms.values().map(|vm| &vm.record).collect();
        let failed = |cause| {
            let is = |failure: &crate::observed::Failure| failure.cause == cause;
            records.iter().filter(|r| r.phase == Phase::Failed && r.failure.as_ref().is_some_and(is)).count() as f64
        };
        let labels = Cause::ALL.map(|cause| [("cause", cause.as_str())]);
        let samples: Vec<Sample<'_>> = labels.iter().zip(Cause::ALL).map(|(l, cause)| (l.as_slice(), failed(cause))).collect();
        self.gauge("rekindle_failed_vms", "VMs that have failed, by cause.", &samples);

        let labels: Vec<_> = records.iter().map(|record| [("vm", record.vm.as_str())]).collect();
        let attempts: Vec<Sample<'_>> =
            labels.iter().zip(&records).map(|(l, record)| (l.as_slice(), f64::from(record.attempt))).collect();
        self.gauge("rekindle_vm_attempts", "Install attempts ever begun for a VM.", &attempts);
        let recovered = labels.iter().zip(&records).filter_map(|(l, record)| {
            let seconds = record.ready_at?.since(record.began).as_secs_f64();
            Some((l.as_slice(), seconds))
        });
        let help = "From the begin of a VM's last attempt until it was ready.";
        self.gauge("rekindle_vm_recovery_seconds", help, &recovered.collect::<Vec<Sample<'_>>>());
    }

    fn hypervisor(&mut self, snapshot: &Snapshot) {
        let HypervisorState::Reachable(host) = &snapshot.observed.hypervisor else {
            self.gauge("rekindle_hypervisor_reachable", "libvirt answers.", &[(&[], 0.0)]);
            return;
        };
        self.gauge("rekindle_hypervisor_reachable", "libvirt answers.", &[(&[], 1.0)]);
        let labels: Vec<_> = host.pools.keys().map(|pool| [("pool", pool.as_str())]).collect();
        let bytes = |of: fn(&crate::observed::ObservedPool) -> u64| -> Vec<Sample<'_>> {
            labels.iter().zip(host.pools.values()).map(|(l, pool)| (l.as_slice(), of(pool) as f64)).collect()
        };
        let free = bytes(|pool| pool.available_bytes);
        let all = bytes(|pool| pool.capacity_bytes);
        self.gauge("rekindle_pool_available_bytes", "Free space of a storage pool.", &free);
        self.gauge("rekindle_pool_capacity_bytes", "Size of a storage pool.", &all);
    }
}

const fn yes(is: bool) -> f64 {
    if is { 1.0 } else { 0.0 }
}
