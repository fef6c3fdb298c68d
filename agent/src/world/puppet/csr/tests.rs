use super::*;

/// A real request of a Puppet 7 agent: RSA 4096, token, three extensions.
const REAL: &str = include_str!("web01.pem");

/// A real request of a Puppet 8.10 agent: RSA 2048, and the attribute by which it says that it can renew.
const REAL_8: &str = include_str!("web08.pem");

#[test]
fn a_real_request_of_puppet_8_is_read() {
    let csr = Csr::read(REAL_8.as_bytes()).unwrap();
    assert_eq!((csr.name.as_str(), csr.token()), ("web08.lab.test", "one-time-token-123"));
    let extensions: Vec<(&str, &str)> = csr.extensions.iter().map(|(oid, value)| (oid.as_str(), value.as_str())).collect();
    assert_eq!(extensions, [(Oid::ENVIRONMENT, "production"), (Oid::ROLE, "webserver")]);
}

#[test]
fn a_real_agents_request_is_read() {
    let csr = Csr::read(REAL.as_bytes()).unwrap();
    assert_eq!((csr.name.as_str(), csr.token()), ("web01.lab.test", "one-time-token-123"));
    let extensions: Vec<(&str, &str)> = csr.extensions.iter().map(|(oid, value)| (oid.as_str(), value.as_str())).collect();
    assert_eq!(extensions, [(Oid::ENVIRONMENT, "production"), (Oid::ROLE, "webserver"), (Oid::PRESHARED_KEY, "psk-abc")]);
    assert!(!format!("{csr:?}").contains("one-time"), "the token is printed");
}
