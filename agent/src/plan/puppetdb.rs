//! What to ask PuppetDB: the reports of VMs that nothing is heard of.
//!
//! The fallback behind two ways that are quicker: the VM's own report and the one that its server forwards. One lane
//! (`Subject::PuppetDb`) asks for all VMs that are due together. What it says is believed as any other report is (`believe.rs`), and
//! kept by the next pass. That it says nothing, or cannot be asked, decides nothing: the deadline does.

use std::time::Duration;

use super::PlanInput;
use super::believe::believe;
use super::infra::hold_back;
use super::report::{Action, SubjectPlan};
use super::step::Step;
use crate::observed::{ObservedVm, Phase, PuppetDbWord, PuppetReport, Subject};
use crate::spec::{PuppetMode, Timestamp, VmSpec};

/// Names in one query.
const BATCH: usize = 200;

/// The lane; none: nothing to do.
pub(super) fn plan_puppetdb(input: &PlanInput<'_>) -> Option<SubjectPlan> {
    input.spec.site.puppet.as_ref()?.server.as_ref()?.puppetdb.as_ref()?;
    let served = input.spec.vms_on(input.hypervisor).filter(|vm| is_served(vm));
    let known: Vec<(&VmSpec, &ObservedVm)> = served.filter_map(|vm| Some((vm, input.observed.vms.get(&vm.name)?))).collect();
    let news = known.iter().filter_map(|(vm, observed)| Some((*observed, news(input, vm, observed)?)));
    let mut steps: Vec<Step> = news
        .map(|(observed, report)| Step::KeepReport {
            record: Box::new(observed.record.clone()),
            report: Box::new(report.clone()),
        })
        .collect();
    let mut due: Vec<(Timestamp, &VmSpec, &ObservedVm)> = known
        .iter()
        .filter(|(_, observed)| is_due(input, observed))
        .map(|(vm, observed)| (word(observed).map_or(Timestamp(0), |word| word.asked), *vm, *observed))
        .collect();
    due.sort_by(|one, other| (one.0, &one.1.name).cmp(&(other.0, &other.1.name)));
    due.truncate(BATCH);
    let reason = match (steps.len(), due.len()) {
        (0, 0) => return None,
        (0, vms) => format!("it is asked about {vms} VM(s) that no report came of"),
        (reports, _) => format!("it has {reports} report(s) that did not come by themselves"),
    };
    if !due.is_empty() {
        let of = due.into_iter().map(|(_, vm, observed)| (vm.name.clone(), observed.record.attempt, vm.fqdn.clone()));
        steps.push(Step::AskPuppetDb(of.collect()));
    }
    Some(hold_back(input, SubjectPlan { subject: Subject::PuppetDb, action: Action::Continue, reason, steps }))
}

/// For a VM whose report did not come in time: what PuppetDB has to do with it.
pub(super) fn silence(input: &PlanInput<'_>, vm: &VmSpec, observed: &ObservedVm) -> Option<String> {
    input.spec.site.puppet.as_ref()?.server.as_ref()?.puppetdb.as_ref()?;
    if let Some(error) = input.observed.errors.get(&Subject::PuppetDb) {
        return Some(format!("and {}", error.detail));
    }
    match &word(observed)?.report {
        None => Some("and PuppetDB has none either".to_owned()),
        Some(report) => {
            let disbelief = believe(vm, &observed.record, &observed.events, report, input.now).err()?;
            Some(format!("and of PuppetDB's newest: {disbelief}"))
        }
    }
}

/// Handed to a Puppet server.
pub(super) fn is_served(vm: &VmSpec) -> bool {
    vm.puppet.as_ref().is_some_and(|puppet| puppet.mode == PuppetMode::Server)
}

/// What was said of the present attempt.
fn word(observed: &ObservedVm) -> Option<&PuppetDbWord> {
    observed.puppetdb.as_ref().filter(|word| word.attempt == observed.record.attempt)
}

/// A report that is newer than any that is known, and believed.
fn news<'a>(input: &PlanInput<'_>, vm: &VmSpec, observed: &'a ObservedVm) -> Option<&'a PuppetReport> {
    let report = word(observed)?.report.as_ref()?;
    let known = observed.puppet.as_ref().map(|runs| &runs.last);
    let is_known = known
        .is_some_and(|last| (last.transaction.is_some() && last.transaction == report.transaction) || last.began >= report.began);
    (!is_known && believe(vm, &observed.record, &observed.events, report, input.now).is_ok()).then_some(report)
}

/// Nothing was heard for long enough, and it was not asked just now.
fn is_due(input: &PlanInput<'_>, observed: &ObservedVm) -> bool {
    let policy = input.policy;
    let record = &observed.record;
    let heard = observed.puppet.as_ref().map(|runs| runs.heard);
    let (since, interval) = match record.phase {
        Phase::Enrolling if observed.handoff().is_none() => (record.since.plus(policy.puppetdb_after), policy.puppetdb_interval),
        Phase::Ready => (heard.unwrap_or(record.since).plus(policy.puppetdb_quiet), policy.puppetdb_quiet / 4),
        _ => return false,
    };
    let passed = |at: Timestamp, span: Duration| at.plus(span) <= input.now || at > input.now.plus(span);
    since <= input.now && word(observed).is_none_or(|word| passed(word.asked, interval))
}
