use super::*;
use crate::observed::{GuestEvent, GuestEventKind, HandoffStatus, Phase};
use crate::reconcile::testing::{self, Rig, record};
use crate::spec::{Timestamp, sample};

/// The rig's clock says 07:18:00; `web1` booted three minutes before.
const BOOT: Timestamp = Timestamp(1_795_418_100_000);

/// A report as puppetserver forwards it.
fn yaml(host: &str, environment: &str, time: &str, status: &str, transaction: &str) -> String {
    format!(
        "--- !ruby/object:Puppet::Transaction::Report\nhost: {host}\ntime: '{time}'\nreport_format: 12\n\
         transaction_uuid: {transaction}\nstatus: {status}\nenvironment: {environment}\nresource_statuses:\n  File[/x]:\n    \
         changed: true\n    failed: {}\n    corrective_change: true\n",
        status == "failed"
    )
}

const GOOD_TIME: &str = "2026-11-23T07:17:00.123+00:00";

fn good() -> String {
    yaml("web1.example.com", "dev", GOOD_TIME, "changed", "t1")
}

/// `web1` in this phase, booted.
fn rig(phase: Phase) -> Rig {
    let rig = testing::rig(sample::served("/nonexistent".into()));
    rig.store.put_record(&record(phase, 1)).unwrap();
    let kind = GuestEventKind::FirstBoot { address: [192, 0, 2, 10].into() };
    rig.store.add_event(&"web1".parse().unwrap(), &GuestEvent { at: BOOT, attempt: 1, kind }).unwrap();
    rig
}

fn handoffs(rig: &Rig) -> Vec<HandoffStatus> {
    let events = rig.store.events(&"web1".parse().unwrap(), 1).unwrap();
    let of = |event: &GuestEvent| match &event.kind {
        GuestEventKind::Handoff { result, .. } => Some(result.status),
        _ => None,
    };
    events.iter().filter_map(of).collect()
}

#[test]
fn a_forwarded_report_ends_the_handoff_once() {
    let rig = rig(Phase::Enrolling);
    let desk = rig.handle.desk();
    let vm: VmName = "web1".parse().unwrap();
    assert_eq!(desk.forwarded_report(good().as_bytes()), Ok(ReportTaken::New(vm.clone())));
    assert_eq!(desk.forwarded_report(good().as_bytes()), Ok(ReportTaken::Known(vm)), "the same again");
    assert_eq!(handoffs(&rig), [HandoffStatus::Changed]);
}

#[test]
fn later_reports_keep_the_state_true_and_are_counted() {
    let rig = rig(Phase::Ready);
    let (desk, vm): (_, VmName) = (rig.handle.desk(), "web1".parse().unwrap());
    let at = |minute: u32, status: &str| {
        let time = format!("2026-11-23T07:{minute}:00Z");
        yaml("web1.example.com", "dev", &time, status, &format!("t{minute}"))
    };
    for (minute, status, taken) in
        [(15, "changed", true), (17, "failed", true), (16, "unchanged", false), (18, "unchanged", true)]
    {
        let expected = if taken { ReportTaken::New(vm.clone()) } else { ReportTaken::Known(vm.clone()) };
        assert_eq!(desk.forwarded_report(at(minute, status).as_bytes()), Ok(expected), "{minute} {status}");
    }
    let runs = rig.store.run(&vm, 1).unwrap().unwrap();
    assert_eq!((runs.runs, runs.failed, runs.corrective), (3, 1, 3));
    assert_eq!(runs.last.result.status, HandoffStatus::Unchanged);
    assert!(handoffs(&rig).is_empty(), "a ready VM is not handed over again");
    assert_eq!(rig.store.run(&vm, 2).unwrap(), None, "a rebuilt VM begins anew");
    assert!(!runs.is_stale(runs.heard.plus(PuppetRuns::STALE)) && runs.is_stale(runs.heard.plus(PuppetRuns::STALE * 2)));
}

/// The report is turned away for this, and nothing has changed.
#[track_caller]
fn check_refused(phase: Phase, report: &str, kind: &str, words: &str) {
    let rig = rig(phase);
    let refused = rig.handle.desk().forwarded_report(report.as_bytes()).expect_err(words);
    assert!(refused.kind() == kind && ReportRefused::KINDS.contains(&kind), "{refused:?}");
    assert!(refused.to_string().contains(words), "{refused}");
    assert!(!refused.to_string().contains(|c: char| c.is_control()), "{refused}");
    assert!(handoffs(&rig).is_empty() && rig.store.run(&"web1".parse().unwrap(), 1).unwrap().is_none(), "{words}");
}

#[test]
fn reports_that_are_not_of_this_machine_since_its_boot_are_turned_away() {
    let of = |host: &str, environment: &str, time: &str| yaml(host, environment, time, "unchanged", "t");
    let web1 = "web1.example.com";
    let without = |key: &str| good().lines().filter(|line| !line.starts_with(key)).collect::<Vec<_>>().join("\n");
    for (report, kind, words) in [
        (of("db1.example.com", "dev", GOOD_TIME), "host", "host \"db1.example.com\" is no VM"),
        (of("\"a\\e[31mb\\n\"", "dev", GOOD_TIME), "host", "is no VM"),
        (of(web1, "production", GOOD_TIME), "environment", "of environment Some(\"production\"), the VM's is `dev`"),
        (without("environment"), "environment", "of environment None"),
        (of(web1, "dev", "2026-11-23T07:12:59Z"), "time", "before its boot"),
        (of(web1, "dev", "2026-11-23T07:20:01Z"), "time", "in the future"),
        (of(web1, "dev", "soon"), "time", "no time"),
        (without("time"), "time", "at no time"),
        (without("host"), "unreadable", "no `host`"),
        ("{".to_owned(), "unreadable", "not YAML"),
        (String::new(), "unreadable", "no `host`"),
        ("[".repeat(100_000), "unreadable", "the report is n"),
    ] {
        check_refused(Phase::Enrolling, &report, kind, words);
    }
    for phase in [Phase::Preparing, Phase::Installing, Phase::Retiring] {
        check_refused(phase, &good(), "phase", "no report is expected");
    }
}

#[test]
fn a_status_that_is_missing_or_unknown_is_no_success() {
    for report in [good().replace("status: changed\n", ""), good().replace("status: changed", "status: splendid")] {
        let rig = rig(Phase::Enrolling);
        rig.handle.desk().forwarded_report(report.as_bytes()).unwrap();
        assert_eq!(handoffs(&rig), [HandoffStatus::Failed], "{report}");
    }
}

#[test]
fn a_vm_without_a_puppet_server_or_of_another_hypervisor_has_no_reports() {
    let rig = testing::rig(sample::served("/nonexistent".into()));
    let refused = rig.handle.desk().forwarded_report(good().as_bytes());
    assert!(matches!(refused, Err(ReportRefused::UnknownHost { .. })), "no record: {refused:?}");
    let masterless = testing::rig(sample::spec("/nonexistent".into()));
    masterless.store.put_record(&record(Phase::Ready, 1)).unwrap();
    let refused = masterless.handle.desk().forwarded_report(good().as_bytes());
    assert!(matches!(refused, Err(ReportRefused::UnknownHost { .. })), "{refused:?}");
}
