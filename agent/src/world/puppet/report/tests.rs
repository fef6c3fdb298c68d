use std::fmt::Write as _;
use std::time::{Duration, Instant};

use super::*;

fn certname() -> Fqdn {
    "web1.example.com".parse().unwrap()
}

fn read(text: &str) -> Result<HandoffResult, ReportError> {
    read_report(text.as_bytes(), &certname()).map(|report| report.result)
}

const CHANGED: &str = "--- !ruby/object:Puppet::Transaction::Report
host: web1.example.com
time: '2026-11-22T23:54:38.528823117+00:00'
report_format: 12
status: changed
transaction_completed: true
noop: false
logs:
- level: err
  message: Permission denied @ rb_sysopen - /proc/1/environ
  source: Facter
  tags:
  - err
  file:
- level: notice
  message: defined content
  source: \"/Stage[main]/Role_web/File[/srv/x]/ensure\"
metrics:
  resources:
    name: resources
    values:
    - - total
      - Total
      - 9
resource_statuses:
  File[/srv/x]:
    title: \"/srv/x\"
    tags: &1
    - file
    - class
    failed: false
    changed: true
    events:
    - audited: false
      property: ensure
      previous_value: absent
      message: defined content
      status: success
  Notify[hello]:
    tags: *1
    failed: false
    changed: false
    events: []
corrective_change: false
cached_catalog_status: not_used
";

const FAILED: &str = "--- !ruby/object:Puppet::Transaction::Report
host: web1.example.com
time: '2026-11-22T23:54:38+00:00'
status: failed
transaction_completed: true
logs:
- level: err
  message: 'change from purged to present failed: Could not find a package'
  source: /Stage[main]/App/Package[nginx]/ensure
resource_statuses:
  Package[nginx]:
    file: /etc/puppet/init.pp
    line: 7
    failed: true
    changed: false
    events:
    - status: failure
      message: 'change from purged to present failed: Could not find a package'
  Service[nginx]:
    failed: false
    skipped: true
    events: []
  Exec[migrate]:
    failed_to_restart: true
    events: []
";

#[test]
fn a_run_that_changed_something_is_read() {
    let expected = HandoffResult {
        status: HandoffStatus::Changed,
        time: "2026-11-22T23:54:38.528823117+00:00".to_owned(),
        failures: Vec::new(),
        resources: (9, 1),
    };
    assert_eq!(read(CHANGED), Ok(expected));
}

#[test]
fn reports_of_a_real_puppet_are_read() {
    let certname = |name: &str| name.parse::<Fqdn>().unwrap();
    let report = read_report(include_bytes!("changed.yaml"), &certname("web01.lab.test")).unwrap();
    assert_eq!(report.environment.as_deref(), Some("production"));
    assert_eq!(report.transaction.as_deref(), Some("ceb70796-de93-40df-8162-4504d8ffac29"));
    assert_eq!(report.began.map(|at| at.to_string()).as_deref(), Some("2026-11-22T23:54:38Z"));
    assert_eq!(report.corrective, 0);
    let changed = report.result;
    assert_eq!((changed.status, changed.resources, changed.failures), (HandoffStatus::Changed, (9, 2), Vec::new()));
    let failed = read_report(include_bytes!("failed-catalog.yaml"), &certname("unknown01.lab.test")).unwrap().result;
    assert_eq!((failed.status, failed.resources), (HandoffStatus::Failed, (0, 0)));
    assert!(failed.failures[0].starts_with("Could not retrieve catalog from remote server: Error 500"), "{:?}", failed.failures);
    assert_eq!(failed.failures[1], "Could not retrieve catalog; skipping run");
}

#[test]
fn a_report_of_a_real_puppet_8_is_read() {
    let certname = "web08.lab.test".parse::<Fqdn>().unwrap();
    let report = read_report(include_bytes!("failed-8.yaml"), &certname).unwrap();
    assert_eq!((report.environment.as_deref(), report.began.is_some()), (Some("production"), true));
    assert_eq!(report.transaction.as_deref(), Some("7ee6f74b-f3ce-4cbf-a985-ea5d6f7ccc9e"));
    assert_eq!((report.result.status, report.result.resources), (HandoffStatus::Failed, (9, 1)));
    let [only] = report.result.failures.as_slice() else { panic!("{:?}", report.result.failures) };
    assert!(only.starts_with("File[/nonexistent/y]: change from 'absent' to 'file' failed"), "{only}");
}

#[test]
fn failed_resources_are_named_with_their_messages_and_places() {
    let result = read(FAILED).unwrap();
    assert_eq!(result.status, HandoffStatus::Failed);
    let expected = [
        "Package[nginx]: change from purged to present failed: Could not find a package (/etc/puppet/init.pp:7)",
        "Exec[migrate]: failed",
    ];
    assert_eq!(result.failures, expected);
    assert_eq!(result.resources, (3, 0));
}

#[test]
fn a_failed_catalog_is_told_by_puppets_own_errors() {
    let text = "host: web1.example.com
status: failed
transaction_completed: false
logs:
- {level: err, source: Facter, message: noise}
- {level: err, source: Puppet, message: 'Could not retrieve catalog: Evaluation Error: Unknown function'}
- {level: err, source: Puppet, message: 'Could not retrieve catalog: Evaluation Error: Unknown function'}
- {level: warning, source: Puppet, message: not this}
resource_statuses: {}
";
    let expected = ["Could not retrieve catalog: Evaluation Error: Unknown function", "the catalog was not applied to its end"];
    assert_eq!(read(text).unwrap().failures, expected);
}

#[track_caller]
fn check_failed(from: &str, to: &str, reason: &str) {
    assert!(CHANGED.contains(from), "{from:?} is not in the sample");
    let result = read(&CHANGED.replace(from, to)).unwrap();
    assert_eq!(result.status, HandoffStatus::Failed, "{to:?}");
    assert!(result.failures.iter().any(|failure| failure.contains(reason)), "{:?}", result.failures);
}

#[test]
fn what_does_not_say_that_it_succeeded_has_failed() {
    check_failed("status: changed\n", "", "no status");
    check_failed("status: changed\n", "status: pending\n", "\"pending\"");
    check_failed("transaction_completed: true", "transaction_completed: false", "not applied to its end");
    check_failed("noop: false", "noop: true", "--noop");
    check_failed("cached_catalog_status: not_used", "cached_catalog_status: on_failure", "could not be compiled");
    check_failed("failed: false\n    changed: true", "failed: true\n    changed: true", "File[/srv/x]: failed");
    check_failed("status: success", "status: failure", "File[/srv/x]: defined content");
}

#[test]
fn every_key_but_host_and_status_may_be_missing() {
    let result = read("host: web1.example.com\nstatus: unchanged\n").unwrap();
    assert_eq!((result.status, result.resources), (HandoffStatus::Unchanged, (0, 0)));
}

#[test]
fn words_may_be_symbols() {
    let text = "host: web1.example.com\nstatus: :failed\nlogs:\n- {level: :err, source: Puppet, message: no}\n";
    assert_eq!(read(text).unwrap().failures, ["no"]);
}

#[test]
fn reports_of_others_and_things_that_are_no_report_are_refused() {
    let wrong = ReportError::WrongHost { found: "db1.example.com".to_owned(), expected: certname() };
    assert_eq!(read("host: db1.example.com\nstatus: changed\n"), Err(wrong));
    for text in ["", "hello", "- a\n- b\n", "status: changed\n", "host:\nstatus: changed\n", "host: [a]\n", "{}"] {
        assert_eq!(read(text), Err(ReportError::NotAReport), "{text:?}");
    }
    assert!(matches!(read("host: 'web1\n"), Err(ReportError::Syntax { .. })));
    assert_eq!(read_report(&vec![b' '; MAX_BYTES + 1], &certname()), Err(ReportError::TooLarge));
}

#[test]
fn aliases_of_scalars_are_followed_and_others_are_not_expanded() {
    let mut text = "host: &h web1.example.com\nstatus: changed\na0: &a0 [x, x]\n".to_owned();
    for level in 1..30 {
        let _ = writeln!(text, "a{level}: &a{level} [{}]", format!("*a{},", level - 1).repeat(10));
    }
    text.push_str("resource_statuses:\n  X[a]: {failed: true, events: [{status: failure, message: *h}]}\n");
    let began = Instant::now();
    assert_eq!(read(&text).unwrap().failures, ["X[a]: web1.example.com"]);
    assert!(began.elapsed() < Duration::from_secs(2));
}

#[test]
fn deep_reports_are_refused_quickly() {
    for text in ["[".repeat(100_000), "- ".repeat(100_000), "{a: ".repeat(50_000), "a:\n ".repeat(3)] {
        let began = Instant::now();
        assert!(read(&text).is_err());
        assert!(began.elapsed() < Duration::from_secs(5), "{} took {:?}", &text[..8], began.elapsed());
    }
}

#[test]
fn failures_are_few_short_and_without_control_characters() {
    let mut text = "host: web1.example.com\nstatus: failed\nresource_statuses:\n".to_owned();
    for number in 0..500 {
        let _ = writeln!(
            text,
            "  \"X[{number}\\e[31m\\n]\":\n    failed: true\n    events: [{{status: failure, message: \"{}\"}}]",
            "m".repeat(5000)
        );
    }
    let result = read(&text).unwrap();
    assert_eq!((result.failures.len(), result.resources.0), (MAX_FAILURES, 500));
    assert!(result.failures.iter().all(|f| f.chars().count() <= MAX_MESSAGE + 1 && !f.contains(char::is_control)));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(400))]

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..400)) {
        let _ = read_report(&bytes, &certname());
    }

    #[test]
    fn any_yaml_like_text_is_read_without_a_panic(
        text in "(host: web1.example.com\n)?((  ){0,4}(- )?(status|logs|resource_statuses|events|message|failed|'|\"|\\||>|&a|\\*a|!x|\\{|\\[|\\]|\\}|\\?|#|%|---|\\.\\.\\.|,)(: ?| |\n)(x|true|failure|\n|\t)?){0,60}"
    ) {
        let _ = read(&text);
    }

    #[test]
    fn a_spoiled_report_is_never_a_success_with_failed_resources(at in 0usize..FAILED.len(), with in "[ -~\n]{0,3}") {
        // Whatever is overwritten, the result either stays failed or is an error, or says so itself.
        let mut text = FAILED.to_owned();
        text.replace_range(at..at, &with);
        if let Ok(result) = read(&text) {
            assert!(result.status == HandoffStatus::Failed || result.failures.is_empty());
        }
    }
}
