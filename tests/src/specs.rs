//! Specs built by hand, for tests that must not depend on how a site is read.
//!
//! [`SpecCase`] says what varies; [`SpecCase::build`] gives a whole [`Spec`] with one VM `web1` on one hypervisor `hv1`.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use rekindle::spec::{
    Address4, Address6, BondMode, BondSpec, CheckKind, CheckSpec, Deadlines, DiskSpec, EntryPolicy, Filesystem, Firmware,
    Forward, HypervisorInstall, HypervisorNic, HypervisorSpec, Layout, NetworkKind, NetworkSpec, NicSpec, OsSpec, PoolSpec,
    PromotionPolicy, PuppetHost, PuppetMode, PuppetServerSpec, PuppetSpec, PuppetValue, RepoLocation, RepoSpec, RepositorySpec,
    RootAccess, SitePuppet, SiteSpec, Spec, StagePolicy, StageSpec, TreeLocation, VlanSpec, VmSpec,
};

/// How the VM is on its network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkCase {
    /// IPv4 by DHCP.
    Dhcp,
    /// A fixed IPv4 address.
    Static4,
    /// A fixed IPv6 address and no IPv4.
    Static6,
    /// Fixed addresses of both kinds.
    Dual,
    /// IPv6 by router advertisements, no IPv4.
    Auto6,
    /// Two NICs: fixed, and DHCP on another network.
    TwoNics,
}

impl NetworkCase {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Dhcp, Self::Static4, Self::Static6, Self::Dual, Self::Auto6, Self::TwoNics];
}

/// The VM's disks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskCase {
    /// A root disk.
    Root,
    /// And one that outlives the system.
    Kept,
    /// And one that outlives it, one that does not, and one that is not mounted.
    Many,
    /// A root disk too large for an MBR.
    Huge,
}

impl DiskCase {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Root, Self::Kept, Self::Many, Self::Huge];
}

/// What varies.
#[derive(Debug, Clone)]
pub struct SpecCase {
    /// Kickstart release.
    pub release: &'static str,
    /// Firmware.
    pub firmware: Firmware,
    /// Layout of the root disk.
    pub layout: Layout,
    /// File system of the root disk.
    pub filesystem: Filesystem,
    /// Network.
    pub network: NetworkCase,
    /// Disks.
    pub disks: DiskCase,
    /// NTP servers, a firewall, a root password and key, a repository of the site's own, and Puppet; else none of these.
    pub rich: bool,
    /// With `rich`: Puppet has a server.
    pub puppet_server: bool,
    /// Template of the VM.
    pub template: &'static str,
}

impl Default for SpecCase {
    fn default() -> Self {
        Self {
            release: "rhel9",
            firmware: Firmware::Bios,
            layout: Layout::Plain,
            filesystem: Filesystem::Ext4,
            network: NetworkCase::Static4,
            disks: DiskCase::Root,
            rich: false,
            puppet_server: false,
            template: "server",
        }
    }
}

/// Parses what the test's author knows to be valid.
///
/// # Panics
/// On a value that the type refuses.
#[track_caller]
pub fn id<T: FromStr>(text: &str) -> T
where
    T::Err: std::fmt::Display,
{
    text.parse().unwrap_or_else(|error| panic!("`{text}`: {error}"))
}

/// A Puppet server with a CA of its own and everything else as by default.
pub fn puppet_server() -> PuppetServerSpec {
    PuppetServerSpec {
        server: PuppetHost { host: id("puppet.lab.example.com"), port: 8140 },
        ca: PuppetHost { host: id("puppetca.lab.example.com"), port: 8141 },
        puppetdb: None,
        ca_certificate: "/srv/site/puppet/ca.pem".into(),
        ca_pem: "-----BEGIN CERTIFICATE-----\nTUlJ/+A=\nQQ==\n-----END CERTIFICATE-----\n".repeat(2),
        client_certificate: "/etc/rekindle/puppet/client.pem".into(),
        client_key: "/etc/rekindle/puppet/client.key".into(),
        autosign_key: "/etc/rekindle/puppet/autosign.key".into(),
        token_lifetime: Duration::from_hours(3),
        confdir: "/etc/puppetlabs/puppet".to_owned(),
        ssldir: "/etc/puppetlabs/puppet/ssl".to_owned(),
        service: Some(id("puppet")),
        extensions: BTreeMap::from([(id("pp_datacenter"), id("fra1"))]),
    }
}

impl SpecCase {
    /// The spec.
    pub fn build(&self) -> Spec {
        let site = self.site();
        let own = RepoSpec { name: "site".to_owned(), location: RepoLocation::Own, cost: None };
        let others =
            RepoSpec { name: "dev".to_owned(), location: RepoLocation::Directory("/srv/stages/dev".into()), cost: Some(500) };
        let stage = StageSpec {
            name: id("dev"),
            repos: std::iter::once(others).chain(self.rich.then_some(own)).collect(),
            puppet_environment: id("dev"),
            network: Some(id("lan")),
            policy: StagePolicy::default(),
            promotion: PromotionPolicy::default(),
        };
        let os = OsSpec {
            name: id("tiny"),
            release: id(self.release),
            tree: TreeLocation::Directory("/srv/tree".into()),
            repos: vec![RepoSpec {
                name: "extra".to_owned(),
                location: RepoLocation::Url(id("http://mirror.example.com/extra/")),
                cost: None,
            }],
            snapshots: None,
            packages: Vec::new(),
            firmware: self.firmware,
            filesystem: self.filesystem,
            osinfo: None,
            kernel_args: Vec::new(),
            min_memory_mib: 512,
        };
        let vm = self.vm(&stage, &os);
        let hypervisor = self.hypervisor();
        Spec {
            revision: "0000000".to_owned(),
            oses: BTreeMap::from([(os.name.clone(), os)]),
            stages: BTreeMap::from([(stage.name.clone(), stage)]),
            networks: networks(),
            teams: BTreeMap::new(),
            hypervisors: BTreeMap::from([(hypervisor.name.clone(), hypervisor)]),
            vms: BTreeMap::from([(vm.name.clone(), vm)]),
            site,
        }
    }

    /// The spec with mirrors instead of directories, as a hypervisor's own install needs.
    pub fn build_with_urls(&self) -> Spec {
        let mut spec = self.build();
        for os in spec.oses.values_mut() {
            os.tree = TreeLocation::Url(id("https://mirror.example.com/os/"));
        }
        for stage in spec.stages.values_mut() {
            for repo in &mut stage.repos {
                repo.location = RepoLocation::Url(id("https://mirror.example.com/stages/dev/"));
            }
        }
        spec
    }

    fn site(&self) -> SiteSpec {
        SiteSpec {
            name: "lab".to_owned(),
            domain: id("lab.example.com"),
            dns: vec!["192.0.2.53".parse().expect("address"), "2001:db8::53".parse().expect("address")],
            ntp: if self.rich { vec!["ntp1.example.com".to_owned(), "192.0.2.123".to_owned()] } else { Vec::new() },
            timezone: id("Europe/Berlin"),
            locale: id("en_US.UTF-8"),
            keyboard: id("us"),
            root: if self.rich {
                RootAccess {
                    password: Some(id("$6$0123456789abcdef$YzUuLnNhbHRlZGhhc2hvZnNvbWV0aGluZw.0123456789abcdefghijklmnop")),
                    ssh_keys: vec![id(
                        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGsSVzYLqX2y0000000000000000000000000000 ops@example.com",
                    )],
                }
            } else {
                RootAccess::default()
            },
            puppet: self.rich.then(|| SitePuppet {
                mode: self.puppet_mode(),
                directory: "/srv/site/puppet".into(),
                program: "/usr/bin/puppet".to_owned(),
                package: "puppet-agent".to_owned(),
                server: self.puppet_server.then(puppet_server),
            }),
            repository: self.rich.then(|| RepositorySpec {
                name: id("site"),
                stages: vec![id("dev")],
                keyring: vec!["/srv/site/keys/build.asc".into()],
                entry: EntryPolicy::Signed,
                signing_key: Some("build@lab.example.com".to_owned()),
                keep_versions: 3,
                keep_metadata: Duration::from_hours(6),
                keep_removed: Duration::from_hours(168),
                url: None,
            }),
        }
    }

    fn puppet_mode(&self) -> PuppetMode {
        if self.puppet_server { PuppetMode::Server } else { PuppetMode::Apply }
    }

    fn vm(&self, stage: &StageSpec, os: &OsSpec) -> VmSpec {
        let mut packages = vec!["shop-web"];
        if self.rich {
            packages.push("puppet-agent");
        } else {
            packages.insert(0, "-firewalld");
        }
        VmSpec {
            name: id("web1"),
            fqdn: id("web1.lab.example.com"),
            hypervisor: id("hv1"),
            role: id("shop-web"),
            stage: stage.name.clone(),
            team: Some(id("shop")),
            size: id("small"),
            os: os.name.clone(),
            template: id(self.template),
            vcpus: 2,
            memory_mib: 1024,
            disks: self.disk_specs(),
            nics: self.nics(),
            firmware: self.firmware,
            repos: stage.repos.iter().chain(&os.repos).cloned().collect(),
            packages: packages.into_iter().map(id).collect(),
            services: vec![id("shop-web.service")],
            kernel_args: vec![id("net.ifnames=1")],
            puppet: self.rich.then(|| PuppetSpec {
                mode: self.puppet_mode(),
                environment: stage.puppet_environment.clone(),
                classes: vec![id("role::shop_web")],
                data: BTreeMap::from([("shop::motto".to_owned(), PuppetValue::String("it's 100% \"safe\"\n%end".to_owned()))]),
                role_classes: vec![id("role::shop_web")],
                role_data: BTreeMap::new(),
            }),
            checks: vec![CheckSpec {
                name: "http".to_owned(),
                kind: CheckKind::Http { port: 8080, path: id("/health"), status: 200, contains: None },
                timeout: Duration::from_secs(2),
            }],
            deadlines: Deadlines::default(),
            attempts: 2,
            autostart: true,
        }
    }

    fn disk_specs(&self) -> Vec<DiskSpec> {
        let root = DiskSpec {
            name: id("root"),
            size_gib: if self.disks == DiskCase::Huge { 4096 } else { 10 },
            pool: id("default"),
            keep: false,
            mount: Some(id("/")),
            filesystem: self.filesystem,
            layout: self.layout,
            swap_mib: if self.rich { 512 } else { 0 },
        };
        let disk = |name: &str, keep: bool, mount: Option<&str>, filesystem: Filesystem| DiskSpec {
            name: id(name),
            size_gib: 2,
            keep,
            mount: mount.map(id),
            filesystem,
            swap_mib: 0,
            ..root.clone()
        };
        let mut disks = vec![root.clone()];
        match self.disks {
            DiskCase::Root | DiskCase::Huge => {}
            DiskCase::Kept => disks.push(disk("data", true, Some("/srv/data"), Filesystem::Ext4)),
            DiskCase::Many => disks.extend([
                disk("data", true, Some("/srv/data"), Filesystem::Xfs),
                disk("scratch", false, Some("/srv/scratch"), Filesystem::Xfs),
                disk("raw", false, None, Filesystem::Ext4),
            ]),
        }
        disks
    }

    fn nics(&self) -> Vec<NicSpec> {
        let nic = |network: &str, mac: &str, v4, v6| NicSpec { network: id(network), mac: id(mac), v4, v6 };
        let four = Address4::Static("192.0.2.11".parse().expect("address"));
        let six = Address6::Static("2001:db8::11".parse().expect("address"));
        let first = |v4, v6| nic("lan", "52:54:00:00:00:01", v4, v6);
        match self.network {
            NetworkCase::Dhcp => vec![first(Address4::Dhcp, Address6::None)],
            NetworkCase::Static4 => vec![first(four, Address6::None)],
            NetworkCase::Static6 => vec![first(Address4::None, six)],
            NetworkCase::Dual => vec![first(four, six)],
            NetworkCase::Auto6 => vec![first(Address4::None, Address6::Auto)],
            NetworkCase::TwoNics => {
                vec![first(four, Address6::None), nic("backup", "52:54:00:00:00:02", Address4::Dhcp, Address6::Dhcp)]
            }
        }
    }

    fn hypervisor(&self) -> HypervisorSpec {
        let nic = |device: &str, vlan: Option<u16>, bridge: Option<&str>, network: Option<&str>, v4| HypervisorNic {
            device: id(device),
            mac: None,
            bond: Some(BondSpec { ports: vec![id("eno1"), id("eno2")], mode: BondMode::Lacp })
                .filter(|_| device == "bond0" && vlan.is_none()),
            vlan: vlan.map(|id| VlanSpec { id }),
            bridge: bridge.map(id),
            network: network.map(id),
            v4,
            v6: Address6::None,
        };
        HypervisorSpec {
            name: id("hv1"),
            pools: vec![PoolSpec { name: id("default"), path: "/var/lib/libvirt/images".into() }],
            networks: Vec::new(),
            domain_type: None,
            reserve_memory_mib: 1024,
            install_address: None,
            puppet_reports: None,
            parallel_installs: 2,
            install: Some(HypervisorInstall {
                os: id("tiny"),
                stage: id("dev"),
                template: id("hypervisor"),
                disk: id("nvme0n1"),
                firmware: self.firmware,
                filesystem: self.filesystem,
                pool_volume: id("images"),
                nics: vec![
                    nic("bond0", None, None, Some("lan"), Address4::Static("192.0.2.1".parse().expect("address"))),
                    nic("bond0", Some(120), Some("br120"), Some("backup"), Address4::None),
                    nic("bond0", Some(121), None, Some("lan"), Address4::Static("192.0.2.2".parse().expect("address"))),
                    nic("eno3", None, Some("br0"), None, Address4::Dhcp),
                    nic("eno4", Some(7), None, None, Address4::None),
                ],
                packages: vec![id("tmux")],
                kernel_args: vec![id("intel_iommu=on")],
            }),
        }
    }
}

fn networks() -> BTreeMap<rekindle::spec::NetworkName, NetworkSpec> {
    let lan = NetworkSpec {
        name: id("lan"),
        kind: NetworkKind::Libvirt { bridge: id("rk0"), forward: Forward::Nat, dhcp: None },
        v4: Some(id("192.0.2.0/24")),
        v6: Some(id("2001:db8::/64")),
        gateway4: Some(id("192.0.2.1")),
        gateway6: Some(id("2001:db8::1")),
        dns: Vec::new(),
        domain: None,
        install_address: None,
    };
    let backup = NetworkSpec {
        name: id("backup"),
        kind: NetworkKind::Bridge { bridge: id("br120") },
        v4: None,
        v6: None,
        gateway4: None,
        gateway6: None,
        ..lan.clone()
    };
    BTreeMap::from([(lan.name.clone(), lan), (backup.name.clone(), backup)])
}
