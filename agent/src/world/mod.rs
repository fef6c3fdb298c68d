//! Stage 5 of the pipeline: the outside, behind traits named after our needs.

pub mod boot_files;
mod check_runner;
mod checks;
mod clock;
mod hypervisor;
#[cfg(feature = "libvirt")]
mod libvirt;
pub mod puppet;
pub mod sim;
mod store;
mod worker;

pub use check_runner::CheckRunner;
pub use checks::NetworkChecks;
pub use clock::{Clock, ManualClock, SystemClock};
pub use hypervisor::{Change, DomainEvent, GuestExit, Hypervisor, HypervisorError};
#[cfg(feature = "libvirt")]
pub use libvirt::Libvirt;
pub use store::{Store, StoreError, TimelineEntry};
pub use worker::{CallLimits, HypervisorHandle};

pub use crate::observed::Disposition;
pub use crate::spec::Stop;
