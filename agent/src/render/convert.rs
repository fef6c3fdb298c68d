//! From [`Spec`] to the context of a template. Pure; the only place that chooses device names, labels and extra packages.

use std::net::IpAddr;

use super::context as cx;
use super::error::RenderError;
use super::puppet::GLOBAL_HIERA;
use crate::spec::{
    Address4, Address6, CheckKind, DiskSpec, Firmware, Fqdn, KernelArg, Layout, MacAddr, NetworkName, NetworkSpec, NicSpec,
    OsName, OsSpec, PackageSpec, PuppetMode, PuppetServerSpec, RepoLocation, RepoSpec, SiteSpec, Spec, StageName, TreeLocation,
    VmSpec,
};

/// Where the archive for Puppet is unpacked in the guest.
const PUPPET_DIRECTORY: &str = "/var/lib/rekindle/puppet";

/// virtio serials end here (`VIRTIO_BLK_ID_BYTES`).
const SERIAL_MAX: usize = 20;

/// From this size on a disk needs a GPT, in GiB.
const GPT_FROM_GIB: u64 = 2048;

/// Base of the install listener's URLs and the token of one install.
#[derive(Clone)]
pub struct InstallUrls {
    /// `http://HOST:PORT` as the guest sees the listener, without a trailing slash.
    pub base: String,
    /// The attempt's token.
    pub token: crate::spec::Token,
    /// What the VM needs for a Puppet server's CA; none where the site has no server.
    pub enrolment: Option<Enrolment>,
}

/// What a VM proves itself to the Puppet CA with.
#[derive(Clone)]
pub struct Enrolment {
    /// The one-time token of the attempt.
    pub token: crate::spec::PuppetToken,
    /// The VM's UUID.
    pub instance_id: String,
}

impl InstallUrls {
    /// `BASE/install/TOKEN`.
    fn install(&self) -> String {
        format!("{}/install/{}", self.base, self.token.reveal())
    }
}

/// What a VM's template sees.
pub(super) fn vm_variables(
    spec: &Spec,
    vm: &VmSpec,
    release: cx::Release,
    site: cx::Site,
    urls: &InstallUrls,
) -> Result<cx::Variables, RenderError> {
    let os = os_of(spec, vm)?;
    Ok(cx::Variables {
        release,
        site,
        os: cx::Os {
            name: os.name.to_string(),
            tree: tree_url(os, Some(&urls.base)).ok_or_else(|| missing(vm, "install tree"))?,
        },
        stage: cx::Stage { name: vm.stage.to_string() },
        host: cx::Host {
            name: vm.name.to_string(),
            fqdn: vm.fqdn.to_string(),
            firmware: firmware_name(vm.firmware),
            kernel_args: kernel_args(&vm.kernel_args, true),
            services: vm.services.iter().map(ToString::to_string).collect(),
        },
        vm: Some(cx::Vm {
            role: vm.role.to_string(),
            team: vm.team.as_ref().map(ToString::to_string),
            size: vm.size.to_string(),
            vcpus: vm.vcpus,
            memory_mib: vm.memory_mib,
            hypervisor: vm.hypervisor.to_string(),
            named_packages: vm.named_packages().map(ToString::to_string).collect(),
        }),
        hypervisor: None,
        repos: repos(spec, &vm.stage, &vm.os, &vm.repos, Some(&urls.base)).ok_or_else(|| missing(vm, "repository"))?,
        packages: vm_packages(spec, vm),
        nics: vm
            .nics
            .iter()
            .enumerate()
            .map(|(index, nic)| {
                let network = spec.networks.get(&nic.network).ok_or_else(|| no_network(vm, &nic.network))?;
                vm_nic(&spec.site, vm, nic, network, index == 0)
            })
            .collect::<Result<_, _>>()?,
        late_nics: Vec::new(),
        disks: vm_disks(vm),
        firewall: cx::Firewall { managed: !excludes(&vm.packages, "firewalld"), ports: check_ports(vm) },
        puppet: puppet(spec, vm, urls)?,
        install: Some(cx::Install { url: urls.install() }),
        section: String::new(),
    })
}

pub(super) fn os_of<'s>(spec: &'s Spec, vm: &VmSpec) -> Result<&'s OsSpec, RenderError> {
    spec.oses.get(&vm.os).ok_or_else(|| missing(vm, &format!("OS `{}`", vm.os)))
}

fn missing(vm: &VmSpec, what: &str) -> RenderError {
    RenderError::Incomplete { target: format!("VM `{}`", vm.name), problem: format!("its {what} is not in the spec") }
}

fn no_network(vm: &VmSpec, network: &NetworkName) -> RenderError {
    missing(vm, &format!("network `{network}`"))
}

/// The site's part, the same for all machines.
pub(super) fn site_variables(site: &SiteSpec) -> cx::Site {
    cx::Site {
        name: site.name.clone(),
        domain: site.domain.to_string(),
        dns: site.dns.iter().map(ToString::to_string).collect(),
        ntp: site.ntp.clone(),
        timezone: site.timezone.to_string(),
        locale: site.locale.to_string(),
        keyboard: site.keyboard.to_string(),
        root: cx::Root {
            password: site.root.password.as_ref().map(|hash| hash.reveal().to_owned()),
            ssh_keys: site.root.ssh_keys.iter().map(ToString::to_string).collect(),
        },
    }
}

/// The release's part.
pub(super) fn release_variables(release: kickstart::Release) -> cx::Release {
    let name = release.name();
    let major = name.trim_start_matches(|c: char| !c.is_ascii_digit());
    cx::Release {
        name: name.to_owned(),
        id: name.to_ascii_uppercase(),
        family: if release.is_rhel() { "rhel" } else { "fedora" }.to_owned(),
        major: major.parse().unwrap_or_default(),
    }
}

/// The URL of an install tree; none for a directory that nobody serves.
pub(super) fn tree_url(os: &OsSpec, base: Option<&str>) -> Option<String> {
    match &os.tree {
        TreeLocation::Url(url) => Some(url.to_string()),
        TreeLocation::Directory(_) => base.map(|base| format!("{base}/os/{}/", os.name)),
    }
}

/// Repositories with their URLs; none when one is a directory that nobody serves.
pub(super) fn repos(
    spec: &Spec,
    stage: &StageName,
    os: &OsName,
    repos: &[RepoSpec],
    base: Option<&str>,
) -> Option<Vec<cx::Repo>> {
    let elsewhere = spec.site.repository.as_ref().and_then(|policy| policy.url.as_ref());
    let of_stage = |name: &str| spec.stages.get(stage).is_some_and(|stage| stage.repos.iter().any(|repo| repo.name == name));
    repos
        .iter()
        .map(|repo| {
            let url = match &repo.location {
                RepoLocation::Url(url) => url.to_string(),
                RepoLocation::Own => match elsewhere {
                    Some(url) => format!("{}/{stage}/", url.as_str().trim_end_matches('/')),
                    None => format!("{}/repo/{stage}/{}/", base?, repo.name),
                },
                RepoLocation::Directory(_) if of_stage(&repo.name) => format!("{}/repo/{stage}/{}/", base?, repo.name),
                RepoLocation::Directory(_) => format!("{}/repo/{os}/{}/", base?, repo.name),
                // A hypervisor that is yet to become one has nobody to offer it a frozen copy.
                RepoLocation::Snapshot(upstream) => match base {
                    Some(base) => format!("{base}/snapshot/{os}/stages/{stage}/{}/", repo.name),
                    None => upstream.to_string(),
                },
            };
            let own = matches!(repo.location, RepoLocation::Own);
            Some(cx::Repo {
                keys: own.then(|| format!("{url}keys.asc")),
                signed: own && spec.site.repository.as_ref().is_some_and(|policy| policy.signing_key.is_some()),
                mirrorlist: elsewhere.filter(|_| own).map(|_| format!("{url}mirrorlist")),
                name: repo.name.clone(),
                url,
                cost: repo.cost,
                persistent: of_stage(&repo.name),
            })
        })
        .collect()
}

pub(super) fn firmware_name(firmware: Firmware) -> String {
    match firmware {
        Firmware::Bios => "bios",
        Firmware::Uefi => "uefi",
    }
    .to_owned()
}

/// The arguments; a VM also logs to the serial console, which the hypervisor keeps, unless it names a console itself.
pub(super) fn kernel_args(args: &[KernelArg], serial_console: bool) -> Vec<String> {
    let mut all: Vec<String> = args.iter().map(ToString::to_string).collect();
    if serial_console && !all.iter().any(|arg| arg.starts_with("console=")) {
        all.extend(["console=tty0".to_owned(), "console=ttyS0,115200".to_owned()]);
    }
    all
}

/// Whether `-name` is among the packages.
pub(super) fn excludes(packages: &[PackageSpec], name: &str) -> bool {
    packages.iter().any(|package| package.as_str().strip_prefix('-') == Some(name))
}

/// The packages with `needed` added where nothing excludes them, sorted.
pub(super) fn with_needed(packages: &[PackageSpec], needed: &[&str]) -> Vec<String> {
    let mut all: Vec<String> = packages.iter().map(ToString::to_string).collect();
    all.extend(needed.iter().filter(|name| !excludes(packages, name)).map(|name| (*name).to_owned()));
    all.sort();
    all.dedup();
    all
}

fn vm_packages(spec: &Spec, vm: &VmSpec) -> Vec<String> {
    let mut needed = Vec::new();
    // What the installer would add by itself is said, so that a repository without it is found by reading.
    if !spec.site.ntp.is_empty() {
        needed.push("chrony");
    }
    if !excludes(&vm.packages, "firewalld") {
        needed.push("firewalld");
    }
    for disk in kept(vm) {
        needed.push(mkfs_package(disk.filesystem.as_str()));
    }
    if vm.puppet.is_some() {
        needed.extend(["tar", "gzip"]);
    }
    with_needed(&vm.packages, &needed)
}

/// The package with `mkfs.` of a file system.
pub(super) fn mkfs_package(filesystem: &str) -> &'static str {
    if filesystem == "xfs" { "xfsprogs" } else { "e2fsprogs" }
}

/// Kept disks with a mount point, parents before children.
fn kept(vm: &VmSpec) -> impl Iterator<Item = &DiskSpec> {
    vm.disks.iter().skip(1).filter(|disk| disk.keep && disk.mount.is_some())
}

fn vm_disks(vm: &VmSpec) -> cx::Disks {
    let root = vm.root_disk();
    let mut kept: Vec<cx::KeptDisk> = kept(vm)
        .map(|disk| cx::KeptDisk {
            serial: serial(disk),
            mount: disk.mount.as_ref().map(ToString::to_string).unwrap_or_default(),
            filesystem: disk.filesystem.as_str().to_owned(),
        })
        .collect();
    kept.sort_by(|a, b| a.mount.cmp(&b.mount));
    let made_disks: Vec<(usize, &DiskSpec)> =
        vm.disks.iter().enumerate().skip(1).filter(|(_, disk)| !disk.keep && disk.mount.is_some()).collect();
    let mut made: Vec<cx::MadeDisk> = made_disks
        .iter()
        .map(|(index, disk)| cx::MadeDisk {
            device: device(*index),
            mount: disk.mount.as_ref().map(ToString::to_string).unwrap_or_default(),
            filesystem: disk.filesystem.as_str().to_owned(),
        })
        .collect();
    made.sort_by(|a, b| a.mount.cmp(&b.mount));
    let written: Vec<(usize, &DiskSpec)> = std::iter::once((0, root)).chain(made_disks).collect();
    let large = written.iter().any(|(_, disk)| disk.size_gib >= GPT_FROM_GIB);
    cx::Disks {
        label: if vm.firmware == Firmware::Uefi || large { "gpt" } else { "msdos" }.to_owned(),
        devices: written.iter().map(|(index, _)| device(*index)).collect(),
        root: cx::RootDisk {
            device: device(0),
            filesystem: root.filesystem.as_str().to_owned(),
            layout: match root.layout {
                Layout::Plain => "plain",
                Layout::Lvm => "lvm",
            }
            .to_owned(),
            swap_mib: root.swap_mib,
            boot_mib: DiskSpec::boot_mib(root.size_gib),
        },
        made,
        kept,
        guarded: if vm.disks.len() > 1 {
            written.iter().map(|(index, disk)| cx::GuardedDisk { device: device(*index), serial: serial(disk) }).collect()
        } else {
            Vec::new()
        },
    }
}

/// `vda`, `vdb`, … as the domain names its disks, in the order of the spec.
fn device(index: usize) -> String {
    let letter = |n: usize| char::from(b'a' + (n % 26) as u8);
    if index < 26 { format!("vd{}", letter(index)) } else { format!("vd{}{}", letter(index / 26 - 1), letter(index)) }
}

fn serial(disk: &DiskSpec) -> String {
    let name = disk.name.as_str();
    name[..name.len().min(SERIAL_MAX)].to_owned()
}

/// The ports at which something must answer are the ports to open.
fn check_ports(vm: &VmSpec) -> Vec<u16> {
    let mut ports: Vec<u16> = vm
        .checks
        .iter()
        .filter_map(|check| match check.kind {
            CheckKind::Http { port, .. } | CheckKind::Tcp { port } => Some(port),
            CheckKind::Command { .. } => None,
        })
        .filter(|port| *port != 22)
        .collect();
    ports.sort_unstable();
    ports.dedup();
    ports
}

fn puppet(spec: &Spec, vm: &VmSpec, urls: &InstallUrls) -> Result<Option<cx::Puppet>, RenderError> {
    let (Some(site), Some(puppet)) = (&spec.site.puppet, &vm.puppet) else { return Ok(None) };
    let server = match (puppet.mode, &site.server) {
        (PuppetMode::Apply, _) => None,
        (PuppetMode::Server, Some(server)) => {
            let enrolment = urls.enrolment.as_ref().ok_or_else(|| missing(vm, "token for the Puppet CA"))?;
            Some(puppet_server(server, vm, enrolment))
        }
        (PuppetMode::Server, None) => return Err(missing(vm, "Puppet server")),
    };
    Ok(Some(cx::Puppet {
        program: site.program.clone(),
        certname: vm.fqdn.to_string(),
        environment: puppet.environment.to_string(),
        classes: puppet.classes.iter().map(ToString::to_string).collect(),
        directory: PUPPET_DIRECTORY.to_owned(),
        hiera: GLOBAL_HIERA.to_owned(),
        server,
    }))
}

fn puppet_server(server: &PuppetServerSpec, vm: &VmSpec, enrolment: &Enrolment) -> cx::PuppetServer {
    let extensions = server.extensions_of(vm, &enrolment.instance_id);
    cx::PuppetServer {
        host: server.server.host.to_string(),
        port: server.server.port,
        ca_host: server.ca.host.to_string(),
        ca_port: server.ca.port,
        ca_certificates: certificates(&server.ca_pem),
        confdir: server.confdir.clone(),
        ssldir: server.ssldir.clone(),
        service: server.service.as_ref().map(ToString::to_string),
        extensions: extensions.into_iter().map(|(oid, value)| cx::CertificateExtension { oid: oid.to_string(), value }).collect(),
        token: enrolment.token.reveal().to_owned(),
        wait: vm.deadlines.handoff.as_secs(),
    }
}

/// The site's reader has seen to it that there is nothing but certificates.
fn certificates(pem: &str) -> Vec<cx::CaCertificate> {
    let mut found = Vec::new();
    let mut lines = Vec::new();
    for line in pem.lines() {
        if line.starts_with("-----END") {
            found.push(cx::CaCertificate { lines: std::mem::take(&mut lines) });
        } else if !line.starts_with("-----") {
            lines.push(line.to_owned());
        }
    }
    found
}

fn vm_nic(site: &SiteSpec, vm: &VmSpec, nic: &NicSpec, network: &NetworkSpec, first: bool) -> Result<cx::Nic, RenderError> {
    addressed(site, &mac_device(nic.mac), network, nic.v4, nic.v6, first).map_err(|problem| RenderError::Incomplete {
        target: format!("VM `{}`", vm.name),
        problem: format!("{problem} of network `{}`", network.name),
    })
}

fn mac_device(mac: MacAddr) -> String {
    mac.to_string()
}

/// A device with its addresses on `network`. The error is a phrase of what is missing.
pub(super) fn addressed(
    site: &SiteSpec,
    device: &str,
    network: &NetworkSpec,
    v4: Address4,
    v6: Address6,
    default_route: bool,
) -> Result<cx::Nic, &'static str> {
    let v4 = match v4 {
        Address4::None => plain_v4("none"),
        Address4::Dhcp => plain_v4("dhcp"),
        Address4::Static(address) => {
            let range = network.v4.ok_or("a static IPv4 address needs the range")?;
            cx::V4 {
                method: "static".to_owned(),
                address: Some(address.to_string()),
                netmask: Some(range.mask().to_string()),
                prefix: Some(range.prefix()),
                gateway: network.gateway4.filter(|_| default_route).map(|gateway| gateway.to_string()),
                dns: Vec::new(),
            }
        }
    };
    let v6 = match v6 {
        Address6::None => plain_v6("none"),
        Address6::Auto => plain_v6("auto"),
        Address6::Dhcp => plain_v6("dhcp"),
        Address6::Static(address) => {
            let range = network.v6.ok_or("a static IPv6 address needs the range")?;
            cx::V6 {
                method: "static".to_owned(),
                address: Some(format!("{address}/{}", range.prefix())),
                gateway: network.gateway6.filter(|_| default_route).map(|gateway| gateway.to_string()),
                dns: Vec::new(),
            }
        }
    };
    let is_static = v4.method == "static" || v6.method == "static";
    // NetworkManager refuses a connection with name servers of a protocol that it has switched off.
    let servers: Vec<&IpAddr> = name_servers(site, network, is_static)
        .iter()
        .filter(|server| if server.is_ipv4() { v4.method != "none" } else { v6.method != "none" })
        .collect();
    let of_kind = |kind: fn(&IpAddr) -> bool| {
        servers.iter().filter(|server| kind(server)).map(ToString::to_string).collect::<Vec<String>>()
    };
    Ok(cx::Nic {
        device: device.to_owned(),
        name: device.to_owned(),
        bond: None,
        vlan: None,
        bridge_ports: Vec::new(),
        master: None,
        dns: servers.iter().map(ToString::to_string).collect(),
        search: network.domain.as_ref().filter(|domain| **domain != site.domain).map(Fqdn::to_string),
        default_route,
        v4: cx::V4 { dns: of_kind(IpAddr::is_ipv4), ..v4 },
        v6: cx::V6 { dns: of_kind(IpAddr::is_ipv6), ..v6 },
    })
}

/// A network's own name servers count always, the site's where nothing on the network would announce any.
fn name_servers<'s>(site: &'s SiteSpec, network: &'s NetworkSpec, is_static: bool) -> &'s [IpAddr] {
    match (network.dns.is_empty(), is_static) {
        (false, _) => &network.dns,
        (true, true) => &site.dns,
        (true, false) => &[],
    }
}

pub(super) fn plain_v4(method: &str) -> cx::V4 {
    cx::V4 { method: method.to_owned(), address: None, netmask: None, prefix: None, gateway: None, dns: Vec::new() }
}

pub(super) fn plain_v6(method: &str) -> cx::V6 {
    cx::V6 { method: method.to_owned(), address: None, gateway: None, dns: Vec::new() }
}
