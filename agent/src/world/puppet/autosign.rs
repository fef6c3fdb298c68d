//! Whether the CA is to sign a request: what the issue of a certificate to a VM of ours takes.
//!
//! `rekindle puppet autosign` calls [`judge`] and, if that finds nothing, redeems the token ([`super::UsedTokens`]). Pure, and in
//! this order: the name, no rights, the token, then every extension. Refusals say what is wrong, never what would be right of a
//! secret.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::csr::{Csr, CsrError};
use super::token::{TokenError, TokenKey, TokenSubject, hex};
use crate::observed::{Phase, clean_line};
use crate::spec::{Oid, Timestamp};

/// What the site says of the VM that a request names.
#[derive(Debug, Clone)]
pub struct Wanted<'a> {
    /// The VM.
    pub subject: TokenSubject<'a>,
    /// Every extension that its certificate has.
    pub extensions: BTreeMap<Oid, String>,
    /// Its attempt and phase, where the agent that makes it could be asked.
    pub current: Option<(u32, Phase)>,
}

/// A request that may be signed once its token is redeemed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admissible {
    /// SHA-256 of the token: what is stored of it.
    pub token_digest: String,
    /// SHA-256 of the public key.
    pub key_fingerprint: String,
    /// The attempt that the token was made for.
    pub attempt: u32,
    /// Until when the token is good, in seconds since 1970.
    pub expires: u64,
}

/// Why a request is not signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It cannot be used at all.
    #[error(transparent)]
    Csr(#[from] CsrError),
    /// The site has no such VM.
    #[error("the site (revision {revision}) has no VM with this certname that is handed to a Puppet server")]
    Unknown {
        /// The site's revision.
        revision: String,
    },
    /// The common name is another.
    #[error("its common name is {found:?}")]
    Name {
        /// As in the request.
        found: String,
    },
    /// It asks for rights on the Puppet server.
    #[error("it asks for the authorization extension {0}")]
    Authorization(Oid),
    /// The token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The token is of an attempt that is over.
    #[error("its token is of attempt {found}, the VM is at attempt {current}")]
    OldAttempt {
        /// The token's.
        found: u32,
        /// The VM's.
        current: u32,
    },
    /// No request is expected of the VM now.
    #[error("the VM is {}, no request is expected of it", .0.as_str())]
    Phase(Phase),
    /// An extension that the site does not give it.
    #[error("it asks for the extension {0}, which the site does not give it")]
    Extra(Oid),
    /// An extension that it lacks.
    #[error("it lacks the extension {0}")]
    Missing(Oid),
    /// An extension with another value.
    #[error("its extension {oid} says {found:?}, the site {expected:?}")]
    Value {
        /// Which.
        oid: Oid,
        /// As in the request.
        found: String,
        /// As in the site.
        expected: String,
    },
    /// The token was used with another key: one of the two who have it is not the VM.
    #[error("its token was used before, with another key")]
    Replayed,
    /// A later token of the same VM was used.
    #[error("a later token of this VM has been used already")]
    Superseded,
}

impl Refusal {
    /// A word for it, for counters.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Csr(CsrError::TooLarge) => "too-large",
            Self::Csr(CsrError::Signature | CsrError::Algorithm) => "signature",
            Self::Csr(CsrError::Key(_)) => "key",
            Self::Csr(CsrError::NoToken) => "token-missing",
            Self::Csr(_) => "malformed",
            Self::Unknown { .. } => "unknown-host",
            Self::Name { .. } => "name",
            Self::Authorization(_) => "authorization",
            Self::Token(TokenError::Expired { .. }) => "token-expired",
            Self::Token(_) => "token-forged",
            Self::OldAttempt { .. } | Self::Superseded => "token-old",
            Self::Phase(_) => "phase",
            Self::Extra(_) | Self::Missing(_) | Self::Value { .. } => "extensions",
            Self::Replayed => "token-replayed",
        }
    }
}

/// Compares `csr` with what the site says.
///
/// # Errors
///
/// The first thing that is wrong.
pub fn judge(csr: &Csr, wanted: &Wanted<'_>, key: &TokenKey, now: Timestamp) -> Result<Admissible, Refusal> {
    if csr.name != wanted.subject.certname.as_str() {
        return Err(Refusal::Name { found: clean_line(&csr.name) });
    }
    if let Some(oid) = csr.extensions.keys().find(|oid| oid.is_authorization()) {
        return Err(Refusal::Authorization(oid.clone()));
    }
    let claim = key.verify(csr.token(), wanted.subject, now)?;
    if let Some((attempt, phase)) = wanted.current {
        if attempt != claim.attempt {
            return Err(Refusal::OldAttempt { found: claim.attempt, current: attempt });
        }
        // The guest can be quicker than the pass that notes its boot, and a retry slower than a handoff that failed elsewhere.
        if !matches!(phase, Phase::Installing | Phase::Installed | Phase::Booting | Phase::Enrolling) {
            return Err(Refusal::Phase(phase));
        }
    }
    for (oid, expected) in &wanted.extensions {
        match csr.extensions.get(oid) {
            None => return Err(Refusal::Missing(oid.clone())),
            Some(found) if found != expected => {
                return Err(Refusal::Value { oid: oid.clone(), found: clean_line(found), expected: expected.clone() });
            }
            Some(_) => {}
        }
    }
    if let Some(oid) = csr.extensions.keys().find(|oid| !wanted.extensions.contains_key(*oid)) {
        return Err(Refusal::Extra(oid.clone()));
    }
    Ok(Admissible {
        token_digest: hex(&Sha256::digest(csr.token().as_bytes())),
        key_fingerprint: csr.key_fingerprint.clone(),
        attempt: claim.attempt,
        expires: claim.expires,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Fqdn;
    use crate::world::puppet::TokenClaim;

    /// What is said of a request with a token of attempt 2, by an agent that has the VM there.
    #[track_caller]
    fn check(current: Option<(u32, Phase)>, expected: Result<(), &str>) {
        let certname: Fqdn = "web01.lab.test".parse().unwrap();
        let (key, subject) = (TokenKey::new(&[7; 32]).unwrap(), TokenSubject { certname: &certname, instance_id: "id" });
        let token = key.issue(subject, TokenClaim { attempt: 2, expires: 2000 });
        let csr = Csr::with_token("web01.lab.test", token.reveal());
        let wanted = Wanted { subject, extensions: BTreeMap::new(), current };
        let said = judge(&csr, &wanted, &key, Timestamp(1_000_000));
        assert_eq!(said.as_ref().map(|_| ()).map_err(Refusal::kind), expected, "{current:?}");
    }

    #[test]
    fn an_agents_word_of_attempt_and_phase_goes_with_the_token() {
        check(None, Ok(()));
        for phase in Phase::ALL {
            let awaited = matches!(phase, Phase::Installing | Phase::Installed | Phase::Booting | Phase::Enrolling);
            check(Some((2, phase)), if awaited { Ok(()) } else { Err("phase") });
            check(Some((3, phase)), Err("token-old"));
            check(Some((1, phase)), Err("token-old"));
        }
    }
}
