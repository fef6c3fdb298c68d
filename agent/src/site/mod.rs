//! Stage 1 of the pipeline: the site's files, and how they become a `Spec`.
//!
//! ```text
//! read (directory → sources) → table, value (TOML → keys) → file (a struct a noun) → resolve (merge, look up, prove) → Spec
//!        └──────────────────────────────┴─── problems ───────────────┴─────────────────────┴→ error (the report)
//! ```
//!
//! Start at [`load`]. What one file may say is in `file/`; `docs/site.md` says it for people. Nothing here stops at the first
//! mistake, and nothing here touches anything but the site's own directory.

pub(crate) mod error;
pub(crate) mod excerpt;
mod file;
mod hiera;
pub(crate) mod load;
pub(crate) mod problems;
pub(crate) mod read;
mod resolve;
mod revision;
mod suggest;
pub(crate) mod table;
pub(crate) mod units;
pub(crate) mod value;

pub use error::{SiteError, SiteErrors};
pub use load::load;
