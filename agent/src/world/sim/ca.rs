//! The simulator's Puppet CA: what the real one does with names, requests and its revocation list, and what can go wrong with it.
//!
//! Guests hand requests in ([`GuestCa`]), the agent cleans through the trait; the contract test holds it to puppetserver's
//! behaviour. Several simulated hypervisors may share one, as real ones do.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Times;
use crate::observed::CertificateState;
use crate::spec::{Fqdn, PuppetServerSpec};
use crate::world::Change;
use crate::world::puppet::{CaError, CaSession, CertificateAuthority, PemFault};

/// What a guest's request came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Submitted {
    /// A certificate with this serial number.
    Signed(u64),
    /// It is kept, and not signed.
    Pending,
    /// 400: the name is taken by a certificate, or by a request that is pending.
    Taken,
    /// No answer.
    Unheard,
}

/// A Puppet CA as a guest sees it. Called without any lock of the simulator held; may block.
pub trait GuestCa: Send + Sync {
    /// A guest hands in a request with its key, or asks again for the certificate that it has not heard of. `key` tells keys apart
    /// and is none.
    fn submit(&self, certname: &str, key: &str) -> Submitted;
}

/// A certificate that the CA holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimCertificate {
    /// Its serial number.
    pub serial: u64,
    /// What stands for the key that it was asked for with.
    pub key: String,
}

/// A call to the CA, for faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaCall {
    /// `open`: a file is missing.
    Open,
    /// `look`
    Look,
    /// `revoke`
    Revoke,
    /// `delete`
    Delete,
}

impl CaCall {
    /// Every call.
    pub const ALL: [Self; 4] = [Self::Open, Self::Look, Self::Revoke, Self::Delete];
}

/// A kind of `CaError`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaErrorKind {
    /// `File`
    File,
    /// `Unreachable`
    Unreachable,
    /// `TooSlow`
    TooSlow,
    /// `Untrusted`
    Untrusted,
    /// `Forbidden`
    Forbidden,
    /// `NotACa`
    NotACa,
    /// `Locked`
    Locked,
    /// `Refused`
    Refused,
}

impl CaErrorKind {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::File,
        Self::Unreachable,
        Self::TooSlow,
        Self::Untrusted,
        Self::Forbidden,
        Self::NotACa,
        Self::Locked,
        Self::Refused,
    ];

    fn error(self, certname: &str) -> CaError {
        let (url, words) = ("sim:///ca".to_owned(), "with status 500, \"injected fault\"".to_owned());
        let reason = "injected fault".to_owned();
        match self {
            Self::File => {
                PemFault { what: "client key", path: "/nonexistent".into(), reason, remedy: "heal the simulator" }.into()
            }
            Self::Unreachable => CaError::Unreachable { url, reason },
            Self::TooSlow => CaError::TooSlow { url, seconds: 20 },
            Self::Untrusted => CaError::Untrusted { url, reason },
            Self::Forbidden => CaError::Forbidden { url, action: "look at certificates" },
            Self::NotACa => CaError::NotACa { url, words },
            Self::Locked => CaError::Locked { url, words },
            Self::Refused => CaError::Refused { url, action: "look at", certname: certname.to_owned(), words },
        }
    }
}

/// Something that goes wrong with the CA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaFault {
    /// The call.
    pub call: CaCall,
    /// Only about this name; none: any.
    pub certname: Option<String>,
    /// How often.
    pub times: Times,
    /// What the caller is told.
    pub kind: CaErrorKind,
    /// It happens all the same: the answer is lost, not the effect.
    pub takes_effect: bool,
}

#[derive(Default)]
struct Inner {
    certificates: BTreeMap<String, SimCertificate>,
    requests: BTreeMap<String, String>,
    revoked: BTreeSet<u64>,
    serial: u64,
    faults: Vec<CaFault>,
    refuses_to_sign: bool,
    down: bool,
}

/// The CA.
#[derive(Default)]
pub struct SimCa(Mutex<Inner>);

impl SimCa {
    /// Somebody else hands in a request that the policy does not sign.
    pub fn leave_request(&self, certname: &str) {
        self.lock().requests.insert(certname.to_owned(), "somebody else's".to_owned());
    }

    /// Whether the policy signs.
    pub fn refuse_to_sign(&self, refuse: bool) {
        self.lock().refuses_to_sign = refuse;
    }

    /// Switches it off or on: nobody is answered.
    pub fn set_down(&self, down: bool) {
        self.lock().down = down;
    }

    /// From now on this goes wrong.
    pub fn inject(&self, fault: CaFault) {
        self.lock().faults.push(fault);
    }

    /// Nothing goes wrong any more.
    pub fn heal(&self) {
        let mut inner = self.lock();
        inner.faults.clear();
        inner.refuses_to_sign = false;
        inner.down = false;
    }

    /// The names that have a certificate, good or revoked.
    pub fn certificates(&self) -> BTreeMap<String, SimCertificate> {
        self.lock().certificates.clone()
    }

    /// The certificate of this serial number is in the revocation list.
    pub fn is_revoked(&self, serial: u64) -> bool {
        self.lock().revoked.contains(&serial)
    }

    /// How many certificates it has ever signed.
    pub fn signed(&self) -> u64 {
        self.lock().serial
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn call<T>(&self, call: CaCall, certname: &str, effect: impl FnOnce(&mut Inner) -> T) -> Result<T, CaError> {
        let mut inner = self.lock();
        if inner.down {
            return Err(CaErrorKind::Unreachable.error(certname));
        }
        let about = |fault: &CaFault| fault.call == call && fault.certname.as_ref().is_none_or(|name| name == certname);
        let struck = inner.faults.iter_mut().find_map(|fault| (about(fault) && fault.times.take()).then(|| fault.clone()));
        match struck {
            None => Ok(effect(&mut inner)),
            Some(fault) => {
                if fault.takes_effect {
                    effect(&mut inner);
                }
                Err(fault.kind.error(certname))
            }
        }
    }
}

impl GuestCa for SimCa {
    fn submit(&self, certname: &str, key: &str) -> Submitted {
        let mut inner = self.lock();
        if inner.down {
            return Submitted::Unheard;
        }
        if let Some(certificate) = inner.certificates.get(certname) {
            let good = certificate.key == key && !inner.revoked.contains(&certificate.serial);
            return if good { Submitted::Signed(certificate.serial) } else { Submitted::Taken };
        }
        match inner.requests.get(certname) {
            Some(of) if of == key => return Submitted::Pending,
            Some(_) => return Submitted::Taken,
            None => {}
        }
        if inner.refuses_to_sign {
            inner.requests.insert(certname.to_owned(), key.to_owned());
            return Submitted::Pending;
        }
        inner.serial += 1;
        let certificate = SimCertificate { serial: inner.serial, key: key.to_owned() };
        let serial = certificate.serial;
        inner.certificates.insert(certname.to_owned(), certificate);
        Submitted::Signed(serial)
    }
}

impl CertificateAuthority for SimCa {
    fn open(&self, _: &PuppetServerSpec) -> Result<Box<dyn CaSession + '_>, CaError> {
        let opened = self.lock().faults.iter_mut().find_map(|fault| {
            let struck = fault.call == CaCall::Open && fault.times.take();
            struck.then_some(fault.kind)
        });
        match opened {
            Some(kind) => Err(kind.error("")),
            None => Ok(Box::new(Session(self))),
        }
    }
}

struct Session<'a>(&'a SimCa);

impl CaSession for Session<'_> {
    fn look(&mut self, certname: &Fqdn) -> Result<CertificateState, CaError> {
        let name = certname.as_str();
        self.0.call(CaCall::Look, name, |inner| match inner.certificates.get(name) {
            Some(certificate) if inner.revoked.contains(&certificate.serial) => CertificateState::Revoked,
            Some(_) => CertificateState::Signed,
            None if inner.requests.contains_key(name) => CertificateState::Requested,
            None => CertificateState::Absent,
        })
    }

    fn revoke(&mut self, certname: &Fqdn) -> Result<Change, CaError> {
        let name = certname.as_str();
        self.0.call(CaCall::Revoke, name, |inner| match inner.certificates.get(name).map(|certificate| certificate.serial) {
            Some(serial) => {
                inner.revoked.insert(serial);
                Change::Changed
            }
            None => Change::Unchanged,
        })
    }

    fn delete(&mut self, certname: &Fqdn) -> Result<Change, CaError> {
        let name = certname.as_str();
        self.0.call(CaCall::Delete, name, |inner| {
            let certificate = inner.certificates.remove(name).is_some();
            let request = inner.requests.remove(name).is_some();
            if certificate || request { Change::Changed } else { Change::Unchanged }
        })
    }
}
