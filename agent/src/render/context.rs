//! What a kickstart template can use: the typed context, made from [`Spec`] and nothing else.
//!
//! `docs/template-variables.md` is generated from the comments of this file (see `variables.rs`), so they are written for the
//! author of a template. Every variable is there in every rendering; what does not apply is none or empty.
//! The structures are serialised here and only here: spec types are not.

use serde::Serialize;

/// All variables, by name.
#[derive(Debug, Clone, Serialize)]
pub struct Variables {
    /// The kickstart release.
    pub release: Release,
    /// What all machines of the site share.
    pub site: Site,
    /// The operating system.
    pub os: Os,
    /// The stage.
    pub stage: Stage,
    /// The machine that is installed, whether VM or hypervisor.
    pub host: Host,
    /// The VM; none for a hypervisor.
    pub vm: Option<Vm>,
    /// The hypervisor; none for a VM.
    pub hypervisor: Option<Hypervisor>,
    /// YUM repositories besides the install tree: those of the stage, then those of the OS.
    pub repos: Vec<Repo>,
    /// All of `%packages`, sorted, with what the templates themselves need.
    pub packages: Vec<String>,
    /// Devices that the installer configures, the one to install over first. A bridge comes after what it is made of.
    pub nics: Vec<Nic>,
    /// Devices that only the installed system has: VLANs and bridges that the installer cannot make. Hypervisors only.
    pub late_nics: Vec<Nic>,
    /// Disks.
    pub disks: Disks,
    /// Firewall.
    pub firewall: Firewall,
    /// The handoff to Puppet; none: no handoff.
    pub puppet: Option<Puppet>,
    /// Where to report to; none where nobody listens (a hypervisor's own install).
    pub install: Option<Install>,
    /// The kind of the next script, for `partials/script.ks.tera`: a template sets it before it includes that.
    pub section: String,
}

/// The kickstart release.
#[derive(Debug, Clone, Serialize)]
pub struct Release {
    /// `rhel9`, `f42`.
    pub name: String,
    /// As after `#version=`: `RHEL9`, `F42`.
    pub id: String,
    /// `rhel` or `fedora`.
    pub family: String,
    /// `9`, `42`.
    pub major: u32,
}

/// What all machines of the site share.
#[derive(Debug, Clone, Serialize)]
pub struct Site {
    /// The site's name.
    pub name: String,
    /// DNS domain.
    pub domain: String,
    /// Name servers.
    pub dns: Vec<String>,
    /// NTP servers; empty: machines keep time by themselves.
    pub ntp: Vec<String>,
    /// Zone of the tz database.
    pub timezone: String,
    /// Language, such as `en_US.UTF-8`.
    pub locale: String,
    /// Console keymap.
    pub keyboard: String,
    /// How root gets in.
    pub root: Root,
}

/// How root gets in.
#[derive(Debug, Clone, Serialize)]
pub struct Root {
    /// crypt(3) hash; none: the password is locked.
    pub password: Option<String>,
    /// Public keys, one line each.
    pub ssh_keys: Vec<String>,
}

/// The operating system.
#[derive(Debug, Clone, Serialize)]
pub struct Os {
    /// Its name in the site.
    pub name: String,
    /// URL of the install tree.
    pub tree: String,
}

/// The stage.
#[derive(Debug, Clone, Serialize)]
pub struct Stage {
    /// Its name.
    pub name: String,
}

/// The machine that is installed.
#[derive(Debug, Clone, Serialize)]
pub struct Host {
    /// Its name.
    pub name: String,
    /// Name and domain.
    pub fqdn: String,
    /// `bios` or `uefi`.
    pub firmware: String,
    /// Kernel arguments of the installed system, the serial console among them for a VM.
    pub kernel_args: Vec<String>,
    /// Services to enable.
    pub services: Vec<String>,
}

/// A VM.
#[derive(Debug, Clone, Serialize)]
pub struct Vm {
    /// Its role.
    pub role: String,
    /// Its owner, if it has one.
    pub team: Option<String>,
    /// The size it was asked for in.
    pub size: String,
    /// vCPUs.
    pub vcpus: u32,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// The hypervisor it runs on.
    pub hypervisor: String,
    /// Packages that the site names for it (role, OS, Puppet, its own file) and whose versions it reports; no groups and no exclusions.
    pub named_packages: Vec<String>,
}

/// A hypervisor.
#[derive(Debug, Clone, Serialize)]
pub struct Hypervisor {
    /// Name of the logical volume that takes what the system leaves free.
    pub pool_volume: String,
    /// Where it is mounted: the directory of the first storage pool.
    pub pool_path: String,
    /// All storage pools' directories.
    pub pools: Vec<String>,
}

/// A YUM repository.
#[derive(Debug, Clone, Serialize)]
pub struct Repo {
    /// Its id.
    pub name: String,
    /// Its URL.
    pub url: String,
    /// dnf's cost, if one is set.
    pub cost: Option<u32>,
    /// It stays configured in the installed system (those of the stage do).
    pub persistent: bool,
    /// For the site's own repository: URL of the public keys that its packages and repodata are checked with.
    pub keys: Option<String>,
    /// Its repodata are signed with one of these keys.
    pub signed: bool,
    /// URL of its mirror list, where it has one: it leads to one generation of its repodata.
    pub mirrorlist: Option<String>,
}

/// A configured network device.
#[derive(Debug, Clone, Serialize)]
pub struct Nic {
    /// Name or MAC address by which the installer finds it; the parent's for a VLAN.
    pub device: String,
    /// The interface's own name, where it is not a NIC that is found by its MAC address.
    pub name: String,
    /// Set for a bond.
    pub bond: Option<Bond>,
    /// Set for a VLAN.
    pub vlan: Option<Vlan>,
    /// Not empty for a bridge: what is plugged into it.
    pub bridge_ports: Vec<String>,
    /// The bridge that it is plugged into.
    pub master: Option<String>,
    /// IPv4.
    pub v4: V4,
    /// IPv6.
    pub v6: V6,
    /// Name servers to set, none of a protocol that the device does without; empty: those that the network announces.
    pub dns: Vec<String>,
    /// A search domain other than the site's.
    pub search: Option<String>,
    /// The default route goes over it.
    pub default_route: bool,
}

/// A bond.
#[derive(Debug, Clone, Serialize)]
pub struct Bond {
    /// Its ports.
    pub ports: Vec<String>,
    /// `active-backup` or `802.3ad`.
    pub mode: String,
}

/// A VLAN.
#[derive(Debug, Clone, Serialize)]
pub struct Vlan {
    /// 1 to 4094.
    pub id: u16,
    /// The interface's name.
    pub name: String,
}

/// A device's IPv4.
#[derive(Debug, Clone, Serialize)]
pub struct V4 {
    /// `none`, `dhcp` or `static`.
    pub method: String,
    /// The address, when static.
    pub address: Option<String>,
    /// The netmask, when static.
    pub netmask: Option<String>,
    /// The prefix length, when static.
    pub prefix: Option<u8>,
    /// The gateway, when static and the default route goes over this device.
    pub gateway: Option<String>,
    /// Those of the device's name servers that have IPv4 addresses.
    pub dns: Vec<String>,
}

/// A device's IPv6.
#[derive(Debug, Clone, Serialize)]
pub struct V6 {
    /// `none`, `auto`, `dhcp` or `static`.
    pub method: String,
    /// Address and prefix length, when static.
    pub address: Option<String>,
    /// The gateway, when static and the default route goes over this device.
    pub gateway: Option<String>,
    /// Those of the device's name servers that have IPv6 addresses.
    pub dns: Vec<String>,
}

/// Disks.
#[derive(Debug, Clone, Serialize)]
pub struct Disks {
    /// Partition table of the installer's disks: `msdos` or `gpt`.
    pub label: String,
    /// Devices that the installer may touch, the root disk first.
    pub devices: Vec<String>,
    /// The disk of the system.
    pub root: RootDisk,
    /// Further disks that are made anew with each install and have a mount point.
    pub made: Vec<MadeDisk>,
    /// Disks that outlive the system: found by serial, formatted only when blank.
    pub kept: Vec<KeptDisk>,
    /// What to compare before anything is wiped; empty for a machine with one disk.
    pub guarded: Vec<GuardedDisk>,
}

/// The disk of the system.
#[derive(Debug, Clone, Serialize)]
pub struct RootDisk {
    /// Device name, such as `vda`.
    pub device: String,
    /// `ext4` or `xfs`.
    pub filesystem: String,
    /// `plain` or `lvm`.
    pub layout: String,
    /// Swap in MiB; 0 for none.
    pub swap_mib: u64,
    /// `/boot` in MiB.
    pub boot_mib: u64,
}

/// A disk that the installer formats.
#[derive(Debug, Clone, Serialize)]
pub struct MadeDisk {
    /// Device name.
    pub device: String,
    /// Where it is mounted.
    pub mount: String,
    /// `ext4` or `xfs`.
    pub filesystem: String,
}

/// A disk that outlives the system.
#[derive(Debug, Clone, Serialize)]
pub struct KeptDisk {
    /// virtio serial.
    pub serial: String,
    /// Where it is mounted.
    pub mount: String,
    /// What it is formatted with while it is blank: `ext4` or `xfs`.
    pub filesystem: String,
}

/// A disk and the serial it must have.
#[derive(Debug, Clone, Serialize)]
pub struct GuardedDisk {
    /// Device name.
    pub device: String,
    /// virtio serial.
    pub serial: String,
}

/// Firewall.
#[derive(Debug, Clone, Serialize)]
pub struct Firewall {
    /// firewalld is used; not when `-firewalld` is among the packages.
    pub managed: bool,
    /// TCP ports to open besides ssh: those of the health checks.
    pub ports: Vec<u16>,
}

/// The handoff to Puppet.
#[derive(Debug, Clone, Serialize)]
pub struct Puppet {
    /// The program in the installed system.
    pub program: String,
    /// The certname: the machine's FQDN.
    pub certname: String,
    /// The environment.
    pub environment: String,
    /// Classes of the machine; they are in the archive already.
    pub classes: Vec<String>,
    /// Where code, data and the report are kept in the installed system.
    pub directory: String,
    /// Path of Hiera's global configuration within the archive.
    pub hiera: String,
    /// The server; none: masterless, with the archive.
    pub server: Option<PuppetServer>,
}

/// A Puppet server and what a machine needs to be known to it.
#[derive(Debug, Clone, Serialize)]
pub struct PuppetServer {
    /// Its host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The CA's host.
    pub ca_host: String,
    /// The CA's port.
    pub ca_port: u16,
    /// Certificates of the CA.
    pub ca_certificates: Vec<CaCertificate>,
    /// Puppet's `confdir` in the installed system.
    pub confdir: String,
    /// Puppet's `ssldir` in the installed system.
    pub ssldir: String,
    /// The unit to enable after the handoff, if any.
    pub service: Option<String>,
    /// Extensions of the machine's certificate.
    pub extensions: Vec<CertificateExtension>,
    /// The one-time token for the CA: secret until it is used.
    pub token: String,
    /// How long to wait for the certificate, in seconds.
    pub wait: u64,
}

/// A certificate in PEM.
#[derive(Debug, Clone, Serialize)]
pub struct CaCertificate {
    /// The lines between its first and its last.
    pub lines: Vec<String>,
}

/// An extension of a certificate.
#[derive(Debug, Clone, Serialize)]
pub struct CertificateExtension {
    /// Its object identifier.
    pub oid: String,
    /// Its value.
    pub value: String,
}

/// Where to report to.
#[derive(Debug, Clone, Serialize)]
pub struct Install {
    /// `http://HOST:PORT/install/TOKEN`: secret until the install has ended.
    pub url: String,
}
