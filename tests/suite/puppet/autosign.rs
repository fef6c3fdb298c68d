//! Requests that are signed, and all the ways in which one is not.

use std::fs;

use rekindle::world::puppet::UsedTokens;
use rekindle_tests::csr::{
    CsrCase, GuestKey, INTEGER, PRINTABLE_STRING, UTF8_STRING, attribute, challenge, common_name, extension, named, pem,
    puppet_oid, rdn, request, tlv,
};

use super::{CaHost, instance_id, now};

const WEB1: &str = "web1.lab.example";

/// The extensions of `web1`.
fn extensions() -> Vec<(&'static str, String)> {
    vec![("1.13", "web".to_owned()), ("1.12", "dev".to_owned()), ("1.2", instance_id("web1")), ("1.19", "fra1".to_owned())]
}

/// `web1`'s request with this token.
pub(super) fn case(token: &str) -> CsrCase {
    let extensions = extensions();
    let extensions: Vec<(&str, &str)> = extensions.iter().map(|(oid, value)| (*oid, value.as_str())).collect();
    CsrCase::of(WEB1, token, &extensions)
}

/// `web1`'s extensions as DER.
fn der_extensions() -> Vec<Vec<u8>> {
    extensions().iter().map(|(oid, value)| extension(&puppet_oid(oid), &tlv(UTF8_STRING, value.as_bytes()), false)).collect()
}

/// The host refuses `request` for `certname`, for this reason, with one line that has neither the token nor anything unprintable.
#[track_caller]
fn check_refused(host: &CaHost, certname: &str, request: &[u8], kind: &str, reason: &str) {
    let file = host.tokens().join(UsedTokens::FILE);
    let counted = || UsedTokens::counts_in(&file).get(kind).copied().unwrap_or_default();
    let lines = || fs::read_to_string(host.tokens().join("autosign.log")).unwrap_or_default().lines().count();
    let before = (counted(), lines());
    let ran = host.autosign(certname, request);
    assert_eq!((counted(), lines()), (before.0 + 1, before.1 + 1), "{kind}: counted once, logged once: {}", ran.err);
    assert_eq!(ran.status, 1, "{reason}: {}{}", ran.out, ran.err);
    assert!(ran.err.contains(&format!("is refused ({kind}): ")) && ran.err.contains(reason), "{kind}, {reason}: {}", ran.err);
    assert!(ran.err.lines().count() == 1 && ran.out.is_empty(), "{}{}", ran.out, ran.err);
    let log = fs::read_to_string(host.tokens().join("autosign.log")).expect("the log");
    let last = log.lines().last().unwrap_or_default();
    assert!(last.ends_with(ran.err.trim_end().trim_start_matches("rekindle autosign: ")), "{last}");
    assert!(!ran.err.contains("rk1.") && !ran.err.trim_end().contains(|c: char| c.is_control()), "{:?}", ran.err);
}

#[track_caller]
fn check_signed(host: &CaHost, request: &str, said: &str) {
    let ran = host.autosign(WEB1, request.as_bytes());
    assert!(ran.status == 0 && ran.err.contains(said), "{}: {}", ran.status, ran.err);
}

#[test]
fn a_token_is_good_once_and_again_only_for_the_key_that_used_it() {
    let host = CaHost::new();
    let (token, key) = (host.token("web1", 1, now() + 600), GuestKey::new());
    let request = case(&token).pem(&key);
    check_signed(&host, &request, "web1.lab.example is signed: its token says so (nobody else was asked), attempt 1");
    // A retry after a crash between our word and the CA's signature: the same key, perhaps in a new request.
    check_signed(&host, &request, "once more for the same key");
    check_signed(&host, &case(&token).pem(&key), "once more for the same key");
    // A pending request can be read by anyone: somebody else's key.
    let stolen = case(&token).pem(&GuestKey::new());
    check_refused(&host, WEB1, stolen.as_bytes(), "token-replayed", "used before, with another key");
    let next = case(&host.token("web1", 2, now() + 700)).pem(&GuestKey::new());
    check_signed(&host, &next, "attempt 2");
    let unused = case(&host.token("web1", 3, now() + 650)).pem(&GuestKey::new());
    check_refused(&host, WEB1, unused.as_bytes(), "token-old", "a later token of this VM has been used");
    let counts = UsedTokens::open(&host.tokens().join("tokens.db")).and_then(|tokens| tokens.counts()).expect("counts");
    let counts: Vec<(&str, u64)> = counts.iter().map(|(kind, count)| (kind.as_str(), *count)).collect();
    assert_eq!(counts, [("signed", 4), ("token-old", 1), ("token-replayed", 1)]);
    let ran = host.run(&["verdicts", "--tokens", host.tokens().as_str()], b"");
    assert!(
        ran.status == 0 && ran.out.contains("rekindle_autosign_total{verdict=\"token-replayed\"} 1\n"),
        "{}{}",
        ran.out,
        ran.err
    );
}

#[test]
fn ten_at_once_with_one_token_and_ten_keys_are_one_winner() {
    let host = CaHost::new();
    let token = host.token("web1", 1, now() + 600);
    let requests: Vec<String> = (0..10).map(|_| case(&token).pem(&GuestKey::new())).collect();
    let (host, requests) = (&host, &requests);
    let statuses: Vec<i32> = std::thread::scope(|scope| {
        let runs: Vec<_> =
            requests.iter().map(|request| scope.spawn(move || host.autosign(WEB1, request.as_bytes()).status)).collect();
        runs.into_iter().map(|run| run.join().expect("a run")).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 0).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 1).count(), 9, "{statuses:?}");
}

#[test]
fn tokens_that_are_not_for_this_vm_now_are_refused() {
    let host = CaHost::new();
    let key = GuestKey::new();
    let good = host.token("web1", 1, now() + 600);
    let mut forged = good.clone();
    forged.replace_range(good.len() - 1.., if good.ends_with('0') { "1" } else { "0" });
    for (token, kind, reason) in [
        (host.token("web1", 1, now() - 1), "token-expired", "expired"),
        (host.token("db1", 1, now() + 600), "token-forged", "another VM's"),
        (forged, "token-forged", "forged"),
        ("guess".to_owned(), "token-forged", "no token of ours"),
        (good.replace("rk1", "rk2"), "token-forged", "no token of ours"),
    ] {
        check_refused(&host, WEB1, case(&token).pem(&key).as_bytes(), kind, reason);
    }
    check_signed(&host, &case(&good).pem(&key), "signed");
}

#[test]
fn requests_that_ask_for_more_than_the_site_gives_are_refused() {
    let host = CaHost::new();
    let token = host.token("web1", 1, now() + 600);
    let key = GuestKey::new();
    let with = |extra: Vec<u8>| CsrCase {
        attributes: vec![challenge(&token), request(&[der_extensions(), vec![extra]].concat())],
        ..case(&token)
    };
    let plain = |oid: &str, value: &str| extension(&puppet_oid(oid), &tlv(UTF8_STRING, value.as_bytes()), false);
    let without = |place: usize| {
        let mut extensions = der_extensions();
        extensions.remove(place);
        CsrCase { attributes: vec![challenge(&token), request(&extensions)], ..case(&token) }
    };
    let instead = |place: usize, other: Vec<u8>| {
        let mut extensions = der_extensions();
        extensions[place] = other;
        CsrCase { attributes: vec![challenge(&token), request(&extensions)], ..case(&token) }
    };
    // subjectAltName, basicConstraints.
    let (alt_name, constraints) = ([0x55, 0x1d, 0x11], [0x55, 0x1d, 0x13]);
    let names = tlv(0x30, &tlv(0x82, b"puppet"));
    for (case, kind, reason) in [
        (with(plain("3.1", "true")), "authorization", "1.3.6.1.4.1.34380.1.3.1"),
        (with(plain("3.39", "true")), "authorization", "1.3.6.1.4.1.34380.1.3.39"),
        (with(plain("3.13.5", "x")), "authorization", "1.3.6.1.4.1.34380.1.3.13.5"),
        (with(extension(&puppet_oid("3.39"), &[0x01, 0x01, 0xff], false)), "authorization", "1.3.6.1.4.1.34380.1.3.39"),
        (with(plain("1.4", "secret")), "extensions", "asks for the extension 1.3.6.1.4.1.34380.1.1.4"),
        (with(plain("2.1", "x")), "extensions", "which the site does not give it"),
        (with(extension(&alt_name, &names, false)), "malformed", "2.5.29.17 is critical, there twice, or no text"),
        (with(extension(&constraints, &tlv(0x30, &[0x01, 0x01, 0xff]), true)), "malformed", "2.5.29.19"),
        (with(plain("1.13", "web")), "malformed", "34380.1.1.13 is critical, there twice"),
        (without(0), "extensions", "lacks the extension 1.3.6.1.4.1.34380.1.1.13"),
        (without(2), "extensions", "lacks the extension 1.3.6.1.4.1.34380.1.1.2"),
        (instead(0, plain("1.13", "db")), "extensions", "1.13 says \"db\", the site \"web\""),
        (instead(1, plain("1.12", "stable")), "extensions", "says \"stable\", the site \"dev\""),
        (instead(2, plain("1.2", "00000000-0000-0000-0000-000000000000")), "extensions", "1.1.2 says"),
        (instead(0, extension(&puppet_oid("1.13"), &tlv(UTF8_STRING, b"web"), true)), "malformed", "critical"),
        (instead(0, extension(&puppet_oid("1.13"), &tlv(INTEGER, &[7]), false)), "malformed", "no text"),
        (instead(0, extension(&puppet_oid("1.13"), b"web", false)), "malformed", "no text"),
        (instead(0, plain("1.13", "web\n")), "malformed", "no text"),
    ] {
        check_refused(&host, WEB1, case.pem(&key).as_bytes(), kind, reason);
    }
    check_signed(&host, &case(&token).pem(&key), "attempt 1");
}

#[test]
fn names_that_only_look_like_the_vms_are_refused() {
    let host = CaHost::new();
    let token = host.token("web1", 1, now() + 600);
    let key = GuestKey::new();
    let cn = |name: &[u8]| common_name(UTF8_STRING, name);
    let organization = named(&[0x55, 0x04, 0x0a], UTF8_STRING, b"lab");
    let subject = |subject: Vec<Vec<u8>>| CsrCase { subject, ..case(&token) };
    for (case, kind, reason) in [
        (subject(vec![rdn(&[cn(b"db1.lab.example")])]), "name", "its common name is \"db1.lab.example\""),
        (subject(vec![rdn(&[cn(b"WEB1.lab.example")])]), "name", "WEB1"),
        (subject(vec![rdn(&[cn(b"web1.lab.example.")])]), "name", "web1.lab.example."),
        (subject(vec![rdn(&[cn(b" web1.lab.example")])]), "name", " web1"),
        (subject(vec![rdn(&[cn(b"web1.lab.example\0.evil")])]), "malformed", "one common name"),
        (subject(vec![rdn(&[cn("wéb1.lab.example".as_bytes())])]), "malformed", "one common name"),
        (subject(vec![]), "malformed", "one common name"),
        (subject(vec![rdn(&[cn(WEB1.as_bytes())]), rdn(&[cn(b"evil")])]), "malformed", "one common name"),
        (subject(vec![rdn(&[cn(WEB1.as_bytes()), cn(b"evil.example")])]), "malformed", "one common name"),
        (subject(vec![rdn(std::slice::from_ref(&organization)), rdn(&[cn(WEB1.as_bytes())])]), "malformed", "one common name"),
        (subject(vec![rdn(&[organization])]), "malformed", "one common name"),
        (subject(vec![rdn(&[common_name(INTEGER, &[1])])]), "malformed", "one common name"),
    ] {
        check_refused(&host, WEB1, case.pem(&key).as_bytes(), kind, reason);
    }
    let good = case(&token).pem(&key);
    for certname in ["db9.lab.example", "lab.example", "", "--help\u{202e}", "../../etc/passwd", &"a.".repeat(5000)] {
        let ran = host.run(&["autosign", "--offline", "--tokens", host.tokens().as_str(), "--", certname], good.as_bytes());
        assert!(
            ran.status == 1 && ran.err.contains("(unknown-host)") && !ran.err.contains('\u{202e}'),
            "{certname:?}: {}",
            ran.err
        );
    }
    check_refused(&host, "db1.lab.example", good.as_bytes(), "unknown-host", "has no VM with this certname");
    let printable = CsrCase { subject: vec![rdn(&[common_name(PRINTABLE_STRING, WEB1.as_bytes())])], ..case(&token) };
    check_signed(&host, &printable.pem(&key), "attempt 1");
}

#[test]
fn requests_that_do_not_hold_together_are_refused() {
    let host = CaHost::new();
    let token = host.token("web1", 1, now() + 600);
    let (key, other) = (GuestKey::new(), GuestKey::new());
    let good = case(&token);
    let der = good.der(&key);
    let attributes = |attributes: Vec<Vec<u8>>| CsrCase { attributes, ..good.clone() };
    let ours = || request(&der_extensions());
    let unknown = attribute(&[0x2a, 0x03], &[tlv(UTF8_STRING, b"x")]);
    let microsoft = [0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x01, 0x0e];
    let auto_renew = |values: &[Vec<u8>]| attribute(&puppet_oid("3.2"), values);
    let challenge_oid = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x07];
    let yes = || tlv(UTF8_STRING, b"true");
    let mut trailing = der.clone();
    trailing.push(0);
    for (request, kind, reason) in [
        (good.der_for(&other, &key), "signature", "not signed with the key"),
        (CsrCase { broken_signature: true, ..good.clone() }.der(&key), "signature", "not signed with the key"),
        (attributes(vec![ours()]).der(&key), "token-missing", "no challengePassword"),
        (attributes(vec![challenge(""), ours()]).der(&key), "token-missing", "no challengePassword"),
        (attributes(vec![attribute(&challenge_oid, &[tlv(INTEGER, &[1])]), ours()]).der(&key), "token-missing", "plain text"),
        (attributes(vec![challenge(&token), challenge("x"), ours()]).der(&key), "malformed", "more than once"),
        (
            attributes(vec![attribute(&challenge_oid, &[tlv(UTF8_STRING, token.as_bytes()), yes()]), ours()]).der(&key),
            "malformed",
            "not with one value",
        ),
        (attributes(vec![challenge(&token), ours(), unknown]).der(&key), "malformed", "the attribute 1.2.3"),
        (
            attributes(vec![challenge(&token), ours(), attribute(&microsoft, &[tlv(0x30, &[])])]).der(&key),
            "malformed",
            "the attribute 1.3.6.1.4.1.311.2.1.14",
        ),
        (
            attributes(vec![challenge(&token), ours(), auto_renew(&[yes(), tlv(UTF8_STRING, b"x")])]).der(&key),
            "malformed",
            "one value",
        ),
        (attributes(vec![challenge(&token)]).der(&key), "extensions", "lacks"),
        (trailing, "malformed", "not DER"),
        (der[..der.len() / 2].to_vec(), "malformed", "not DER"),
        (b"garbage".to_vec(), "malformed", "not DER"),
        (tlv(0x30, &[0x30; 400]), "malformed", "not DER"),
    ] {
        check_refused(&host, WEB1, pem(&request).as_bytes(), kind, reason);
    }
    let text = good.pem(&key);
    let large = format!("{}{}", text, "x".repeat(1 << 20));
    for (request, kind, reason) in [
        (large.as_bytes(), "too-large", "larger than 16384 bytes"),
        (b"", "malformed", "not one PEM block"),
        (&der, "malformed", "not one PEM block"),
        (text.repeat(2).as_bytes(), "malformed", "not one PEM block"),
        (text.replace("CERTIFICATE REQUEST", "CERTIFICATE").as_bytes(), "malformed", "not one PEM block"),
        (text.replace('A', "*").as_bytes(), "malformed", "not one PEM block"),
        (&[0xff; 1000], "malformed", "not one PEM block"),
    ] {
        check_refused(&host, WEB1, request, kind, reason);
    }
    // What Puppet 8 adds is no extension and no harm.
    check_signed(&host, &attributes(vec![challenge(&token), ours(), auto_renew(&[yes()])]).pem(&key), "attempt 1");
}

#[test]
fn keys_that_are_weak_or_odd_are_refused() {
    let host = CaHost::new();
    let directory = tempfile::tempdir().expect("a directory");
    for (make, sign, kind, reason) in [
        ("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024", "-sha256", "key", "fewer than 2048 bits"),
        ("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048", "-sha1", "signature", "an algorithm that is refused"),
        ("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:secp256k1", "-sha256", "key", "elliptic curve"),
        ("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:secp521r1", "-sha256", "key", "elliptic curve"),
        ("genpkey -algorithm ED448", "", "key", "neither RSA"),
        // The keys that are taken come to the next check.
        ("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048", "-sha256", "token-missing", "no challengePassword"),
        ("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048", "-sha512", "token-missing", "no challengePassword"),
        ("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384", "-sha384", "token-missing", "no challengePassword"),
        ("genpkey -algorithm ED25519", "", "token-missing", "no challengePassword"),
    ] {
        let script = format!("openssl {make} -out key 2>/dev/null && openssl req -new -key key {sign} -subj /CN={WEB1} -out csr");
        let made = std::process::Command::new("sh").args(["-c", &script]).current_dir(&directory).output().expect("openssl");
        assert!(made.status.success(), "{script}: {}", String::from_utf8_lossy(&made.stderr));
        let request = fs::read(directory.path().join("csr")).expect("a request");
        check_refused(&host, WEB1, &request, kind, reason);
    }
}

#[test]
fn without_its_key_or_its_state_nothing_is_signed() {
    let host = CaHost::new();
    let request = case(&host.token("web1", 1, now() + 600)).pem(&GuestKey::new());
    let key = host.root.path().join("autosign.key");
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).expect("its mode");
    let ran = host.autosign(WEB1, request.as_bytes());
    assert!(ran.status == 3 && ran.err.contains("readable by everybody"), "{}: {}", ran.status, ran.err);
    fs::remove_file(&key).expect("gone");
    let ran = host.autosign(WEB1, request.as_bytes());
    assert!(ran.status == 3 && ran.err.contains("autosign.key"), "{}: {}", ran.status, ran.err);
    fs::write(host.tokens().join("tokens.db"), "no database at all, and longer than a header of one").expect("written");
    let ran = host.autosign(WEB1, request.as_bytes());
    assert!(ran.status == 3 && ran.err.contains("tokens.db"), "{}: {}", ran.status, ran.err);
    fs::write(host.site.dir.join("vms/web1.toml"), "role = ").expect("written");
    let ran = host.autosign(WEB1, request.as_bytes());
    assert!(ran.status == 2 && ran.err.contains("rekindle check"), "{}: {}", ran.status, ran.err);
}
