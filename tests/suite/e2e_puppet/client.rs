//! The CA client against puppetserver: the contract, and every answer that is not a yes.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use rekindle::observed::Disposition;
use rekindle::spec::{Fqdn, PuppetServerSpec};
use rekindle::world::puppet::{CaError, CertificateAuthority as _, PuppetCa};
use rekindle_tests::ca_contract::{Answer, Ground, ca_contract};
use rekindle_tests::puppetserver::{CONTROLLER, PuppetServer, Request, spec_at};
use rekindle_tests::say::say;

pub(super) fn the_ca_keeps_the_contract(server: &PuppetServer) {
    let submit = |name: &str| match server.submit(&Request::new(name)) {
        200 => Answer::Taken,
        400 => Answer::NameInUse,
        other => panic!("{name}: status {other}\n{}", server.log()),
    };
    ca_contract(&Ground { ca: &PuppetCa::default(), server: &server.spec(), submit: &submit });
    let names: Vec<String> = server.list().into_keys().collect();
    assert_eq!(names, ["localhost", CONTROLLER], "the contract leaves nothing behind");
}

/// What the look at a name says, and what it must contain.
#[track_caller]
fn check_error(spec: &PuppetServerSpec, disposition: Disposition, words: &[&str]) {
    let ca = PuppetCa::with_deadline(Duration::from_secs(2));
    let begin = Instant::now();
    let name: Fqdn = "web.errors.test".parse().expect("a name");
    let error = ca.open(spec).and_then(|mut session| session.look(&name)).expect_err("an error");
    let text = error.to_string();
    say(format_args!("  {text}"));
    for word in words {
        assert!(text.contains(word), "{text:?} does not say {word:?}");
    }
    assert_eq!(error.disposition(), disposition, "{text}");
    assert!(begin.elapsed() < Duration::from_secs(6), "{text}: after {:?}", begin.elapsed());
}

pub(super) fn answers_of_the_ca_are_named(server: &PuppetServer) {
    use Disposition::{Blocked, RetryLater};
    let good = server.spec();
    // A plain agent's certificate.
    let plain = server.path.join("plain");
    std::fs::create_dir_all(&plain).expect("a directory");
    let request = Request::new("plain.errors.test");
    assert_eq!(server.submit(&request), 200);
    let certificate = std::fs::read(server.path.join("ca/signed/plain.errors.test.pem")).expect("a certificate");
    std::fs::write(plain.join("cert.pem"), certificate).expect("a file");
    std::fs::write(plain.join("key.pem"), &request.key).expect("a file");
    let client_of = |certificate: &str, key: &str| PuppetServerSpec {
        client_certificate: plain.join(certificate),
        client_key: plain.join(key),
        ..good.clone()
    };
    check_error(&client_of("cert.pem", "key.pem"), Blocked, &["does not let this agent look at certificates", "auth.conf"]);
    check_error(&client_of("none.pem", "key.pem"), Blocked, &["client certificate", "plain/none.pem", "No such file"]);
    check_error(&client_of("key.pem", "key.pem"), Blocked, &["there is no certificate in it"]);
    check_error(&client_of("cert.pem", "cert.pem"), Blocked, &["client key", "without a passphrase"]);
    // Another CA's word.
    let other = PuppetServerSpec { ca_certificate: plain.join("cert.pem"), ..good.clone() };
    check_error(&other, Blocked, &["do not trust each other", "ca_certificate"]);
    // Nobody, silence, and somebody else.
    let nobody = TcpListener::bind("127.0.0.1:0").expect("a port");
    let at = |listener: &TcpListener| {
        let address = listener.local_addr().expect("an address");
        PuppetServerSpec { ca: spec_at(address.ip(), address.port()).ca, ..good.clone() }
    };
    let spec = at(&nobody);
    check_error(&spec, RetryLater, &["did not answer within 2 s"]);
    drop(nobody);
    check_error(&spec, RetryLater, &["cannot be reached", "nothing listens there"]);
    let web = TcpListener::bind("127.0.0.1:0").expect("a port");
    let spec = at(&web);
    std::thread::spawn(move || {
        for mut stream in web.incoming().flatten() {
            // What is left unread would end the connection before its answer is read.
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        }
    });
    check_error(&spec, Blocked, &["do not trust each other"]);
    // puppetserver without the CA answers its paths as any web server would.
    server.freeze();
    check_error(&good, RetryLater, &["did not answer within 2 s", "puppetserver.log"]);
    server.thaw();
    // A damaged file on the CA is about this one name.
    let damaged: Fqdn = "damaged.errors.test".parse().expect("a name");
    let file = server.path.join("ca/signed/damaged.errors.test.pem");
    std::fs::write(&file, "not a certificate").expect("a file");
    let ca = PuppetCa::default();
    let mut session = ca.open(&good).expect("a session");
    let error = session.look(&damaged).expect_err("a damaged certificate");
    say(format_args!("  {error}"));
    assert!(matches!(error, CaError::Refused { .. }) && error.is_about_the_name(), "{error:?}");
    assert_eq!(session.look(&"plain.errors.test".parse().expect("a name")).expect("an answer").as_str(), "signed");
    std::fs::remove_file(file).expect("gone");
}
