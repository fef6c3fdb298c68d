//! `/metrics` in Prometheus' text format, made from the last snapshot and the install listener's counters. Pure.
//!
//! Labels are names of the site and closed sets of words, never anything that a guest has said.

use std::fmt::Write as _;

use super::traffic::Traffic;
use crate::observed::{Cause, HypervisorState, Phase};
use crate::reconcile::Snapshot;
use crate::spec::Timestamp;

/// The content type of [`render`]'s text.
pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// All metrics.
pub(super) fn render(snapshot: Option<&Snapshot>, traffic: &Traffic, now: Timestamp) -> String {
    let mut page = Page(String::new());
    page.gauge("rekindle_build_info", "Version of the agent.", &[(&[("version", env!("CARGO_PKG_VERSION"))], 1.0)]);
    page.traffic(traffic);
    if let Some(snapshot) = snapshot {
        page.passes(snapshot, now);
        page.vms(snapshot);
        page.hypervisor(snapshot);
    }
    page.0
}

type Sample<'a> = (&'a [(&'a str, &'a str)], f64);

struct Page(String);

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
