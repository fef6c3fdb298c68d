//! What the Puppet CA holds under a VM's certname: read back from it, never concluded from an answer to a change.

use crate::spec::{Fqdn, Timestamp};

/// What the CA holds under a certname.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateState {
    /// Nothing: the next request with this name may be signed.
    Absent,
    /// A request that is not signed: it stands in the way of the next one.
    Requested,
    /// A certificate that is good.
    Signed,
    /// A certificate that is in the revocation list, and in the way of the next request.
    Revoked,
    /// The CA answered, but would not say or do what was asked of it for this name. With its words.
    Refused(String),
}

impl CertificateState {
    /// As the CA's own API has it, for people and logs.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Requested => "requested",
            Self::Signed => "signed",
            Self::Revoked => "revoked",
            Self::Refused(_) => "refused",
        }
    }
}

/// One look at the CA about one name, for one attempt of a VM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedCertificate {
    /// The name.
    pub certname: Fqdn,
    /// The attempt of the VM that the look was taken for: an older one says nothing about this attempt.
    pub attempt: u32,
    /// When.
    pub at: Timestamp,
    /// What was there.
    pub state: CertificateState,
}
