//! The loop: observe → plan → execute → publish, again and again until nothing remains.

mod desk;
mod handle;
mod sim_desk;
mod snapshot;
#[cfg(test)]
pub(crate) mod testing;

pub use desk::{Denied, InstallDesk, StaticRoot};
pub use handle::{Handle, Request, RequestError};
pub use snapshot::{Snapshot, VmStatus};
