//! The handoff to Puppet: the archive that a guest fetches, the report that comes back, and of the server mode the CA, the tokens that
//! VMs show it, and their certificate requests.
//!
//! `reconcile`'s install desk calls `archive` and `report`, `execute` the CA, PuppetDB and the tokens, `rekindle puppet autosign` checks requests.

mod archive;
mod autosign;
mod ca;
mod csr;
mod https;
mod puppetdb;
mod report;
mod token;
mod used_tokens;

pub use archive::{ArchiveError, ArchiveLimits, archive};
pub use autosign::{Admissible, Refusal, Wanted, judge};
pub use ca::{CaError, CaSession, CertificateAuthority, PuppetCa};
pub use csr::{CSR_MAX, Csr, CsrError};
pub use https::PemFault;
pub use puppetdb::{PuppetDb, PuppetDbError, ReportArchive};
pub use report::{ReportError, read_forwarded, read_report};
pub use token::{TokenClaim, TokenError, TokenKey, TokenKeyError, TokenSubject};
pub use used_tokens::{Redeemed, UsedTokens, UsedTokensError};
