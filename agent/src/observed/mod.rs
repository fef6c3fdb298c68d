//! Stage 6 of the pipeline: what is, as read back from the world.
//!
//! Plain types without I/O. Success is one of these facts, never a return code. `world::collect` makes them; `plan` compares
//! them with the `Spec`.

mod attempt;
mod certificate;
mod error;
mod hypervisor;
mod life;
mod logs;
mod repo;
mod run;

pub use attempt::{
    CheckResult, Consent, GuestEvent, GuestEventKind, HandoffResult, HandoffStatus, InstallStage, InstalledPackage, ObservedVm,
    RunningPackage, VmRecord,
};
pub use certificate::{CaRefusal, CertificateOf, CertificateState, ObservedCertificate, SeenCertificate};
pub use error::{Disposition, StepError, Subject};
pub use hypervisor::{BootFiles, DomainState, ObservedDomain, ObservedHost, ObservedNetwork, ObservedPool, ObservedVolume};
pub use life::{Cause, Failure, Phase};
pub use logs::{InstallerLog, LogVerdict, clean as clean_line};
pub use repo::{Action, Arrival, ObservedRepository, PackageCheck, PoolPackage, Publication, StageContent, StagePackage};
pub use run::{PuppetDbWord, PuppetReport, PuppetRuns, ReportVia};

use std::collections::BTreeMap;

use crate::spec::{OsName, VmName};

/// What libvirt says, or why it says nothing.
#[derive(Debug, Clone, PartialEq)]
pub enum HypervisorState {
    /// It answered.
    Reachable(ObservedHost),
    /// It did not; nothing is planned that needs it.
    Unreachable {
        /// Why, for people.
        reason: String,
    },
}

/// Everything that is known at the start of a pass.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// libvirt.
    pub hypervisor: HypervisorState,
    /// Boot files that are cached and whole, by OS.
    pub boot_files: BTreeMap<OsName, BootFiles>,
    /// What the store and the guests say, for each VM that has a record.
    pub vms: BTreeMap<VmName, ObservedVm>,
    /// The last error of each subject whose last work failed, of this agent run.
    pub errors: BTreeMap<Subject, StepError>,
}
