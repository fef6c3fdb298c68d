//! A libvirt domain with every choice made: the planner writes it, `render` turns it into XML, `world` defines it.

use std::fmt;

use camino::Utf8PathBuf;
use uuid::Uuid;

use super::{InterfaceName, MacAddr, NetworkName, OsinfoId, PoolName, VmName};

/// How guests are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DomainType {
    /// Hardware virtualisation.
    Kvm,
    /// Software emulation.
    Qemu,
}

impl DomainType {
    /// libvirt's name of it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kvm => "kvm",
            Self::Qemu => "qemu",
        }
    }
}

/// Firmware.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Firmware {
    /// `SeaBIOS`.
    Bios,
    /// UEFI without Secure Boot.
    Uefi,
}

/// What a domain boots.
#[derive(Clone, PartialEq, Eq)]
pub enum Boot {
    /// The installer, directly: a reboot ends the domain.
    Install {
        /// The tree's kernel on the hypervisor.
        kernel: Utf8PathBuf,
        /// The tree's initrd.
        initrd: Utf8PathBuf,
        /// Kernel command line; holds the install token.
        cmdline: String,
    },
    /// Its root disk.
    Disk,
}

impl fmt::Debug for Boot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Install { kernel, initrd, .. } => write!(f, "Install({kernel}, {initrd})"),
            Self::Disk => f.write_str("Disk"),
        }
    }
}

/// A disk of a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainDisk {
    /// The pool.
    pub pool: PoolName,
    /// The volume's file name.
    pub volume: String,
    /// `vda`, `vdb`, …
    pub target: String,
    /// virtio serial: the disk's name.
    pub serial: String,
}

/// What a NIC is plugged into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NicSource {
    /// An existing bridge.
    Bridge(InterfaceName),
    /// A libvirt network.
    Network(NetworkName),
}

/// A NIC of a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainNic {
    /// Its address.
    pub mac: MacAddr,
    /// Where it is plugged in.
    pub source: NicSource,
}

/// Our mark in a domain's `<metadata>`: only domains that carry it are ever touched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The site's name.
    pub site: String,
    /// The VM.
    pub vm: VmName,
    /// The install attempt that this definition belongs to.
    pub attempt: u32,
    /// Whether this definition boots the installer.
    pub installing: bool,
    /// Digest of what the definition says, the boot part aside; a difference means that the site changed.
    pub digest: String,
}

/// How to switch a domain off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Ask the guest (ACPI, guest agent) and return; the caller looks again.
    Ask,
    /// Pull the plug.
    Now,
}

/// A domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainSpec {
    /// Domain name: the VM's.
    pub name: VmName,
    /// A function of site and VM (UUID version 5).
    pub uuid: Uuid,
    /// Shown by virt-manager.
    pub title: String,
    /// How it runs.
    pub domain_type: DomainType,
    /// Firmware.
    pub firmware: Firmware,
    /// vCPUs.
    pub vcpus: u32,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// What it boots.
    pub boot: Boot,
    /// Disks, root first.
    pub disks: Vec<DomainDisk>,
    /// NICs, install NIC first.
    pub nics: Vec<DomainNic>,
    /// Where the serial console is logged.
    pub console_log: Utf8PathBuf,
    /// Where the installer's own log goes (virtio port `org.fedoraproject.anaconda.log.0`); none on a disk boot.
    pub installer_log: Option<Utf8PathBuf>,
    /// For virt-manager.
    pub osinfo: Option<OsinfoId>,
    /// Our mark.
    pub owner: Owner,
}
