//! Stage 7: the listeners. `install` faces guests; nothing here plans, decides or touches libvirt.
//!
//! Everything goes through `reconcile::Handle`: a snapshot to look at, requests to make, and the install desk for guests.

mod body;
mod files;
pub mod install;
mod limits;
mod listen;
mod range;
mod traffic;

pub use limits::{InstallLimits, Rate};
pub use listen::{BindError, bind, bind_within};
pub use traffic::Traffic;
