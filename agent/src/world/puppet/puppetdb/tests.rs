use super::*;
use crate::observed::HandoffStatus;

/// What PuppetDB 7.12.1 answered, with reports of puppet-agent 7.23 that its own terminus had sent.
const REPORTS: &str = include_str!("reports.json");
const FAILED: &str = include_str!("failed.json");

fn names(names: &[&str]) -> Vec<Fqdn> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

fn read_text(asked: &[Fqdn], found: &str, reasons: &str) -> BTreeMap<Fqdn, PuppetReport> {
    read(asked, serde_json::from_str(found).unwrap(), serde_json::from_str(reasons).unwrap())
}

#[test]
fn answers_of_a_real_puppetdb_are_read() {
    let asked = names(&["web1.example.com", "web3.example.com", "web5.example.com", "web6.example.com"]);
    let reports = read_text(&asked, REPORTS, FAILED);
    assert_eq!(
        reports.keys().map(Fqdn::as_str).collect::<Vec<_>>(),
        ["web1.example.com", "web3.example.com", "web5.example.com"]
    );
    let changed = &reports[&asked[0]];
    assert_eq!((changed.result.status, changed.result.resources), (HandoffStatus::Changed, (8, 1)));
    assert_eq!(changed.environment.as_deref(), Some("production"));
    assert_eq!(changed.transaction.as_deref(), Some("56a43c31-fd7a-4ef9-8de4-65df77429ed5"));
    assert_eq!(
        (changed.result.time.as_str(), changed.began),
        ("2026-11-23T14:07:47.549Z", Some(crate::spec::Timestamp(1_795_442_867_549)))
    );
    let failed = &reports[&asked[1]].result;
    assert_eq!(failed.status, HandoffStatus::Failed);
    assert!(failed.failures[0].starts_with("File[/nonexistent/a/b]: change from 'absent' to 'file' failed"), "{failed:?}");
    // A run with --noop has changed nothing, and proves nothing.
    let noop = &reports[&asked[2]].result;
    assert!(noop.status == HandoffStatus::Failed && noop.failures[0].contains("--noop"), "{noop:?}");
}

/// A report with this status and more keys is no success.
#[track_caller]
fn check_no_success(keys: &str) {
    let asked = names(&["web1.example.com"]);
    let found = format!(r#"[{{"certname": "web1.example.com", {keys}}}]"#);
    let result = &read_text(&asked, &found, "[]")[&asked[0]].result;
    assert_eq!(result.status, HandoffStatus::Failed, "{keys}");
    assert!(!result.failures.is_empty(), "{keys}");
}

#[test]
fn what_does_not_say_that_it_succeeded_has_failed() {
    check_no_success(r#""status": null"#);
    check_no_success(r#""status": "splendid""#);
    check_no_success(r#""hash": null"#);
    check_no_success(r#""status": "changed", "noop": true"#);
    check_no_success(r#""status": "unchanged", "cached_catalog_status": "on_failure""#);
    let failed = r#"{"data": [{"category": "resources", "name": "failed", "value": 1}]}"#;
    check_no_success(&format!(r#""status": "changed", "metrics": {failed}"#));
    for odd in ["-3", "1e300", "null"] {
        let metrics = format!(r#"{{"data": [{{"category": "resources", "name": "total", "value": {odd}}}]}}"#);
        let asked = names(&["web1.example.com"]);
        let found = format!(r#"[{{"certname": "web1.example.com", "status": "changed", "metrics": {metrics}}}]"#);
        assert_eq!(read_text(&asked, &found, "[]")[&asked[0]].result.status, HandoffStatus::Changed, "{odd}");
    }
}

#[test]
fn a_failed_catalog_is_told_by_its_logs() {
    let asked = names(&["web1.example.com"]);
    let found = r#"[{"certname": "WEB1.example.com", "hash": "h", "status": "failed", "metrics": null}]"#;
    let reasons = r#"[{"hash": "other", "logs": {"data": [{"level": "err", "source": "Puppet", "message": "not mine"}]}},
        {"hash": "h", "resource_events": {"data": null}, "logs": {"data": [
            {"level": "notice", "source": "Puppet", "message": "nothing"},
            {"level": "err", "source": "Puppet", "message": "Could not retrieve catalog\u001b[31m from remote server"}]}}]"#;
    let result = &read_text(&asked, found, reasons)[&asked[0]].result;
    assert_eq!(result.status, HandoffStatus::Failed);
    let [only] = result.failures.as_slice() else { panic!("{result:?}") };
    assert!(only.starts_with("Could not retrieve catalog") && only.ends_with("from remote server"), "{only}");
    assert!(!only.contains(|c: char| c.is_control()), "{only:?}");
}

#[test]
fn reports_of_names_that_nobody_asked_for_are_left_out() {
    assert!(read_text(&names(&["web9.example.com"]), REPORTS, "[]").is_empty());
}

proptest::proptest! {
    #[test]
    fn any_answer_is_read_without_a_panic(text in ".{0,300}", keys in "[a-z_\\[\\]{}\":, 0-9]{0,200}") {
        let _ = serde_json::from_str::<Vec<Found>>(&text);
        let _ = serde_json::from_str::<Vec<Reasons>>(&format!("[{{{keys}}}]"));
    }
}
