//! A VM's disks: size, role and VM merged by name, root first.

use std::collections::{BTreeMap, BTreeSet};

use super::Known;
use crate::site::excerpt::quote;
use crate::site::file::{DiskFile, RoleFile, VmFile};
use crate::site::problems::{At, Key, Place, Problem, Problems};
use crate::site::units::{Gib, Mib};
use crate::spec::{DiskName, DiskSpec, Filesystem, Firmware, HypervisorSpec, Layout, MountPoint, OsSpec, PoolName, VmName};

/// Name of the root disk.
const ROOT: &str = "root";
/// Bytes of a virtio disk's serial; the guest finds a disk by it.
const SERIAL_MAX: usize = 20;
/// `vda` to `vdz`.
const DISKS_MAX: usize = 26;
/// Where the system itself is: a disk mounted there would hide what the installer has just put there.
const SYSTEM_DIRECTORIES: [&str; 13] =
    ["/", "/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/proc", "/run", "/sbin", "/sys", "/usr", "/var"];
/// Nothing is mounted below these.
const SYSTEM_TREES: [&str; 5] = ["/boot/", "/dev/", "/proc/", "/run/", "/sys/"];

/// The least that is left for `/`, in MiB.
const ROOT_MIN_MIB: u64 = 512;

/// What decides about a VM's disks besides its own file.
pub(super) struct Around<'a> {
    pub(super) role: Option<&'a RoleFile>,
    pub(super) os: &'a OsSpec,
    pub(super) firmware: Firmware,
    pub(super) hypervisor: &'a HypervisorSpec,
    /// The size's root disk.
    pub(super) root_gib: Option<u64>,
}

/// Checks of `[[disks]]` that need nothing but themselves, for a role or a VM.
pub(super) fn check_tables(disks: &[DiskFile], problems: &Problems) {
    let mut names: BTreeSet<&DiskName> = BTreeSet::new();
    let mut mounts: BTreeSet<&MountPoint> = BTreeSet::new();
    for disk in disks {
        if let Some(at) = disk.name.get() {
            check_name(at, problems);
            if !names.insert(&at.value) {
                problems.push(Problem::new(at.span, format!("disk {} is here twice", quote(at.value.as_str()))));
            }
        }
        if let Some(at) = disk.mount.get() {
            check_mount(at, problems);
            if !mounts.insert(&at.value) {
                problems.push(Problem::new(at.span, format!("mount point {} is here twice", quote(at.value.as_str()))));
            }
        }
    }
}

fn check_name(at: &At<DiskName>, problems: &Problems) {
    let name = at.value.as_str();
    if name.len() > SERIAL_MAX {
        let problem = Problem::new(at.span, format!("disk name {} has {} characters", quote(name), name.len()));
        problems
            .push(problem.help(format!("at most {SERIAL_MAX}: the guest finds the disk by its virtio serial, which ends there")));
    }
    if name == ROOT {
        let problem = Problem::new(at.span, "`root` is the name of the root disk");
        problems.push(problem.help("change the root disk in `[root_disk]`"));
    }
}

fn check_mount(at: &At<MountPoint>, problems: &Problems) {
    let path = at.value.as_str();
    if SYSTEM_DIRECTORIES.contains(&path) || SYSTEM_TREES.iter().any(|tree| path.starts_with(tree)) {
        let problem = Problem::new(at.span, format!("{} belongs to the system", quote(path)));
        problems.push(problem.help("mount data below `/srv`, `/home`, `/opt` or a directory of `/var`"));
    }
}

/// Resolves the disks of `vm`.
pub(super) fn resolve(
    vm: &VmName,
    file: &VmFile,
    place: &Place,
    around: &Around<'_>,
    known: &Known<'_>,
) -> Option<Vec<DiskSpec>> {
    let problems = known.problems;
    let role_disks = around.role.map_or(&[][..], |role| &role.disks);
    let mut layers: Vec<(&DiskName, [Option<&DiskFile>; 2])> = Vec::new();
    for (layer, disks) in [(0, role_disks), (1, &file.disks[..])] {
        for disk in disks {
            // A disk called like the root disk has been reported.
            let Some(name) = disk.name.value().filter(|name| name.as_str() != ROOT) else { continue };
            if let Some((_, slots)) = layers.iter_mut().find(|(known, _)| *known == name) {
                slots[layer] = Some(disk);
            } else {
                let mut slots = [None, None];
                slots[layer] = Some(disk);
                layers.push((name, slots));
            }
        }
    }
    let mut disks = vec![root(vm, file, place, around, problems)];
    let mut mounts: BTreeMap<&MountPoint, &DiskName> = BTreeMap::new();
    for (name, [of_role, of_vm]) in layers {
        let merged = Merged { of_vm, of_role };
        if let Some(At { value, span }) = merged.key(|d| &d.mount).get()
            && let Some(other) = mounts.insert(value, name)
        {
            let message = format!("VM `{vm}` has disks `{other}` and `{name}` at the same mount point {}", quote(value.as_str()));
            problems.push(Problem::new(*span, message));
        }
        disks.push(data(name, &merged, around, vm, problems));
    }
    if disks.len() > DISKS_MAX {
        problems.push(Problem::new(place.clone(), format!("VM `{vm}` has {} disks; at most {DISKS_MAX} fit", disks.len())));
    }
    disks.into_iter().collect()
}

/// A disk of a role as changed by a VM.
struct Merged<'a> {
    of_vm: Option<&'a DiskFile>,
    of_role: Option<&'a DiskFile>,
}

impl<'a> Merged<'a> {
    fn key<T: 'a>(&self, get: impl Fn(&'a DiskFile) -> &'a Key<T>) -> &'a Key<T> {
        match (self.of_vm.map(&get), self.of_role.map(&get)) {
            (Some(vm), Some(role)) => vm.or(role),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => &Key::Absent,
        }
    }

    fn pool(&self, vm: &VmName, hypervisor: &HypervisorSpec, problems: &Problems) -> Option<PoolName> {
        match self.key(|d| &d.pool) {
            Key::Bad => None,
            Key::Absent => hypervisor.pools.first().map(|pool| pool.name.clone()),
            Key::Given(at) => {
                if !hypervisor.pools.iter().any(|pool| pool.name == at.value) {
                    let message = format!(
                        "VM `{vm}` is on hypervisor `{}`, which has no pool {}",
                        hypervisor.name,
                        quote(at.value.as_str())
                    );
                    let names = hypervisor.pools.iter().map(|pool| pool.name.as_str());
                    let help = crate::site::suggest::help_for(at.value.as_str(), names);
                    problems.push(Problem::new(at.span, message).maybe_help(help));
                }
                Some(at.value.clone())
            }
        }
    }
}

fn root(vm: &VmName, file: &VmFile, place: &Place, around: &Around<'_>, problems: &Problems) -> Option<DiskSpec> {
    let merged = Merged { of_vm: file.root_disk.as_ref(), of_role: around.role.and_then(|role| role.root_disk.as_ref()) };
    let size = merged.key(|d| &d.size);
    let size_gib = match size {
        Key::Given(at) => at.value.0,
        Key::Absent => around.root_gib?,
        Key::Bad => return None,
    };
    let swap = merged.key(|d| &d.swap);
    let swap_mib = swap.value().map_or(0, |Mib(mib)| *mib);
    let efi = if around.firmware == Firmware::Uefi { DiskSpec::EFI_MIB } else { 0 };
    let boot = DiskSpec::boot_mib(size_gib);
    let needed = boot + efi + swap_mib + ROOT_MIN_MIB;
    if size_gib * 1024 < needed {
        let place =
            size.get().map(|at| at.span).or_else(|| swap.get().map(|at| at.span)).map_or_else(|| place.clone(), Place::Span);
        let message = format!("the root disk of VM `{vm}` is too small: {size_gib} GiB for {needed} MiB");
        let efi = if efi > 0 { format!(", EFI {efi} MiB") } else { String::new() };
        let help = format!("its layout needs /boot {boot} MiB{efi}, swap {swap_mib} MiB, and {ROOT_MIN_MIB} MiB for /");
        problems.push(Problem::new(place, message).help(help));
    }
    Some(DiskSpec {
        name: ROOT.parse().ok()?,
        size_gib,
        pool: merged.pool(vm, around.hypervisor, problems)?,
        keep: false,
        mount: Some("/".parse().ok()?),
        filesystem: filesystem(&merged, around),
        layout: merged.key(|d| &d.layout).value().copied().unwrap_or(Layout::Plain),
        swap_mib,
    })
}

fn data(name: &DiskName, merged: &Merged<'_>, around: &Around<'_>, vm: &VmName, problems: &Problems) -> Option<DiskSpec> {
    let size_gib = match merged.key(|d| &d.size) {
        Key::Given(At { value: Gib(gib), .. }) => *gib,
        Key::Bad => return None,
        Key::Absent => {
            let place = merged.of_vm.or(merged.of_role).map(|disk| disk.place.clone())?;
            problems.push(Problem::new(place, format!("disk {} has no `size`", quote(name.as_str()))));
            return None;
        }
    };
    Some(DiskSpec {
        name: name.clone(),
        size_gib,
        pool: merged.pool(vm, around.hypervisor, problems)?,
        keep: merged.key(|d| &d.keep).value().copied().unwrap_or(false),
        mount: merged.key(|d| &d.mount).value().cloned(),
        filesystem: filesystem(merged, around),
        layout: Layout::Plain,
        swap_mib: 0,
    })
}

fn filesystem(merged: &Merged<'_>, around: &Around<'_>) -> Filesystem {
    merged.key(|d| &d.filesystem).value().copied().unwrap_or(around.os.filesystem)
}
