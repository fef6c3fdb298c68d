//! The handoff to Puppet: the archive that a guest fetches, the report that comes back, and the CA of the server mode.
//!
//! `reconcile`'s install desk calls the first two, `execute` the CA.

mod archive;
mod ca;
mod report;

pub use archive::{ArchiveError, ArchiveLimits, archive};
pub use ca::{CaError, CaSession, CertificateAuthority, PuppetCa};
pub use report::{ReportError, read_report};
