//! Why the CA did not do as asked, each with the next thing to try.

use super::super::https::PemFault;
use crate::observed::Disposition;

/// An error of a call to the CA. The next thing to try is part of the text: it is read in `rekindle status`.
#[derive(Debug, thiserror::Error)]
pub enum CaError {
    /// A file that is needed to talk to the CA cannot be read.
    #[error(transparent)]
    File(#[from] PemFault),
    /// No connection.
    #[error("the CA at {url} cannot be reached: {reason}; is puppetserver running there, and is the port open from here?")]
    Unreachable {
        /// The CA.
        url: String,
        /// Why.
        reason: String,
    },
    /// A connection, and no answer.
    #[error("the CA at {url} did not answer within {seconds} s; it may be starting, or too busy: look at puppetserver.log there")]
    TooSlow {
        /// The CA.
        url: String,
        /// The deadline.
        seconds: u64,
    },
    /// The handshake failed: one of the two does not trust the other.
    #[error(
        "the CA at {url} and this agent do not trust each other: {reason}; `ca_certificate` must be the CA's own, and \
         `client_certificate` signed by it, in force and not revoked"
    )]
    Untrusted {
        /// The CA.
        url: String,
        /// The words of TLS.
        reason: String,
    },
    /// 403.
    #[error(
        "the CA at {url} does not let this agent {action}: allow the certname of its client certificate in `auth.conf` there, see \
         docs/puppet-ca.md"
    )]
    Forbidden {
        /// The CA.
        url: String,
        /// `look at certificates`, …
        action: &'static str,
    },
    /// It answers HTTP, but is no CA.
    #[error("{url} is no Puppet CA: it answered {words}; set `ca_host` and `ca_port` to the server whose CA service is on")]
    NotACa {
        /// The address.
        url: String,
        /// Status and begin of its answer.
        words: String,
    },
    /// Another change of the revocation list is under way.
    #[error("the CA at {url} is busy with another change of its revocation list: {words}; it is tried again")]
    Locked {
        /// The CA.
        url: String,
        /// Status and begin of its answer.
        words: String,
    },
    /// It answered for this one name with something else than it should.
    #[error("the CA at {url} would not {action} `{certname}`: it answered {words}; look at puppetserver.log there")]
    Refused {
        /// The CA.
        url: String,
        /// `look at`, `revoke`, `delete`.
        action: &'static str,
        /// The name.
        certname: String,
        /// Status and begin of its answer.
        words: String,
    },
}

impl CaError {
    /// It is about this one name: the others of a batch can go on.
    pub fn is_about_the_name(&self) -> bool {
        matches!(self, Self::Refused { .. })
    }

    /// What the loop does about it.
    pub fn disposition(&self) -> Disposition {
        match self {
            Self::Unreachable { .. } | Self::TooSlow { .. } | Self::Locked { .. } | Self::Refused { .. } => {
                Disposition::RetryLater
            }
            // Tried again all the same, more and more slowly: who mends it need not tell us.
            Self::File(_) | Self::Untrusted { .. } | Self::Forbidden { .. } | Self::NotACa { .. } => Disposition::Blocked,
        }
    }
}
