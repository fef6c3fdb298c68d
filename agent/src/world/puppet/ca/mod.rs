//! The Puppet CA: what a rebuild and a destruction need of it, behind a trait so that the simulator can stand in.
//!
//! `execute` opens a session for each batch and asks name by name. A name is freed in three calls: **revoke**, **look** that it is
//! in the revocation list, **delete**. `PUT /puppet-ca/v1/clean` would do it in one for many names, but puppetserver 7 runs it
//! without the lock that guards the revocation list: two agents that clean at once lose each other's revocations, and are told
//! 200. What was lost can not be mended either, since the certificate is deleted by then. Revoking under the lock and looking
//! before deleting holds against any number of agents and against `puppetserver ca clean`, which does the same.

mod client;
mod error;

pub use client::PuppetCa;
pub use error::CaError;

use crate::observed::CertificateState;
use crate::spec::{Fqdn, PuppetServerSpec};
use crate::world::Change;

/// A CA, or the simulator's.
pub trait CertificateAuthority: Send + Sync {
    /// A session with the CA that `server` names. Reads certificate and key anew, so that renewed ones need no restart; connects
    /// at the first call.
    fn open(&self, server: &PuppetServerSpec) -> Result<Box<dyn CaSession + '_>, CaError>;
}

/// Calls to the CA over one connection. Each blocks for at most its deadline; every one of them may be repeated.
pub trait CaSession {
    /// What the CA holds under this name.
    fn look(&mut self, certname: &Fqdn) -> Result<CertificateState, CaError>;

    /// Puts the name's certificate into the revocation list. Unchanged: there is no certificate.
    fn revoke(&mut self, certname: &Fqdn) -> Result<Change, CaError>;

    /// Deletes the name's certificate and its request, and does not revoke. Unchanged: there was neither.
    fn delete(&mut self, certname: &Fqdn) -> Result<Change, CaError>;
}
