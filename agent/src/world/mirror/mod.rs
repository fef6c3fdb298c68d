//! Repositories of others, kept here: snapshots by date, each whole and as its upstream signed it.
//!
//! ```text
//! DIR/pool/sha256/ab/ab…                 every file once, by its digest
//! DIR/partial/DIGEST                     what is being fetched; gone on with after a break
//! DIR/snapshots/2026-11-23T105510Z/REPO  one repository: `repodata/` as upstream has it, packages as hard links
//! DIR/current -> snapshots/…             the newest
//! DIR/stages/STAGE -> ../snapshots/…     what VMs of a stage install from; a promotion moves this link
//! DIR/history.jsonl                      who moved which, when
//! ```
//!
//! `rekindle repo mirror` and `rekindle repo os` call it, and `listing` reads what is not copied; the install listener serves `stages/`. A snapshot appears by one rename
//! when every file of it is there and has been verified: nobody ever sees half of one, and a run that was killed goes on where it
//! was. Trust goes from the key to `repomd.xml` by its detached signature, and from there by checksums to every byte. Start
//! reading at [`MirrorSet::refresh`].

mod error;
mod fetch;
mod hash;
mod listing;
mod primary;
mod repomd;
mod set;
mod signature;
mod source;
mod unpack;

pub use error::MirrorError;
pub use listing::{ListedPackage, list_packages};
pub use set::{MirrorProgress, MirrorSet, Moved, Refreshed, Snapshot};
pub(in crate::world) use signature::verify as verify_signature;
pub use source::{MirrorSource, Trust};
