//! The real CA: puppetserver's HTTP API with a client certificate.
//!
//! What is said here is about names; `https.rs` speaks.

use std::time::Duration;

use serde::Deserialize;

use super::super::https::{Answer, CallFault, Https};
use super::{CaError, CaSession, CertificateAuthority};
use crate::observed::CertificateState;
use crate::spec::{Fqdn, PuppetServerSpec};
use crate::world::Change;

/// How long one call may take. A revocation signs the whole list anew: 0.1 s for hundreds of entries on a slow machine.
const DEADLINE: Duration = Duration::from_secs(20);
/// Bytes of an answer that are read.
const BODY: u64 = 64 << 10;

/// puppetserver's CA.
#[derive(Debug)]
pub struct PuppetCa {
    deadline: Duration,
}

impl PuppetCa {
    /// With this deadline for each call.
    pub const fn with_deadline(deadline: Duration) -> Self {
        Self { deadline }
    }
}

impl Default for PuppetCa {
    fn default() -> Self {
        Self::with_deadline(DEADLINE)
    }
}

impl CertificateAuthority for PuppetCa {
    fn open(&self, server: &PuppetServerSpec) -> Result<Box<dyn CaSession + '_>, CaError> {
        Ok(Box::new(Session { https: Https::new(server, self.deadline)?, url: server.ca.url() }))
    }
}

struct Session {
    https: Https,
    url: String,
}

/// puppetserver says that it knows nothing of the name.
fn knows_nothing(answer: &Answer) -> bool {
    answer.status == 404 && matches!(answer.text().trim(), "Resource not found." | "Invalid certificate subject.")
}

/// The part of `certificate_status` that matters here.
#[derive(Deserialize)]
struct Status {
    state: String,
}

impl CaSession for Session {
    fn look(&mut self, certname: &Fqdn) -> Result<CertificateState, CaError> {
        let url = self.status_url(certname);
        let answer = self.read(self.https.agent.get(&url).header("accept", "application/json").call())?;
        if answer.status == 200 {
            let state = serde_json::from_slice(&answer.body).map(|status: Status| status.state);
            return match state.as_deref() {
                Ok("requested") => Ok(CertificateState::Requested),
                Ok("signed") => Ok(CertificateState::Signed),
                Ok("revoked") => Ok(CertificateState::Revoked),
                _ => Err(self.refused("look at", certname, &answer)),
            };
        }
        if knows_nothing(&answer) && answer.from_puppet {
            return Ok(CertificateState::Absent);
        }
        Err(self.refused("look at", certname, &answer))
    }

    fn revoke(&mut self, certname: &Fqdn) -> Result<Change, CaError> {
        let url = self.status_url(certname);
        let sent = self.https.agent.put(&url).content_type("application/json").send(r#"{"desired_state":"revoked"}"#);
        let answer = self.read(sent)?;
        match answer.status {
            200 | 204 => Ok(Change::Changed),
            // "Cannot revoke certificate for host … without a signed certificate": there is a request at most.
            409 if answer.from_puppet => Ok(Change::Unchanged),
            _ if knows_nothing(&answer) && answer.from_puppet => Ok(Change::Unchanged),
            _ => Err(self.refused("revoke", certname, &answer)),
        }
    }

    fn delete(&mut self, certname: &Fqdn) -> Result<Change, CaError> {
        let url = self.status_url(certname);
        let answer = self.read(self.https.agent.delete(&url).call())?;
        match answer.status {
            200 | 204 => Ok(Change::Changed),
            _ if knows_nothing(&answer) && answer.from_puppet => Ok(Change::Unchanged),
            _ => Err(self.refused("delete", certname, &answer)),
        }
    }
}

impl Session {
    /// A certname has no character that a path would have to escape.
    fn status_url(&self, certname: &Fqdn) -> String {
        format!("{}/puppet-ca/v1/certificate_status/{certname}", self.url)
    }

    fn read(&self, sent: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<Answer, CaError> {
        let url = self.url.clone();
        self.https.read(sent, BODY).map_err(|fault| match fault {
            CallFault::Unreachable(reason) => CaError::Unreachable { url, reason },
            CallFault::TooSlow(seconds) => CaError::TooSlow { url, seconds },
            CallFault::Untrusted(reason) => CaError::Untrusted { url, reason },
        })
    }

    /// What an answer means that is none of those that the call knows.
    fn refused(&self, action: &'static str, certname: &Fqdn, answer: &Answer) -> CaError {
        let url = self.url.clone();
        let words = answer.words();
        let lower = answer.text().to_ascii_lowercase();
        match answer.status {
            403 | 401 => CaError::Forbidden {
                url,
                action: match action {
                    "look at" => "look at certificates",
                    "revoke" => "revoke certificates",
                    _ => "delete certificates",
                },
            },
            _ if !answer.from_puppet => CaError::NotACa { url, words },
            // Newer versions give up on a lock after a while; 429 is for the same.
            429 | 503 => CaError::Locked { url, words },
            500 if lower.contains("lock") => CaError::Locked { url, words },
            _ => CaError::Refused { url, action, certname: certname.to_string(), words },
        }
    }
}
