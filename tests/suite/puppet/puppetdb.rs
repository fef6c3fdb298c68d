//! The client of PuppetDB over TLS: what it asks, and every answer that is no answer.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use rekindle::observed::{Disposition, HandoffStatus};
use rekindle::spec::{Fqdn, PuppetHost, PuppetServerSpec};
use rekindle::world::puppet::{PuppetDb, ReportArchive as _};
use rekindle_tests::tls_lab::{TlsLab, http};

/// What a real PuppetDB answered to the two queries.
const REPORTS: &str = include_str!("../../../agent/src/world/puppet/puppetdb/reports.json");
const FAILED: &str = include_str!("../../../agent/src/world/puppet/puppetdb/failed.json");

fn at(port: u16) -> PuppetHost {
    PuppetHost { host: "127.0.0.1".parse().expect("an address"), port }
}

fn names() -> Vec<Fqdn> {
    ["web1.example.com", "web3.example.com", "web6.example.com"].map(|name| name.parse().expect("a name")).to_vec()
}

#[test]
fn the_newest_reports_are_asked_for_and_the_reasons_of_those_that_failed() {
    let lab = TlsLab::default();
    let server = lab.serve(|number| http("200 OK", "application/json;charset=utf-8", [REPORTS, FAILED][number % 2]));
    let found = PuppetDb::default().newest(&lab.spec(), &at(server.address.port()), &names()).expect("an answer");
    let said: Vec<_> = found.iter().map(|(name, report)| (name.as_str(), report.result.status)).collect();
    assert_eq!(said, [("web1.example.com", HandoffStatus::Changed), ("web3.example.com", HandoffStatus::Failed)]);
    assert!(found[&names()[1]].result.failures[0].starts_with("File[/nonexistent/a/b]: "), "{found:?}");
    let requests = server.requests();
    assert_eq!(requests.len(), 2, "{requests:?}");
    assert!(requests[0].starts_with("POST /pdb/query/v4/reports HTTP/1.1\r\n"), "{}", requests[0]);
    let body = requests[0].split_once("\r\n\r\n").expect("a body").1;
    let query: serde_json::Value = serde_json::from_str(body).expect("JSON");
    assert_eq!(query["query"][2][1], serde_json::json!(["=", "latest_report?", true]));
    assert_eq!(query["query"][2][2][2][1], serde_json::json!(["web1.example.com", "web3.example.com", "web6.example.com"]));
    assert!(requests[1].contains("557aad42614add03dda2bceab1bba46bc4956bc6"), "{}", requests[1]);
}

/// Asked in this way, it says this, in time.
#[track_caller]
fn check_error(spec: &PuppetServerSpec, port: u16, disposition: Disposition, words: &[&str]) {
    let begin = Instant::now();
    let error = PuppetDb::with_deadline(Duration::from_secs(2)).newest(spec, &at(port), &names()).expect_err("no answer");
    let text = error.to_string();
    for word in words {
        assert!(text.contains(word), "{text:?} does not say {word:?}");
    }
    assert_eq!(error.disposition(), disposition, "{text}");
    assert!(begin.elapsed() < Duration::from_secs(6) && text.len() < 600, "{:?}: {text}", begin.elapsed());
}

#[test]
fn what_is_no_answer_is_an_error_and_no_verdict() {
    use Disposition::{Blocked, RetryLater};
    let lab = TlsLab::default();
    let good = lab.spec();
    let check_answer = |answer: Vec<u8>, words: &[&str]| {
        let server = lab.serve(move |_| answer.clone());
        check_error(&good, server.address.port(), RetryLater, words);
    };
    check_answer(
        http("400 Bad Request", "text/plain", "Can't extract unknown\n'reports' field"),
        &["status 400", "Can't extract"],
    );
    check_answer(http("200 OK", "text/html", "<html>"), &["no list of reports"]);
    check_answer(http("200 OK", "application/json", r#"[{"certname": 1}]"#), &["no list of reports"]);
    check_answer(http("200 OK", "application/json", r#"{"error": "starting"}"#), &["no list of reports"]);
    check_answer(http("302 Found", "text/html", ""), &["status 302"]);
    check_answer(http("200 OK", "application/json", &" ".repeat(5 << 20)), &["more than 4194304 bytes"]);
    check_answer(http("200 OK", "application/json", &"[".repeat(1 << 20)), &["no list of reports"]);
    // Silence, and nobody.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = silent.local_addr().expect("its address").port();
    check_error(&good, port, RetryLater, &["no answer within 2 s"]);
    drop(silent);
    check_error(&good, port, RetryLater, &["nothing listens there"]);
    // Strangers, on either side.
    let other = TlsLab::default();
    let server = other.serve(|_| http("200 OK", "application/json", "[]"));
    check_error(&good, server.address.port(), Blocked, &["do not trust each other"]);
    let server = lab.serve(|_| http("200 OK", "application/json", "[]"));
    let stranger = PuppetServerSpec { ca_certificate: good.ca_certificate.clone(), ..other.spec() };
    check_error(&stranger, server.address.port(), Blocked, &["do not trust each other", "certificate-allowlist"]);
    assert_eq!(server.requests(), [] as [String; 0], "a stranger is not heard");
    let keyless = PuppetServerSpec { client_key: "/nonexistent/client.key".into(), ..good.clone() };
    check_error(&keyless, server.address.port(), Blocked, &["client key", "/nonexistent/client.key"]);
    assert!(PuppetDb::default().newest(&good, &at(server.address.port()), &names()).expect("an answer").is_empty());
}
