//! What the Puppet CA holds under a VM's certname: read back from it, never concluded from an answer to a change.

use super::{Phase, VmRecord};
use crate::spec::{Fqdn, Timestamp, VmName};

/// What the CA holds under a certname.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateState {
    /// Nothing: the next request with this name may be signed.
    Absent,
    /// A request that is not signed: it stands in the way of the next one.
    Requested,
    /// A certificate that is good.
    Signed,
    /// A certificate that is in the revocation list, and in the way of the next request.
    Revoked,
}

impl CertificateState {
    /// As the CA's own API has it, for people and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Requested => "requested",
            Self::Signed => "signed",
            Self::Revoked => "revoked",
        }
    }
}

/// A name that the CA is asked about, and what for: a look that was taken for something else says nothing about this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateOf {
    /// The VM.
    pub vm: VmName,
    /// Its attempt.
    pub attempt: u32,
    /// When the attempt or the VM's retirement began: only looks after that count.
    pub since: Timestamp,
    /// The name.
    pub certname: Fqdn,
}

impl CertificateOf {
    /// The names that the CA may know a VM by, as they matter to its record now.
    pub fn all(record: &VmRecord) -> impl Iterator<Item = Self> {
        let since = if record.phase == Phase::Retiring { record.since } else { record.began };
        let of =
            move |certname: &Fqdn| Self { vm: record.vm.clone(), attempt: record.attempt, since, certname: certname.clone() };
        record.certnames.iter().map(of)
    }
}

/// What is known of one name at the CA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedCertificate {
    /// What was asked.
    pub of: CertificateOf,
    /// What the last look has seen; none: none has had an answer.
    pub seen: Option<SeenCertificate>,
    /// The CA answered, but would not say or do what was asked of it for this name; over when it does.
    pub refusal: Option<CaRefusal>,
}

/// What a look at the CA found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeenCertificate {
    /// What was there.
    pub state: CertificateState,
    /// When it was last asked.
    pub at: Timestamp,
    /// When it was first seen in this state, without another in between.
    pub first: Timestamp,
}

/// The CA would not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaRefusal {
    /// When.
    pub at: Timestamp,
    /// Its words, for people.
    pub words: String,
}

impl ObservedCertificate {
    /// What was there at the last look.
    pub fn state(&self) -> Option<CertificateState> {
        self.seen.map(|seen| seen.state)
    }
}
