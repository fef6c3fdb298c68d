//! Faults as data: what can go wrong on the simulator, and when.
//!
//! A test or `--sim` injects them; `SimHypervisor` asks here before each call and each step of a guest. Nothing else in the
//! simulator misbehaves.

use std::time::Duration;

use super::GuestStep;
use crate::spec::{Timestamp, VmName};
use crate::world::HypervisorError;

/// How often a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Times {
    /// The next N occasions.
    Next(u32),
    /// Until `SimHypervisor::heal`.
    Always,
}

impl Times {
    /// Uses up one occasion; false: none was left.
    pub(super) fn take(&mut self) -> bool {
        match self {
            Self::Always => true,
            Self::Next(0) => false,
            Self::Next(left) => {
                *left -= 1;
                true
            }
        }
    }
}

/// The calls of the `Hypervisor` trait that can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// `observe`
    Observe,
    /// `probe`
    Probe,
    /// `ensure_pool`
    EnsurePool,
    /// `ensure_network`
    EnsureNetwork,
    /// `create_volume`
    CreateVolume,
    /// `delete_volume`
    DeleteVolume,
    /// `define_domain`
    DefineDomain,
    /// `start_domain`
    StartDomain,
    /// `stop_domain`
    StopDomain,
    /// `undefine_domain`
    UndefineDomain,
    /// `addresses`
    Addresses,
    /// `guest_exec`
    GuestExec,
}

impl Call {
    /// Every call.
    pub const ALL: [Self; 12] = [
        Self::Observe,
        Self::Probe,
        Self::EnsurePool,
        Self::EnsureNetwork,
        Self::CreateVolume,
        Self::DeleteVolume,
        Self::DefineDomain,
        Self::StartDomain,
        Self::StopDomain,
        Self::UndefineDomain,
        Self::Addresses,
        Self::GuestExec,
    ];

    /// The calls that change something.
    pub const WRITES: [Self; 8] = [
        Self::EnsurePool,
        Self::EnsureNetwork,
        Self::CreateVolume,
        Self::DeleteVolume,
        Self::DefineDomain,
        Self::StartDomain,
        Self::StopDomain,
        Self::UndefineDomain,
    ];
}

/// A kind of `HypervisorError`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// `Unreachable`
    Unreachable,
    /// `Conflict`
    Conflict,
    /// `NoSpace`
    NoSpace,
    /// `GuestAgent`; on a call that is not about a VM it is `Refused`.
    GuestAgent,
    /// `Refused`
    Refused,
}

impl ErrorKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Unreachable, Self::Conflict, Self::NoSpace, Self::GuestAgent, Self::Refused];

    /// The error of this kind for a call on `what` `name`.
    pub(super) fn error(self, what: &'static str, name: &str) -> HypervisorError {
        let reason = "injected fault".to_owned();
        let name = name.to_owned();
        match self {
            Self::Unreachable => HypervisorError::Unreachable { uri: super::hypervisor::URI.to_owned(), reason },
            Self::Conflict => HypervisorError::Conflict { what, name, reason },
            Self::NoSpace => HypervisorError::NoSpace { what, name, reason },
            Self::Refused => HypervisorError::Refused { action: "use", name, reason },
            Self::GuestAgent => match name.parse::<VmName>() {
                Ok(vm) if what == "domain" => HypervisorError::GuestAgent { vm, reason },
                _ => HypervisorError::Refused { action: "use", name, reason },
            },
        }
    }
}

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallFault {
    /// Nothing is done, and the call says so.
    Fails(ErrorKind),
    /// All is done, and the call fails nevertheless: a crash between effect and answer.
    TakesEffectThenFails(ErrorKind),
}

/// What happens in a guest, from its next start on. Those of the installer strike when the installer is booted, the others
/// when the disk is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GuestFault {
    /// It stays for ever at this step, which is not done.
    HangsAt(GuestStep),
    /// The domain goes off at this step, as if somebody had pulled the plug.
    StopsAt(GuestStep),
    /// QEMU crashes at this step.
    CrashesAt(GuestStep),
    /// It never asks for its kickstart.
    NeverFetches,
    /// The installer cannot read its kickstart and sits there with its message, as Anaconda does.
    KickstartRejected,
    /// `%pre` fails.
    PreFails,
    /// The layout does not fit the disk.
    DiskTooSmall,
    /// A repository cannot be read.
    RepositoryUnreachable,
    /// A package of this name is nowhere.
    PackageMissing(String),
    /// A package's scriptlet fails.
    ScriptletFails(String),
    /// `%post` fails; the installer then waits for a key (`--erroronfail`).
    PostFails,
    /// The installer finishes and does not reboot.
    NeverReboots,
    /// Everything is told twice, and the kickstart fetched twice.
    CallsTwice,
    /// It calls with the token of this VM.
    UsesTokenOf(VmName),
    /// The installed system never calls.
    NeverCallsFirstBoot,
    /// Puppet fails, and says so.
    PuppetFails,
    /// Puppet never reports.
    PuppetSilent,
}

impl GuestFault {
    /// Whether it strikes at the boot of a disk rather than of the installer; none: at either.
    pub(super) fn on_disk_boot(&self) -> Option<bool> {
        match self {
            Self::HangsAt(step) | Self::StopsAt(step) | Self::CrashesAt(step) => Some(step.on_disk_boot()),
            Self::CallsTwice | Self::UsesTokenOf(_) => None,
            Self::NeverFetches
            | Self::KickstartRejected
            | Self::PreFails
            | Self::DiskTooSmall
            | Self::RepositoryUnreachable
            | Self::PackageMissing(_)
            | Self::ScriptletFails(_)
            | Self::PostFails
            | Self::NeverReboots => Some(false),
            Self::NeverCallsFirstBoot | Self::PuppetFails | Self::PuppetSilent => Some(true),
        }
    }
}

/// Something that goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// No call is answered for this long; guests run on.
    Unreachable {
        /// How long, from the injection on.
        span: Duration,
    },
    /// A call fails.
    Call {
        /// Which.
        call: Call,
        /// How often.
        times: Times,
        /// How.
        how: CallFault,
    },
    /// A guest misbehaves, from its next start on.
    Guest {
        /// Which.
        vm: VmName,
        /// At how many starts.
        times: Times,
        /// How.
        how: GuestFault,
    },
    /// A health check of a VM fails.
    CheckFails {
        /// Which VM.
        vm: VmName,
        /// The check's name.
        check: String,
        /// How often.
        times: Times,
    },
    /// The file system under a pool is full until `heal`: volumes cannot be created, writing guests are paused.
    PoolFull {
        /// The pool.
        pool: String,
    },
    /// Somebody pulls the plug of a domain.
    DomainStopped {
        /// The domain.
        domain: String,
    },
    /// A running guest crashes now.
    DomainCrashed {
        /// The domain.
        domain: String,
    },
    /// Somebody removes a domain, running or not; its volumes stay.
    DomainUndefined {
        /// The domain.
        domain: String,
    },
    /// Somebody puts a domain of their own in the place of one of ours.
    DomainReplaced {
        /// The domain.
        domain: String,
    },
    /// Somebody deletes a volume.
    VolumeVanished {
        /// Its pool.
        pool: String,
        /// Its file name.
        volume: String,
    },
    /// libvirt forgets all domains, networks and pools; the files stay.
    LibvirtWiped,
    /// Everything of ours and of others is gone, files too: a new machine.
    HostReplaced,
    /// The hypervisor reboots: every domain is off, pools and networks start again.
    HostRebooted,
    /// The clock is about to jump ahead by this much, in no time at all: guests are where they were. Inject it just before the
    /// clock is moved.
    ClockJumps {
        /// By how much.
        span: Duration,
    },
    /// The clock is about to be set back by this much; guests are where they were.
    ClockFallsBack {
        /// By how much.
        span: Duration,
    },
}

/// The faults that are armed.
#[derive(Debug, Default)]
pub(super) struct Faults {
    pub(super) unreachable_until: Option<Timestamp>,
    pub(super) calls: Vec<(Call, Times, CallFault)>,
    pub(super) guests: Vec<(VmName, Times, GuestFault)>,
    pub(super) checks: Vec<(VmName, String, Times)>,
}

impl Faults {
    /// What happens to this call now, if anything.
    pub(super) fn on_call(&mut self, call: Call, now: Timestamp) -> Option<CallFault> {
        if self.unreachable_until.is_some_and(|until| now < until) {
            return Some(CallFault::Fails(ErrorKind::Unreachable));
        }
        let hit = self.calls.iter_mut().find_map(|(at, times, how)| (*at == call && times.take()).then_some(*how));
        self.calls.retain(|(_, times, _)| *times != Times::Next(0));
        hit
    }

    /// What happens in the guest of `vm` that starts now.
    pub(super) fn on_start(&mut self, vm: &str, disk_boot: bool) -> Option<GuestFault> {
        let hit = self.guests.iter_mut().find_map(|(whose, times, how)| {
            let fits = whose.as_str() == vm && how.on_disk_boot().is_none_or(|on_disk| on_disk == disk_boot);
            (fits && times.take()).then(|| how.clone())
        });
        self.guests.retain(|(_, times, _)| *times != Times::Next(0));
        hit
    }

    /// Whether this run of a check fails.
    pub(super) fn on_check(&mut self, vm: &VmName, check: &str) -> bool {
        let hit = self.checks.iter_mut().any(|(whose, name, times)| whose == vm && name == check && times.take());
        self.checks.retain(|(_, _, times)| *times != Times::Next(0));
        hit
    }
}
