//! What every CA must do, as a table of clauses: run against puppetserver and the simulator's CA, so that they do not drift apart.

use rekindle::observed::CertificateState;
use rekindle::spec::{Fqdn, PuppetServerSpec};
use rekindle::world::Change;
use rekindle::world::puppet::{CaSession, CertificateAuthority};

use crate::say::say;

/// What became of a guest's request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It was taken.
    Taken,
    /// The name is not free.
    NameInUse,
}

/// What a CA is tried on.
pub struct Ground<'a> {
    /// The CA.
    pub ca: &'a dyn CertificateAuthority,
    /// How it is reached.
    pub server: &'a PuppetServerSpec,
    /// A guest hands in a request with a new key. Names that begin with `pending` are not signed.
    pub submit: &'a dyn Fn(&str) -> Answer,
}

/// A clause of the contract.
pub struct Clause {
    /// What must hold, as a sentence.
    pub name: &'static str,
    run: fn(&Ground<'_>, &mut dyn CaSession),
}

/// The contract.
pub const CLAUSES: &[Clause] = &[
    Clause { name: "a name that nobody asked for is absent, and freeing it changes nothing", run: unknown },
    Clause { name: "a signed certificate is revoked, then deleted, and the name is free for a new key", run: freed },
    Clause { name: "revocation alone does not free the name, and can be repeated", run: revoked_is_in_the_way },
    Clause { name: "a pending request is in the way, has nothing to revoke, and goes by deletion", run: pending },
    Clause { name: "freeing one name leaves the others alone", run: others },
];

/// Runs every clause.
///
/// # Panics
/// When a clause does not hold.
#[track_caller]
pub fn ca_contract(ground: &Ground<'_>) {
    crate::contract::check_names(CLAUSES.iter().map(|clause| clause.name));
    for clause in CLAUSES {
        say(format_args!("  clause: {}", clause.name));
        let mut session = ground.ca.open(ground.server).expect("a session");
        (clause.run)(ground, &mut *session);
    }
}

fn name(text: &str) -> Fqdn {
    text.parse().expect("a certname")
}

#[track_caller]
fn check_state(session: &mut dyn CaSession, certname: &Fqdn, expected: CertificateState) {
    assert_eq!(session.look(certname).expect("an answer"), expected, "{certname}");
}

#[track_caller]
fn check_freed(session: &mut dyn CaSession, certname: &Fqdn) {
    check_state(session, certname, CertificateState::Signed);
    assert_eq!(session.revoke(certname).expect("an answer"), Change::Changed);
    check_state(session, certname, CertificateState::Revoked);
    assert_eq!(session.delete(certname).expect("an answer"), Change::Changed);
    check_state(session, certname, CertificateState::Absent);
}

fn unknown(_: &Ground<'_>, session: &mut dyn CaSession) {
    let ghost = name("ghost.contract.test");
    check_state(session, &ghost, CertificateState::Absent);
    assert_eq!(session.revoke(&ghost).expect("an answer"), Change::Unchanged);
    assert_eq!(session.delete(&ghost).expect("an answer"), Change::Unchanged);
}

fn freed(ground: &Ground<'_>, session: &mut dyn CaSession) {
    let web = name("web.contract.test");
    for _ in 0..2 {
        assert_eq!((ground.submit)(web.as_str()), Answer::Taken);
        check_freed(session, &web);
    }
}

fn revoked_is_in_the_way(ground: &Ground<'_>, session: &mut dyn CaSession) {
    let db = name("db.contract.test");
    assert_eq!((ground.submit)(db.as_str()), Answer::Taken);
    assert_eq!((ground.submit)(db.as_str()), Answer::NameInUse, "a signed certificate is in the way of a new key");
    for _ in 0..2 {
        session.revoke(&db).expect("an answer");
        check_state(session, &db, CertificateState::Revoked);
    }
    assert_eq!((ground.submit)(db.as_str()), Answer::NameInUse, "a revoked one too");
    assert_eq!(session.delete(&db).expect("an answer"), Change::Changed);
    assert_eq!((ground.submit)(db.as_str()), Answer::Taken);
    check_freed(session, &db);
}

fn pending(ground: &Ground<'_>, session: &mut dyn CaSession) {
    let pending = name("pending.contract.test");
    assert_eq!((ground.submit)(pending.as_str()), Answer::Taken);
    check_state(session, &pending, CertificateState::Requested);
    assert_eq!(session.revoke(&pending).expect("an answer"), Change::Unchanged);
    check_state(session, &pending, CertificateState::Requested);
    assert_eq!(session.delete(&pending).expect("an answer"), Change::Changed);
    check_state(session, &pending, CertificateState::Absent);
}

fn others(ground: &Ground<'_>, session: &mut dyn CaSession) {
    let (one, two) = (name("one.contract.test"), name("one.contract.test.two"));
    for name in [&one, &two] {
        assert_eq!((ground.submit)(name.as_str()), Answer::Taken);
    }
    check_freed(session, &one);
    check_state(session, &two, CertificateState::Signed);
    check_freed(session, &two);
}
