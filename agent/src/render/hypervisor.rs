//! The kickstart of a hypervisor itself: what its template sees, and its rendering.

use super::context as cx;
use super::convert::{
    addressed, excludes, firmware_name, kernel_args, plain_v4, plain_v6, release_variables, repos, site_variables, tree_url,
    with_needed,
};
use super::error::RenderError;
use super::kickstart::{Kickstart, Renderer, release_of};
use crate::spec::{
    Address4, Address6, BondMode, BondSpec, DiskSpec, HypervisorInstall, HypervisorNic, HypervisorSpec, OsSpec, Spec,
};

/// The install listener's default port, to be opened in the firewall.
const INSTALL_PORT: u16 = 8470;

/// Packages that make a host a hypervisor. `rekindle` comes from the stage's repository.
const PACKAGES: [&str; 6] = ["edk2-ovmf", "libvirt-client", "libvirt-daemon-kvm", "qemu-kvm", "rekindle", "tar"];

impl Renderer {
    /// Renders the kickstart that makes a host this hypervisor, and checks it for its release. Nobody listens to such an install,
    /// so it reports nowhere; its install tree and repositories must be URLs.
    pub fn render_hypervisor(&self, spec: &Spec, hypervisor: &HypervisorSpec) -> Result<Kickstart, RenderError> {
        let target = format!("hypervisor `{}`", hypervisor.name);
        let incomplete = |problem: String| RenderError::Incomplete { target: target.clone(), problem };
        let install = hypervisor
            .install
            .as_ref()
            .ok_or_else(|| incomplete("its file has no `install` section, so there is nothing to render".to_owned()))?;
        let os = spec.oses.get(&install.os).ok_or_else(|| incomplete(format!("its OS `{}` is not in the site", install.os)))?;
        let stage = spec
            .stages
            .get(&install.stage)
            .ok_or_else(|| incomplete(format!("its stage `{}` is not in the site", install.stage)))?;
        let release = release_of(&target, os)?;
        let nobody_serves = |what: &str| {
            incomplete(format!("{what} is a directory, which no agent serves to a host that is yet to become one: give a URL"))
        };
        let all_repos: Vec<_> = stage.repos.iter().chain(&os.repos).cloned().collect();
        let devices = devices(spec, install).map_err(incomplete)?;
        let variables = cx::Variables {
            release: release_variables(release),
            site: site_variables(&spec.site),
            os: cx::Os {
                name: os.name.to_string(),
                tree: tree_url(os, None).ok_or_else(|| nobody_serves(&format!("the install tree of OS `{}`", os.name)))?,
            },
            stage: cx::Stage { name: stage.name.to_string() },
            host: cx::Host {
                name: hypervisor.name.to_string(),
                fqdn: format!("{}.{}", hypervisor.name, spec.site.domain),
                firmware: firmware_name(install.firmware),
                kernel_args: kernel_args(&[os.kernel_args.as_slice(), &install.kernel_args].concat(), false),
                services: Vec::new(),
            },
            vm: None,
            hypervisor: Some(cx::Hypervisor {
                pool_volume: install.pool_volume.to_string(),
                pool_path: hypervisor
                    .pools
                    .first()
                    .map(|pool| pool.path.to_string())
                    .ok_or_else(|| incomplete("it has no storage pool for its pool volume".to_owned()))?,
                pools: hypervisor.pools.iter().map(|pool| pool.path.to_string()).collect(),
            }),
            repos: repos(spec, &install.stage, &install.os, &all_repos, None)
                .ok_or_else(|| nobody_serves("one of its repositories"))?,
            packages: packages(spec, os, install),
            nics: devices.early,
            late_nics: devices.late,
            disks: disks(install),
            firewall: cx::Firewall { managed: !excludes(&os.packages, "firewalld"), ports: vec![INSTALL_PORT] },
            puppet: None,
            install: None,
            section: String::new(),
        };
        let text = self.render(&target, &install.template, &variables)?;
        self.checked(target, &install.template, release, text, &variables, None)
    }
}

fn packages(spec: &Spec, os: &OsSpec, install: &HypervisorInstall) -> Vec<String> {
    let named = [os.packages.as_slice(), &install.packages].concat();
    let mut needed = PACKAGES.to_vec();
    if !spec.site.ntp.is_empty() {
        needed.push("chrony");
    }
    if !excludes(&named, "firewalld") {
        needed.push("firewalld");
    }
    with_needed(&named, &needed)
}

fn disks(install: &HypervisorInstall) -> cx::Disks {
    let device = install.disk.to_string();
    cx::Disks {
        // The disks of hosts are of any size.
        label: "gpt".to_owned(),
        devices: vec![device.clone()],
        root: cx::RootDisk {
            device,
            filesystem: install.filesystem.as_str().to_owned(),
            layout: "lvm".to_owned(),
            swap_mib: 4096,
            boot_mib: DiskSpec::boot_mib(u64::MAX),
        },
        made: Vec::new(),
        kept: Vec::new(),
        guarded: Vec::new(),
    }
}

/// Devices that the installer configures, and those that only the installed system has: a kickstart can name a parent device
/// once, and the installer cannot put a VLAN into a bridge. The error is a sentence.
#[derive(Default)]
struct Devices {
    early: Vec<cx::Nic>,
    late: Vec<cx::Nic>,
}

fn devices(spec: &Spec, install: &HypervisorInstall) -> Result<Devices, String> {
    let mut all = Devices::default();
    let mut default_route = true;
    for nic in &install.nics {
        let has_address = nic.v4 != Address4::None || nic.v6 != Address6::None;
        add(&mut all, spec, nic, default_route && has_address)?;
        default_route &= !has_address;
    }
    Ok(all)
}

/// Adds one entry: its bond, VLAN and bridge; the topmost has the addresses.
fn add(all: &mut Devices, spec: &Spec, nic: &HypervisorNic, default_route: bool) -> Result<(), String> {
    let base = nic.device.to_string();
    let is_taken = all.early.iter().any(|early| early.device == base);
    if is_taken && (nic.bond.is_some() || nic.vlan.is_none()) {
        return Err(format!("its device `{base}` is configured twice"));
    }
    let bond = nic.bond.as_ref().map(bond);
    let vlan = nic.vlan.map(|vlan| cx::Vlan { id: vlan.id, name: format!("{base}.{}", vlan.id) });
    match (vlan, &nic.bridge) {
        (Some(vlan), Some(bridge)) => {
            if bond.is_some() {
                all.early.push(cx::Nic { bond, ..bare(base.clone(), base.clone()) });
            }
            let bridge = bridge.to_string();
            let top = with_addresses(spec, nic, &bridge, default_route)?;
            let name = vlan.name.clone();
            all.late.push(cx::Nic { vlan: Some(vlan), master: Some(bridge), ..bare(base, name.clone()) });
            all.late.push(cx::Nic { bridge_ports: vec![name], ..top });
        }
        (Some(vlan), None) => {
            let name = vlan.name.clone();
            let device = cx::Nic { bond, vlan: Some(vlan), name, ..with_addresses(spec, nic, &base, default_route)? };
            if is_taken { all.late.push(device) } else { all.early.push(device) }
        }
        (None, Some(bridge)) => {
            if bond.is_some() {
                all.early.push(cx::Nic { bond, ..bare(base.clone(), base.clone()) });
            }
            let top = with_addresses(spec, nic, bridge.as_str(), default_route)?;
            all.early.push(cx::Nic { bridge_ports: vec![base], ..top });
        }
        (None, None) => {
            let device = nic.mac.filter(|_| bond.is_none()).map_or(base, |mac| mac.to_string());
            all.early.push(cx::Nic { bond, ..with_addresses(spec, nic, &device, default_route)? });
        }
    }
    Ok(())
}

fn bond(bond: &BondSpec) -> cx::Bond {
    cx::Bond {
        ports: bond.ports.iter().map(ToString::to_string).collect(),
        mode: match bond.mode {
            BondMode::ActiveBackup => "active-backup",
            BondMode::Lacp => "802.3ad",
        }
        .to_owned(),
    }
}

/// A device without addresses, below others.
fn bare(device: String, name: String) -> cx::Nic {
    cx::Nic {
        device,
        name,
        bond: None,
        vlan: None,
        bridge_ports: Vec::new(),
        master: None,
        v4: plain_v4("none"),
        v6: plain_v6("none"),
        dns: Vec::new(),
        search: None,
        default_route: true,
    }
}

fn with_addresses(spec: &Spec, nic: &HypervisorNic, device: &str, default_route: bool) -> Result<cx::Nic, String> {
    let (v4, v6) = (nic.v4, nic.v6);
    let is_bare = v4 == Address4::None && v6 == Address6::None;
    match &nic.network {
        Some(name) => {
            let network = spec.networks.get(name).ok_or_else(|| format!("its network `{name}` is not in the site"))?;
            addressed(&spec.site, device, network, v4, v6, default_route || is_bare)
                .map_err(|problem| format!("{problem} of network `{name}`"))
        }
        None => unnamed(device, v4, v6, default_route || is_bare),
    }
}

/// A device on no network of the site: DHCP and the like only.
fn unnamed(device: &str, v4: Address4, v6: Address6, default_route: bool) -> Result<cx::Nic, String> {
    let four = match v4 {
        Address4::None => "none",
        Address4::Dhcp => "dhcp",
        Address4::Static(_) => return Err(format!("the static IPv4 address of `{device}` needs a network")),
    };
    let six = match v6 {
        Address6::None => "none",
        Address6::Auto => "auto",
        Address6::Dhcp => "dhcp",
        Address6::Static(_) => return Err(format!("the static IPv6 address of `{device}` needs a network")),
    };
    let nic = bare(device.to_owned(), device.to_owned());
    Ok(cx::Nic { v4: plain_v4(four), v6: plain_v6(six), default_route, ..nic })
}
