//! A VM's life: the phase that the store keeps, and why a phase failed.
//!
//! ```text
//! Preparing → Installing → Installed → Booting → Enrolling → Verifying → Ready
//!     └───────────┴────────────┴──────────┴──────────┴───────────┴──→ Failed
//!  any phase ── consent to rebuild ──→ Preparing (next attempt)
//!  any phase ── consent to destroy ──→ Retiring → (record gone)
//! ```

use crate::spec::Timestamp;

/// Where a VM's current attempt is. `reconcile::vm_state` says what ends each phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// The attempt is recorded; volumes, kickstart and domain are being made.
    Preparing,
    /// The installer runs.
    Installing,
    /// The installer has finished and the domain is off; it is about to boot its disk.
    Installed,
    /// It boots its disk; the first-boot callback is awaited.
    Booting,
    /// Puppet runs; its report is awaited.
    Enrolling,
    /// Its checks are awaited.
    Verifying,
    /// Its checks pass.
    Ready,
    /// See [`Failure`]. Domain and disk are kept as they are.
    Failed,
    /// It is being destroyed, with consent.
    Retiring,
}

impl Phase {
    /// All phases in order of life.
    pub const ALL: [Self; 9] = [
        Self::Preparing,
        Self::Installing,
        Self::Installed,
        Self::Booting,
        Self::Enrolling,
        Self::Verifying,
        Self::Ready,
        Self::Failed,
        Self::Retiring,
    ];

    /// As stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Preparing => "preparing",
            Self::Installing => "installing",
            Self::Installed => "installed",
            Self::Booting => "booting",
            Self::Enrolling => "enrolling",
            Self::Verifying => "verifying",
            Self::Ready => "ready",
            Self::Failed => "failed",
            Self::Retiring => "retiring",
        }
    }

    /// The phase of this name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.as_str() == text)
    }
}

/// The named cause of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The rendered kickstart did not pass our own check; nothing was started.
    KickstartInvalid,
    /// The installer never asked for its kickstart.
    KickstartNotFetched,
    /// The installer read the kickstart and would not have it.
    KickstartRejected,
    /// A repository or the install tree could not be read.
    RepositoryUnreachable,
    /// A package or group is in no repository.
    PackageNotFound,
    /// What the kickstart asks for does not fit the disk.
    DiskTooSmall,
    /// A `%pre` script failed.
    PreFailed,
    /// A `%post` script failed.
    PostFailed,
    /// A package's own script failed.
    ScriptletFailed,
    /// The installer stopped with another error.
    InstallerFailed,
    /// The installer was still at work at its deadline, or finished and never rebooted.
    NeverRebooted,
    /// The domain went off in the middle of the install.
    StoppedDuringInstall,
    /// The installed system never called back.
    FirstBootNeverCalled,
    /// Puppet failed or never reported.
    HandoffFailed,
    /// The Puppet CA has refused the VM's certificate request, or revoked its certificate.
    CertificateRefused,
    /// The Puppet CA has the VM's certificate request and has not signed it.
    CertificatePending,
    /// The VM does not reach the Puppet server or its CA.
    PuppetUnreachable,
    /// The Puppet server gave the VM no catalog.
    CatalogFailed,
    /// A health check did not pass in time.
    CheckFailed,
    /// QEMU crashed or the guest panicked.
    DomainCrashed,
    /// The hypervisor has no room: disk or memory.
    OutOfSpace,
    /// The boot files could not be fetched or are not those of `.treeinfo`.
    BootFilesUnusable,
    /// libvirt refused a step.
    HypervisorRefused,
}

impl Cause {
    /// Every cause.
    pub const ALL: [Self; 23] = [
        Self::KickstartInvalid,
        Self::KickstartNotFetched,
        Self::KickstartRejected,
        Self::RepositoryUnreachable,
        Self::PackageNotFound,
        Self::DiskTooSmall,
        Self::PreFailed,
        Self::PostFailed,
        Self::ScriptletFailed,
        Self::InstallerFailed,
        Self::NeverRebooted,
        Self::StoppedDuringInstall,
        Self::FirstBootNeverCalled,
        Self::HandoffFailed,
        Self::CertificateRefused,
        Self::CertificatePending,
        Self::PuppetUnreachable,
        Self::CatalogFailed,
        Self::CheckFailed,
        Self::DomainCrashed,
        Self::OutOfSpace,
        Self::BootFilesUnusable,
        Self::HypervisorRefused,
    ];

    /// As stored, in JSON and in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::KickstartInvalid => "kickstart-invalid",
            Self::KickstartNotFetched => "kickstart-not-fetched",
            Self::KickstartRejected => "kickstart-rejected",
            Self::RepositoryUnreachable => "repository-unreachable",
            Self::PackageNotFound => "package-not-found",
            Self::DiskTooSmall => "disk-too-small",
            Self::PreFailed => "pre-failed",
            Self::PostFailed => "post-failed",
            Self::ScriptletFailed => "scriptlet-failed",
            Self::InstallerFailed => "installer-failed",
            Self::NeverRebooted => "never-rebooted",
            Self::StoppedDuringInstall => "stopped-during-install",
            Self::FirstBootNeverCalled => "first-boot-never-called",
            Self::HandoffFailed => "handoff-failed",
            Self::CertificateRefused => "certificate-refused",
            Self::CertificatePending => "certificate-pending",
            Self::PuppetUnreachable => "puppet-unreachable",
            Self::CatalogFailed => "catalog-failed",
            Self::CheckFailed => "check-failed",
            Self::DomainCrashed => "domain-crashed",
            Self::OutOfSpace => "out-of-space",
            Self::BootFilesUnusable => "boot-files-unusable",
            Self::HypervisorRefused => "hypervisor-refused",
        }
    }

    /// The cause of this name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.as_str() == text)
    }

    /// For people, as the end of "failed: …".
    pub const fn describe(self) -> &'static str {
        match self {
            Self::KickstartInvalid => "the rendered kickstart does not pass our check",
            Self::KickstartNotFetched => "the installer never fetched its kickstart",
            Self::KickstartRejected => "the installer rejected the kickstart",
            Self::RepositoryUnreachable => "a repository could not be read",
            Self::PackageNotFound => "a package or group is in no repository",
            Self::DiskTooSmall => "the disk is too small for its layout",
            Self::PreFailed => "a %pre script failed",
            Self::PostFailed => "a %post script failed",
            Self::ScriptletFailed => "a package's own script failed",
            Self::InstallerFailed => "the installer stopped with an error",
            Self::NeverRebooted => "the installer did not finish and reboot in time",
            Self::StoppedDuringInstall => "the domain went off in the middle of the install",
            Self::FirstBootNeverCalled => "the installed system never called back",
            Self::HandoffFailed => "the handoff to Puppet failed",
            Self::CertificateRefused => "the Puppet CA refused its certificate",
            Self::CertificatePending => "the Puppet CA did not sign its certificate",
            Self::PuppetUnreachable => "it does not reach the Puppet server",
            Self::CatalogFailed => "the Puppet server gave it no catalog",
            Self::CheckFailed => "a health check did not pass in time",
            Self::DomainCrashed => "the domain crashed",
            Self::OutOfSpace => "the hypervisor is out of space",
            Self::BootFilesUnusable => "the install tree's boot files could not be used",
            Self::HypervisorRefused => "libvirt refused a step",
        }
    }
}

/// Why an attempt ended, kept with its evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// When.
    pub at: Timestamp,
    /// The phase it was in.
    pub phase: Phase,
    /// Why.
    pub cause: Cause,
    /// One line with the particulars: the package, the check, the resource, the installer's words.
    pub detail: String,
    /// The last lines that say so, from the installer's log, the console or the script's output.
    pub evidence: Vec<String>,
}
