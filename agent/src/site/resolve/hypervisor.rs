//! `hypervisors/NAME.toml` → `HypervisorSpec`, with how the host itself is installed.

use std::collections::BTreeSet;

use super::network::{known_range4, known_range6};
use super::nic::{addresses, report_alien_families};
use super::refer::{NETWORK, OS, STAGE, look_up};
use crate::site::excerpt::quote;
use crate::site::file::{HostNicFile, HypervisorFile, InstallFile, PoolFile};
use crate::site::load::SiteFiles;
use crate::site::problems::{Key, Problem, Problems};
use crate::site::units::Mib;
use crate::spec::{
    BondMode, BondSpec, Filesystem, Firmware, HypervisorInstall, HypervisorName, HypervisorNic, HypervisorSpec, PoolSpec,
    VlanSpec,
};

/// Memory kept from VMs where the file does not say.
const RESERVE_MIB: u64 = 1024;
/// Installs at once where the file does not say.
const PARALLEL_INSTALLS: u32 = 4;

/// Resolves `file`.
pub(super) fn resolve(
    name: &HypervisorName,
    file: &HypervisorFile,
    files: &SiteFiles,
    problems: &Problems,
) -> Option<HypervisorSpec> {
    for at in &file.networks {
        look_up(NETWORK, &files.networks, at, problems);
    }
    let install = file.install.as_ref().map(|install| resolve_install(install, files, problems));
    let pools = pools(&file.pools, problems)?;
    Some(HypervisorSpec {
        name: name.clone(),
        pools,
        networks: file.networks.iter().map(|at| at.value.clone()).collect(),
        domain_type: file.domain_type.value().copied(),
        reserve_memory_mib: file.reserve_memory.value().map_or(RESERVE_MIB, |Mib(mib)| *mib),
        install_address: file.install_address.value().copied(),
        puppet_reports: file.puppet_reports.value().copied(),
        parallel_installs: file.parallel_installs.value().map_or(PARALLEL_INSTALLS, |n| n.as_u32()),
        install: match install {
            None => None,
            Some(install) => Some(install?),
        },
    })
}

fn pools(files: &[PoolFile], problems: &Problems) -> Option<Vec<PoolSpec>> {
    let (mut names, mut paths) = (BTreeSet::new(), BTreeSet::new());
    for file in files {
        if let Some(at) = file.name.get()
            && !names.insert(&at.value)
        {
            problems.push(Problem::new(at.span, format!("pool {} is here twice", quote(at.value.as_str()))));
        }
        if let Some(at) = file.path.get() {
            let path = at.value.as_str();
            if !path.starts_with('/') || path.split('/').any(|part| part == "..") || path.trim_matches('/').is_empty() {
                let problem = Problem::new(at.span, format!("{} is no absolute path without `..`", quote(path)));
                problems.push(problem.help("a pool is a directory such as `/var/lib/libvirt/images`"));
            } else if !paths.insert(path.trim_end_matches('/')) {
                problems.push(Problem::new(at.span, format!("two pools have the directory {}", quote(path))));
            }
        }
    }
    files
        .iter()
        .map(|file| Some(PoolSpec { name: file.name.value()?.clone(), path: file.path.value()?.as_str().into() }))
        .collect()
}

fn resolve_install(file: &InstallFile, files: &SiteFiles, problems: &Problems) -> Option<HypervisorInstall> {
    let defaults = files.top.as_ref().map(|top| &top.defaults);
    let (absent_os, absent_stage) = (Key::Absent, Key::Absent);
    let os = file.os.or(defaults.map_or(&absent_os, |d| &d.os));
    let stage = file.stage.or(defaults.map_or(&absent_stage, |d| &d.stage));
    for (absent, key) in [(os.is_absent(), "os"), (stage.is_absent(), "stage")] {
        if absent {
            problems.push(Problem::new(file.place.clone(), format!("`install.{key}` is missing")));
        }
    }
    if let Some(at) = os.get() {
        look_up(OS, &files.oses, at, problems);
    }
    if let Some(at) = stage.get() {
        look_up(STAGE, &files.stages, at, problems);
    }
    if file.nics.is_empty() {
        let problem = Problem::new(file.place.clone(), "`install.nics` is missing");
        problems.push(problem.help("give it at least one `[[install.nics]]` with `device` and `network`"));
    }
    let nics: Vec<Option<HypervisorNic>> = file.nics.iter().map(|nic| resolve_nic(nic, files, problems)).collect();
    Some(HypervisorInstall {
        os: os.value()?.clone(),
        stage: stage.value()?.clone(),
        template: file.template.value().cloned().or_else(|| "hypervisor".parse().ok())?,
        disk: file.disk.value()?.clone(),
        firmware: file.firmware.value().copied().unwrap_or(Firmware::Uefi),
        filesystem: file.filesystem.value().copied().unwrap_or(Filesystem::Xfs),
        pool_volume: file.pool_volume.value().cloned().or_else(|| "images".parse().ok())?,
        nics: nics.into_iter().collect::<Option<_>>()?,
        packages: file.packages.iter().map(|at| at.value.clone()).collect(),
        kernel_args: file.kernel_args.iter().map(|at| at.value.clone()).collect(),
    })
}

fn resolve_nic(file: &HostNicFile, files: &SiteFiles, problems: &Problems) -> Option<HypervisorNic> {
    let network = file.network.get().and_then(|at| look_up(NETWORK, &files.networks, at, problems));
    let bond = match &file.bond {
        None => None,
        Some((ports, mode, place)) => {
            if ports.is_empty() {
                problems.push(Problem::new(place.clone(), "a bond needs `ports`"));
            }
            let mut seen = BTreeSet::new();
            for at in ports {
                if !seen.insert(&at.value) {
                    problems.push(Problem::new(at.span, format!("port {} is here twice", quote(at.value.as_str()))));
                }
            }
            let ports = ports.iter().map(|at| at.value.clone()).collect();
            Some(BondSpec { ports, mode: mode.value().copied().unwrap_or(BondMode::ActiveBackup) })
        }
    };
    let network = network.and_then(|named| named.file.as_ref());
    let (range, range6) = (network.and_then(known_range4), network.and_then(known_range6));
    // A network that is unknown or has a bad range has been reported; its addresses cannot be judged.
    let judged = match network {
        Some(network) => range.is_none() == network.range.is_absent() && range6.is_none() == network.range6.is_absent(),
        None => file.network.is_absent(),
    };
    if judged {
        report_alien_families(&file.address, &file.address6, range, range6, network.is_some(), problems);
    }
    let (v4, v6) = addresses(&file.address, &file.address6);
    Some(HypervisorNic {
        device: file.device.value()?.clone(),
        mac: file.mac.value().copied(),
        bond,
        vlan: file.vlan.value().map(|id| VlanSpec { id: id.as_u16() }),
        bridge: file.bridge.value().cloned(),
        network: file.network.value().cloned(),
        v4,
        v6,
    })
}
