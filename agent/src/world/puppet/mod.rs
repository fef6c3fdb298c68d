//! The handoff to Puppet as files: the archive that a guest fetches, and the report that comes back.
//!
//! `reconcile`'s install desk calls both. This is the seam for the puppetserver mode: it will add its own way to deliver code, and
//! read the same reports.

mod archive;
mod report;

pub use archive::{ArchiveError, ArchiveLimits, archive};
pub use report::{ReportError, read_report};
