//! The real CA: puppetserver's HTTP API with a client certificate.
//!
//! What answers is trusted only as far as TLS has proved it; sizes and times are bounded all the same. No proxy is asked and no
//! redirect followed: a certificate is not to be shown to anybody else.

use std::io::{self, Read as _};
use std::time::Duration;

use camino::Utf8Path;
use serde::Deserialize;
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};

use super::{CaError, CaSession, CertificateAuthority};
use crate::observed::{CertificateState, clean_line};
use crate::spec::{Fqdn, PuppetServerSpec};
use crate::world::Change;

/// How long one call may take. A revocation signs the whole list anew: 0.1 s for hundreds of entries on a slow machine.
const DEADLINE: Duration = Duration::from_secs(20);
/// How long until there is a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// Idle connections older than this are not used again: the server may have closed them.
const IDLE: Duration = Duration::from_secs(2);
/// Bytes of an answer that are read.
const BODY: u64 = 64 << 10;
/// Characters of an answer that are shown.
const WORDS: usize = 200;
/// A file of certificates larger than this is something else.
const PEM: u64 = 1 << 20;

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
        let trust = "copy `ca_crt.pem` of the CA there";
        let roots = certificates(&server.ca_certificate, "CA's certificate", trust)?;
        let ours = "make one as docs/puppet-ca.md says";
        let chain = certificates(&server.client_certificate, "client certificate", ours)?;
        let key = private_key(&server.client_key, ours)?;
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::new_with_certs(&roots))
            .client_cert(Some(ClientCert::new_with_certs(&chain, key)))
            .build();
        let agent = ureq::Agent::config_builder()
            .tls_config(tls)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .timeout_global(Some(self.deadline))
            .timeout_connect(Some(CONNECT.min(self.deadline)))
            .max_idle_connections(1)
            .max_idle_age(IDLE)
            .user_agent(concat!("rekindle/", env!("CARGO_PKG_VERSION")))
            .accept_encoding("identity")
            .build()
            .into();
        Ok(Box::new(Session { agent, url: server.ca.url(), deadline: self.deadline }))
    }
}

struct Session {
    agent: ureq::Agent,
    url: String,
    deadline: Duration,
}

/// An answer, read to its end or to its bound.
struct Answer {
    status: u16,
    /// The header that every answer of puppetserver's own services has, and no other web server's.
    from_puppet: bool,
    body: String,
}

impl Answer {
    /// Status and begin of the body, safe to show.
    fn words(&self) -> String {
        let body: String = clean_line(&self.body.replace(['\n', '\r'], " ")).chars().take(WORDS).collect();
        if body.is_empty() { format!("with status {}", self.status) } else { format!("with status {}, {body:?}", self.status) }
    }

    /// puppetserver says that it knows nothing of the name.
    fn knows_nothing(&self) -> bool {
        self.status == 404 && matches!(self.body.trim(), "Resource not found." | "Invalid certificate subject.")
    }
}

/// The part of `certificate_status` that matters here.
#[derive(Deserialize)]
struct Status {
    state: String,
}

impl CaSession for Session {
    fn look(&mut self, certname: &Fqdn) -> Result<CertificateState, CaError> {
        let url = self.status_url(certname);
        let answer = self.read(self.agent.get(&url).header("accept", "application/json").call())?;
        if answer.status == 200 {
            let state = serde_json::from_str(&answer.body).map(|status: Status| status.state);
            return match state.as_deref() {
                Ok("requested") => Ok(CertificateState::Requested),
                Ok("signed") => Ok(CertificateState::Signed),
                Ok("revoked") => Ok(CertificateState::Revoked),
                _ => Err(self.refused("look at", certname, &answer)),
            };
        }
        if answer.knows_nothing() && answer.from_puppet {
            return Ok(CertificateState::Absent);
        }
        Err(self.refused("look at", certname, &answer))
    }

    fn revoke(&mut self, certname: &Fqdn) -> Result<Change, CaError> {
        let url = self.status_url(certname);
        let sent = self.agent.put(&url).content_type("application/json").send(r#"{"desired_state":"revoked"}"#);
        let answer = self.read(sent)?;
        match answer.status {
            200 | 204 => Ok(Change::Changed),
            // "Cannot revoke certificate for host … without a signed certificate": there is a request at most.
            409 if answer.from_puppet => Ok(Change::Unchanged),
            _ if answer.knows_nothing() && answer.from_puppet => Ok(Change::Unchanged),
            _ => Err(self.refused("revoke", certname, &answer)),
        }
    }

    fn delete(&mut self, certname: &Fqdn) -> Result<Change, CaError> {
        let url = self.status_url(certname);
        let answer = self.read(self.agent.delete(&url).call())?;
        match answer.status {
            200 | 204 => Ok(Change::Changed),
            _ if answer.knows_nothing() && answer.from_puppet => Ok(Change::Unchanged),
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
        let response = sent.map_err(|error| self.failed(&error))?;
        let status = response.status().as_u16();
        let from_puppet = response.headers().contains_key("x-puppet-version");
        let mut body = Vec::new();
        let mut reader = response.into_body().into_with_config().limit(u64::MAX).reader().take(BODY);
        reader.read_to_end(&mut body).map_err(|error| self.broke_off(&error))?;
        Ok(Answer { status, from_puppet, body: String::from_utf8_lossy(&body).into_owned() })
    }

    /// What an answer means that is none of those that the call knows.
    fn refused(&self, action: &'static str, certname: &Fqdn, answer: &Answer) -> CaError {
        let url = self.url.clone();
        let words = answer.words();
        let lower = answer.body.to_ascii_lowercase();
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

    fn failed(&self, error: &ureq::Error) -> CaError {
        let url = self.url.clone();
        match error {
            ureq::Error::Timeout(ureq::Timeout::Connect | ureq::Timeout::Resolve) => {
                CaError::Unreachable { url, reason: "no connection in time".to_owned() }
            }
            ureq::Error::Timeout(_) => CaError::TooSlow { url, seconds: self.deadline.as_secs().max(1) },
            ureq::Error::Io(error) => self.broke_off(error),
            ureq::Error::HostNotFound => CaError::Unreachable { url, reason: "no such host".to_owned() },
            ureq::Error::Tls(reason) => CaError::Untrusted { url, reason: (*reason).to_owned() },
            ureq::Error::Rustls(error) => CaError::Untrusted { url, reason: error.to_string() },
            other => CaError::Unreachable { url, reason: other.to_string() },
        }
    }

    /// An I/O error may wrap a timeout or what TLS says.
    fn broke_off(&self, error: &io::Error) -> CaError {
        let url = self.url.clone();
        if let Some(inner) = error.get_ref().and_then(|inner| inner.downcast_ref::<ureq::Error>()) {
            return self.failed(inner);
        }
        match error.kind() {
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => {
                CaError::TooSlow { url, seconds: self.deadline.as_secs().max(1) }
            }
            // rustls hands its alerts and certificate errors through as invalid data.
            io::ErrorKind::InvalidData => CaError::Untrusted { url, reason: error.to_string() },
            io::ErrorKind::ConnectionRefused => CaError::Unreachable { url, reason: "nothing listens there".to_owned() },
            _ => CaError::Unreachable { url, reason: error.to_string() },
        }
    }
}

fn read_pem(path: &Utf8Path, what: &'static str, remedy: &'static str) -> Result<Vec<u8>, CaError> {
    let fault = |reason: String| CaError::File { what, path: path.to_owned(), reason, remedy };
    let file = std::fs::File::open(path).map_err(|error| fault(error.to_string()))?;
    let mut text = Vec::new();
    file.take(PEM).read_to_end(&mut text).map_err(|error| fault(error.to_string()))?;
    Ok(text)
}

fn certificates(path: &Utf8Path, what: &'static str, remedy: &'static str) -> Result<Vec<Certificate<'static>>, CaError> {
    let text = read_pem(path, what, remedy)?;
    let found = parse_pem(&text).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    });
    let found: Vec<_> = found.collect();
    if found.is_empty() {
        let reason = "there is no certificate in it (PEM)".to_owned();
        return Err(CaError::File { what, path: path.to_owned(), reason, remedy });
    }
    Ok(found)
}

fn private_key(path: &Utf8Path, remedy: &'static str) -> Result<PrivateKey<'static>, CaError> {
    let text = read_pem(path, "client key", remedy)?;
    // The parser's words could quote the file: they are not repeated.
    PrivateKey::from_pem(&text).map_err(|_| CaError::File {
        what: "client key",
        path: path.to_owned(),
        reason: "there is no private key without a passphrase in it (PEM)".to_owned(),
        remedy,
    })
}
