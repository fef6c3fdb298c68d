//! Answers of a Puppet CA that a real one gives seldom: what the client makes of them.

use std::time::Duration;

use rekindle::observed::{CertificateState, Disposition};
use rekindle::spec::{Fqdn, PuppetServerSpec};
use rekindle::world::Change;
use rekindle::world::puppet::{CaError, CertificateAuthority as _, PuppetCa};
use rekindle_tests::puppetserver::spec_at;
use rekindle_tests::tls_lab::TlsLab;

/// An answer with the header that puppetserver's own have, or without it.
fn answer(status: &str, from_puppet: bool, body: &str) -> Vec<u8> {
    let header = if from_puppet { "X-Puppet-Version: 8.10.0\r\n" } else { "" };
    format!("HTTP/1.1 {status}\r\n{header}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

fn at(lab: &TlsLab, port: u16) -> PuppetServerSpec {
    PuppetServerSpec { ca: spec_at([127, 0, 0, 1].into(), port).ca, ..lab.spec() }
}

fn name() -> Fqdn {
    "web1.example.com".parse().expect("a name")
}

/// A revocation that is answered in this way is an error of this kind, that says this.
#[track_caller]
fn check_revoke(lab: &TlsLab, answer: Vec<u8>, is_kind: fn(&CaError) -> bool, disposition: Disposition, words: &str) {
    let server = lab.serve(move |_| answer.clone());
    let ca = PuppetCa::with_deadline(Duration::from_secs(2));
    let spec = at(lab, server.address.port());
    let error = ca.open(&spec).and_then(|mut session| session.revoke(&name())).expect_err(words);
    assert!(is_kind(&error) && error.to_string().contains(words), "{error:?}");
    assert_eq!(error.disposition(), disposition, "{error}");
    assert!(error.to_string().len() < 600 && !error.to_string().contains(|c: char| c.is_control()), "{error}");
}

#[test]
fn a_ca_that_is_busy_with_its_list_is_asked_again_and_one_that_is_none_is_named() {
    use Disposition::{Blocked, RetryLater};
    let lab = TlsLab::default();
    let locked: fn(&CaError) -> bool = |error| matches!(error, CaError::Locked { .. });
    let refused: fn(&CaError) -> bool = |error| matches!(error, CaError::Refused { .. });
    let no_ca: fn(&CaError) -> bool = |error| matches!(error, CaError::NotACa { .. });
    // A lock of the revocation list that was not had in time.
    let words = "Internal Server Error: Failed to acquire lock within 30 seconds";
    check_revoke(&lab, answer("500 Internal Server Error", true, words), locked, RetryLater, "busy with another change");
    check_revoke(&lab, answer("503 Service Unavailable", true, "Attempted to acquire write lock"), locked, RetryLater, "busy");
    check_revoke(&lab, answer("429 Too Many Requests", true, ""), locked, RetryLater, "status 429");
    check_revoke(
        &lab,
        answer("500 Internal Server Error", true, "a\u{1b}[31m broken\nfile"),
        refused,
        RetryLater,
        "would not revoke",
    );
    check_revoke(&lab, answer("404 Not Found", false, "<html>"), no_ca, Blocked, "ca_host");
    check_revoke(&lab, answer("302 Found", false, ""), no_ca, Blocked, "status 302");
    let large = "x".repeat(1 << 20);
    check_revoke(&lab, answer("500 Internal Server Error", true, &large), refused, RetryLater, "xxx");
}

#[test]
fn answers_that_say_that_there_is_nothing_left_to_do_are_no_errors() {
    let lab = TlsLab::default();
    let nothing = "Resource not found.";
    for (status, body) in [("404 Not Found", nothing), ("404 Not Found", "Invalid certificate subject.")] {
        let server = lab.serve(move |_| answer(status, true, body));
        let (ca, spec) = (PuppetCa::default(), at(&lab, server.address.port()));
        let mut session = ca.open(&spec).expect("a session");
        assert_eq!(session.look(&name()).expect("an answer"), CertificateState::Absent);
        assert_eq!(session.revoke(&name()).expect("an answer"), Change::Unchanged);
        assert_eq!(session.delete(&name()).expect("an answer"), Change::Unchanged);
        let requests = server.requests();
        let lines: Vec<&str> = requests.iter().filter_map(|request| request.lines().next()).collect();
        let path = "/puppet-ca/v1/certificate_status/web1.example.com HTTP/1.1";
        assert_eq!(lines, [format!("GET {path}"), format!("PUT {path}"), format!("DELETE {path}")]);
        assert!(requests[1].ends_with(r#"{"desired_state":"revoked"}"#), "{}", requests[1]);
    }
    // 404 of a web server in between says nothing of the name.
    let server = lab.serve(move |_| answer("404 Not Found", false, nothing));
    let (ca, spec) = (PuppetCa::default(), at(&lab, server.address.port()));
    assert!(ca.open(&spec).and_then(|mut session| session.look(&name())).is_err());
}
