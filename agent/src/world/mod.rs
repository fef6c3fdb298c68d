//! Stage 5 of the pipeline: the outside, behind traits named after our needs.

pub mod boot_files;
mod clock;
mod hypervisor;
mod store;

pub use clock::{Clock, ManualClock, SystemClock};
pub use hypervisor::{Change, Disposition, DomainEvent, GuestExit, Hypervisor, HypervisorError, Stop};
pub use store::{Store, StoreError, TimelineEntry};
