//! A VM with role, stage, size and OS merged in.

use std::time::Duration;

use super::{
    CheckSpec, DiskSpec, Firmware, Fqdn, HypervisorName, KernelArg, NicSpec, OsName, PackageSpec, PuppetSpec, RepoSpec, RoleName,
    ServiceName, SizeName, StageName, TeamName, TemplateName, VmName,
};

/// How long each part of an install may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// From power-on until the installer has fetched its kickstart.
    pub kickstart: Duration,
    /// From there until the installer has rebooted.
    pub install: Duration,
    /// From the boot from disk until the first-boot callback.
    pub first_boot: Duration,
    /// From there until Puppet has reported.
    pub handoff: Duration,
    /// From there until all checks pass.
    pub checks: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        let minutes = |m: u64| Duration::from_secs(m * 60);
        Self { kickstart: minutes(5), install: minutes(45), first_boot: minutes(10), handoff: minutes(20), checks: minutes(5) }
    }
}

/// A VM as it should be.
#[derive(Debug, Clone, PartialEq)]
pub struct VmSpec {
    /// Its name.
    pub name: VmName,
    /// Name and domain; also Puppet's certname.
    pub fqdn: Fqdn,
    /// Where it runs.
    pub hypervisor: HypervisorName,
    /// Its role.
    pub role: RoleName,
    /// Its stage.
    pub stage: StageName,
    /// Its owner.
    pub team: Option<TeamName>,
    /// The size it was asked for in.
    pub size: SizeName,
    /// Its operating system.
    pub os: OsName,
    /// Kickstart template.
    pub template: TemplateName,
    /// vCPUs.
    pub vcpus: u32,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// Disks, root first; never empty.
    pub disks: Vec<DiskSpec>,
    /// NICs, install NIC first; never empty.
    pub nics: Vec<NicSpec>,
    /// Firmware.
    pub firmware: Firmware,
    /// Stage repositories, then those of the OS.
    pub repos: Vec<RepoSpec>,
    /// All of `%packages`, sorted and without repeats: those of OS, role, VM and Puppet.
    pub packages: Vec<PackageSpec>,
    /// Services to enable.
    pub services: Vec<ServiceName>,
    /// Kernel arguments of OS and VM.
    pub kernel_args: Vec<KernelArg>,
    /// Handoff; none: the first-boot callback is the end.
    pub puppet: Option<PuppetSpec>,
    /// What must answer.
    pub checks: Vec<CheckSpec>,
    /// Time limits.
    pub deadlines: Deadlines,
    /// Install attempts until it is left as failed.
    pub attempts: u32,
    /// Started again by the agent whenever it is found off, as after a boot of the hypervisor.
    pub autostart: bool,
}

impl VmSpec {
    /// The root disk.
    pub fn root_disk(&self) -> &DiskSpec {
        &self.disks[0]
    }

    /// The packages that the site names for it, without groups and exclusions: those whose installed versions it reports.
    pub fn named_packages(&self) -> impl Iterator<Item = &PackageSpec> {
        self.packages.iter().filter(|package| !package.as_str().starts_with(['-', '@']))
    }

    /// The NIC it installs over.
    pub fn install_nic(&self) -> &NicSpec {
        &self.nics[0]
    }
}
