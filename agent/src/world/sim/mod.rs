//! The simulator: a hypervisor in memory, with guests that install themselves, faults, and time that the caller controls.
//!
//! `rekindle agent --sim` runs the whole product on it, and so do the property tests. It is a program, not a mock: nothing is
//! scripted, calls change a state, and what is observed is that state. `rekindle-tests` holds it and the libvirt driver to one
//! contract, so that it cannot drift.
//!
//! Start at [`SimHypervisor`]; [`Fault`] lists what can go wrong; [`SimState`] is what a test may look at.
//!
//! What is modelled:
//!
//! * **Directories and volumes.** Files live in directories, pools point at them: a wiped libvirt keeps its files, and a pool
//!   that is defined again finds them. A directory has a capacity; volumes are sparse and grow when a guest writes. Each volume
//!   has a serial number of its own and remembers what is on it ([`Content`]), so that a re-created or re-formatted volume can
//!   be told from a kept one.
//! * **Networks** with digest, DHCP entries and state; bridges are taken to exist.
//! * **Domains** with definition, owner mark, run state and reason; what runs needs its volumes, its networks and memory.
//! * **Things of others**: domains, networks, pools and volumes without our mark, which every call must leave alone.
//! * **Guests.** One that boots the installer runs [`GuestStep::Fetch`] to [`GuestStep::Reboot`]; one that boots its disk runs
//!   [`GuestStep::FirstBoot`] to [`GuestStep::Serve`], if an installer has finished on that disk. The token is read from the
//!   kernel command line and stays on the disk, as it does in a real guest. Calls that are not heard are repeated as curl and
//!   the shipped scripts repeat them. Log files are written as Anaconda and a serial
//!   console would. A domain whose type does not work starts and does nothing, as under a `/dev/kvm` that only opens.
//! * **Lifecycle events**, after the change that they tell of.
//!
//! What is not: the content of a kickstart (packages, addresses and whether Puppet runs are read from it, nothing else is
//! understood), XML beyond name, UUID and our mark, CPU and I/O load, live changes of running domains, and autostart of domains, for
//! which the trait has no call.

mod act;
mod boot;
mod ca;
mod calls;
mod checks;
mod desk;
mod fault;
mod guest;
mod hypervisor;
mod installer_log;
mod kickstart;
mod mischief;
mod puppetdb;
mod state;
mod ticker;

pub use ca::{CaCall, CaErrorKind, CaFault, GuestCa, SimCa, SimCertificate, Submitted};
pub use desk::{DeskError, GuestDesk};
pub use fault::{Call, CallFault, ErrorKind, Fault, GuestFault, Times};
pub use guest::GuestStep;
pub use hypervisor::{GuestLogs, SimConfig, SimHypervisor};
pub use puppetdb::SimPuppetDb;
pub use state::{Content, Definition, InstalledSystem, SimDirectory, SimDomain, SimNetwork, SimPool, SimState, SimVolume};
