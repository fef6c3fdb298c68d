//! The loop: observe → plan → execute → publish, again and again until nothing remains.
//!
//! `task.rs` turns the wheel; `handle.rs` is what the rest may ask of it; `desk.rs` is what guests may ask; `requests.rs` says
//! which wish is legal. The life of a VM that the wheel drives is drawn in `observed/life.rs` and decided in `plan/vm.rs`.

mod content;
mod desk;
mod handle;
mod reports;
mod requests;
mod sim_desk;
mod snapshot;
mod system;
mod task;
#[cfg(test)]
pub(crate) mod testing;

pub use content::{Entered, EntryError};
pub use desk::{Denied, InstallDesk, StaticRoot};
pub use handle::{Handle, Request, RequestError};
pub use reports::{ReportRefused, ReportTaken};
pub use snapshot::{Snapshot, VmStatus};
pub use system::system_credential;
pub use task::{Loop, Parts, Site, SiteSource, Until};
