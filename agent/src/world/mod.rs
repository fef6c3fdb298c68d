//! Stage 5 of the pipeline: the outside, behind traits named after our needs.

mod hypervisor;

pub use hypervisor::{Change, Disposition, DomainEvent, GuestExit, Hypervisor, HypervisorError, Stop};
