//! Stage 7: the listeners. `install` faces guests, `api` faces people; `client` is the other end of `api`.
//!
//! Everything goes through `reconcile::Handle`: a snapshot to look at, requests to make, and the install desk for guests. Nothing
//! here plans, decides or touches libvirt.

pub mod api;
mod bearer;
mod body;
mod caller;
pub mod client;
mod direct;
mod events;
mod file_body;
mod files;
pub mod install;
mod limits;
mod listen;
#[cfg(test)]
mod logged;
mod metrics;
mod pins;
mod range;
mod relay;
pub mod reports;
mod socket;
mod traffic;
mod upload;
pub mod view;

pub use caller::DEFAULT_GROUP;
pub use limits::{InstallLimits, Rate};
pub use listen::{BindError, bind, bind_within};
pub use metrics::verdicts;
pub use traffic::Traffic;
