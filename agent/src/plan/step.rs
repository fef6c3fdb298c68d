//! One change to the world. Everything needed to make it is in the variant: executing it is one call.

use uuid::Uuid;

use crate::observed::{CertificateOf, PuppetReport, VmRecord};
use crate::spec::{
    DomainSpec, DomainType, Fqdn, NetworkName, NicSpec, OsName, PoolName, PoolSpec, Stop, Timestamp, VmName, VolumeSpec,
};

/// One change to the world, or one look at it that costs too much for every pass.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Find out whether guests of this type run here; the answer is stored.
    Probe(DomainType),
    /// Make a pool.
    EnsurePool(PoolSpec),
    /// Make a libvirt network.
    EnsureNetwork {
        /// Which.
        network: NetworkName,
        /// DHCP entries.
        hosts: Vec<(VmName, NicSpec)>,
        /// Digest of all of it, kept in the network's metadata.
        digest: String,
    },
    /// Ask the install tree for kernel and initrd, and copy what is new.
    FetchBootFiles(OsName),
    /// Store this record: intent, or a transition that was observed.
    Record(Box<VmRecord>),
    /// Render, check and store the kickstart of an attempt.
    PrepareKickstart {
        /// The attempt.
        record: Box<VmRecord>,
        /// `http://ADDRESS:PORT` at which the guest reaches the install listener.
        base: String,
        /// Until when its token for the Puppet CA is good; none: it is not handed to a server.
        token_until: Option<Timestamp>,
    },
    /// Remove the logs, kickstarts and calls of old attempts; the timeline stays.
    ForgetAttempts {
        /// The VM.
        vm: VmName,
        /// The oldest attempt that is kept.
        before: u32,
    },
    /// Create a volume.
    CreateVolume(VolumeSpec),
    /// Delete a volume, with consent or within the retries of an install that never finished.
    DeleteVolume {
        /// The pool.
        pool: PoolName,
        /// The file name.
        volume: String,
    },
    /// Define or redefine a domain.
    DefineDomain(Box<DomainSpec>),
    /// Switch it on.
    StartDomain {
        /// The VM.
        vm: VmName,
        /// Its UUID.
        uuid: Uuid,
    },
    /// Switch it off.
    StopDomain {
        /// The VM.
        vm: VmName,
        /// Its UUID.
        uuid: Uuid,
        /// How.
        how: Stop,
    },
    /// Remove its definition.
    UndefineDomain {
        /// The VM.
        vm: VmName,
        /// Its UUID.
        uuid: Uuid,
    },
    /// Run its health checks.
    RunChecks {
        /// The VM.
        vm: VmName,
        /// Its UUID.
        uuid: Uuid,
    },
    /// Put the certificates of these names into the CA's revocation list, one after the other.
    RevokeCertificates(Vec<CertificateOf>),
    /// Delete certificates that were seen to be revoked, and requests, from the CA.
    DeleteCertificates(Vec<CertificateOf>),
    /// Ask the CA what it holds under these names.
    LookAtCertificates(Vec<CertificateOf>),
    /// Ask PuppetDB for the newest reports of these VMs, each with its attempt and certname.
    AskPuppetDb(Vec<(VmName, u32, Fqdn)>),
    /// Keep a report that was found in PuppetDB and is believed.
    KeepReport {
        /// The VM as it was when the report was believed.
        record: Box<VmRecord>,
        /// The report.
        report: Box<PuppetReport>,
    },
    /// Forget it.
    Forget(VmName),
}

impl Step {
    /// What it does, for people, without a full stop.
    pub fn describe(&self) -> String {
        match self {
            Self::Probe(kind) => format!("run a trivial `{}` guest to see whether it works", kind.as_str()),
            Self::EnsurePool(pool) => format!("create pool `{}` at {}", pool.name, pool.path),
            Self::EnsureNetwork { network, .. } => format!("define network `{network}`"),
            Self::FetchBootFiles(os) => format!("check the boot files of `{os}`"),
            Self::Record(record) => match record.phase {
                crate::observed::Phase::Preparing => format!("begin attempt {}", record.attempt),
                phase => format!("note that it is {}", phase.as_str()),
            },
            Self::PrepareKickstart { .. } => "render and check the kickstart".to_owned(),
            Self::ForgetAttempts { before, .. } => format!("remove the logs of attempts before {before}"),
            Self::CreateVolume(volume) => format!("create volume `{}` ({} GiB)", volume.name, volume.capacity_bytes >> 30),
            Self::DeleteVolume { volume, .. } => format!("delete volume `{volume}`"),
            Self::DefineDomain(domain) => match domain.boot {
                crate::spec::Boot::Install { .. } => "define the domain to boot the installer".to_owned(),
                crate::spec::Boot::Disk => "define the domain to boot its disk".to_owned(),
            },
            Self::StartDomain { .. } => "start the domain".to_owned(),
            Self::StopDomain { how: Stop::Ask, .. } => "ask the domain to shut down".to_owned(),
            Self::StopDomain { how: Stop::Now, .. } => "switch the domain off".to_owned(),
            Self::UndefineDomain { .. } => "undefine the domain".to_owned(),
            Self::RunChecks { .. } => "run its checks".to_owned(),
            Self::RevokeCertificates(names) => format!("revoke {}", certificates(names)),
            Self::DeleteCertificates(names) => format!("delete {} from the CA", certificates(names)),
            Self::LookAtCertificates(names) => format!("ask the CA about {}", certificates(names)),
            Self::AskPuppetDb(vms) => format!("ask PuppetDB about {} VM(s)", vms.len()),
            Self::KeepReport { record, .. } => format!("keep the report of `{}` that PuppetDB has", record.vm),
            Self::Forget(_) => "forget it".to_owned(),
        }
    }

    /// libvirt has to be looked at again after it.
    pub fn touches_hypervisor(&self) -> bool {
        !matches!(
            self,
            Self::RunChecks { .. }
                | Self::Record(_)
                | Self::PrepareKickstart { .. }
                | Self::ForgetAttempts { .. }
                | Self::FetchBootFiles(_)
                | Self::RevokeCertificates(_)
                | Self::DeleteCertificates(_)
                | Self::LookAtCertificates(_)
                | Self::AskPuppetDb(_)
                | Self::KeepReport { .. }
                | Self::Forget(_)
        )
    }

    /// Only looks or takes notes: nothing outside our own store changes.
    pub fn is_bookkeeping(&self) -> bool {
        matches!(
            self,
            Self::RunChecks { .. }
                | Self::Record(_)
                | Self::ForgetAttempts { .. }
                | Self::Probe(_)
                | Self::LookAtCertificates(_)
                | Self::AskPuppetDb(_)
                | Self::KeepReport { .. }
        )
    }
}

/// Names for people: one, or how many.
fn certificates(names: &[CertificateOf]) -> String {
    match names {
        [one] => format!("the certificate of `{}`", one.certname),
        several => format!("{} certificates", several.len()),
    }
}
