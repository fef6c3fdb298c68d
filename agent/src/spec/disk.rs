//! A VM's disks and the volumes behind them.

use super::{DiskName, MountPoint, PoolName, VmName};

/// How the root disk is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Partitions only.
    Plain,
    /// `/boot` as a partition, the rest as a volume group.
    Lvm,
}

/// A file system that the installer can make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filesystem {
    /// ext4
    Ext4,
    /// XFS
    Xfs,
}

impl Filesystem {
    /// The name as `part --fstype` and `mkfs.` know it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ext4 => "ext4",
            Self::Xfs => "xfs",
        }
    }
}

/// One disk of a VM. The first of a VM's disks is its root disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskSpec {
    /// Name within the VM; also the virtio serial by which the guest finds it.
    pub name: DiskName,
    /// Size in GiB.
    pub size_gib: u64,
    /// The pool that holds the volume.
    pub pool: PoolName,
    /// Survives rebuilds: never wiped, re-created or partitioned.
    pub keep: bool,
    /// Where it is mounted; `/` for the root disk; none: attached only.
    pub mount: Option<MountPoint>,
    /// The file system of the root file system, or of the whole disk for others.
    pub filesystem: Filesystem,
    /// Partitioning, of use for the root disk only.
    pub layout: Layout,
    /// Swap in MiB on the root disk; 0 for none.
    pub swap_mib: u64,
}

impl DiskSpec {
    /// Size of the EFI system partition in MiB.
    pub const EFI_MIB: u64 = 600;

    /// Size of `/boot` on a root disk of `size_gib`, in MiB: three kernels with their initrds on a disk of usual size, one or two
    /// on a small one.
    pub const fn boot_mib(size_gib: u64) -> u64 {
        if size_gib >= 8 { 1024 } else { 256 }
    }
}

/// A libvirt volume with every choice made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeSpec {
    /// The pool.
    pub pool: PoolName,
    /// File name within the pool: `VM-DISK.qcow2`.
    pub name: String,
    /// Size that the guest sees.
    pub capacity_bytes: u64,
    /// The disk's `keep`.
    pub keep: bool,
}

impl VolumeSpec {
    /// The volume of `disk` of `vm`.
    pub fn of(vm: &VmName, disk: &DiskSpec) -> Self {
        Self {
            pool: disk.pool.clone(),
            name: format!("{vm}-{}.qcow2", disk.name),
            capacity_bytes: disk.size_gib << 30,
            keep: disk.keep,
        }
    }
}
