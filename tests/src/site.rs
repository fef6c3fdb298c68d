//! Sites made in code, for tests that need many VMs or none in particular. Sites as people write them are in `tests/fixtures`.

use std::collections::BTreeMap;
use std::time::Duration;

use rekindle::spec::{
    Address4, Address6, CheckKind, CheckSpec, Deadlines, DhcpRange, DiskSpec, Filesystem, Firmware, Forward, HypervisorSpec,
    Layout, MacAddr, NetworkKind, NetworkSpec, NicSpec, OsSpec, PoolSpec, PromotionPolicy, PuppetMode, PuppetSpec, RepoLocation,
    RepoSpec, RootAccess, SitePuppet, SiteSpec, Spec, StagePolicy, StageSpec, TreeLocation, VmSpec,
};

/// A value of a name type; panics where the text is none, which is a mistake in the test.
#[track_caller]
pub fn name<T: std::str::FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| panic!("`{text}` is not a valid name"))
}

/// The hypervisor of every site here.
pub const HYPERVISOR: &str = "hv1";

/// A VM with a root disk, DHCP on `lan`, one package, one check, three attempts, and no Puppet.
pub fn vm(vm_name: &str) -> VmSpec {
    let digest = vm_name.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let [_, a, b, c] = digest.to_be_bytes();
    VmSpec {
        name: name(vm_name),
        fqdn: name(&format!("{vm_name}.example.com")),
        hypervisor: name(HYPERVISOR),
        role: name("web"),
        stage: name("dev"),
        team: None,
        size: name("small"),
        os: name("el9"),
        template: name("server"),
        vcpus: 1,
        memory_mib: 1024,
        disks: vec![disk("root", false)],
        nics: vec![NicSpec { network: name("lan"), mac: MacAddr::qemu([a, b, c]), v4: Address4::Dhcp, v6: Address6::None }],
        firmware: Firmware::Bios,
        repos: vec![],
        packages: vec![name("shop-web")],
        services: vec![],
        kernel_args: vec![],
        puppet: None,
        checks: vec![tcp_check("http", 80)],
        deadlines: Deadlines::default(),
        attempts: 3,
        autostart: true,
    }
}

/// A disk of 10 GiB in the default pool: the root disk, or one that is mounted on `/srv/NAME`.
pub fn disk(disk_name: &str, keep: bool) -> DiskSpec {
    let mount = if disk_name == "root" { "/".to_owned() } else { format!("/srv/{disk_name}") };
    DiskSpec {
        name: name(disk_name),
        size_gib: 10,
        pool: name("default"),
        keep,
        mount: Some(name(&mount)),
        filesystem: Filesystem::Xfs,
        layout: Layout::Plain,
        swap_mib: 0,
    }
}

/// A TCP check.
pub fn tcp_check(check_name: &str, port: u16) -> CheckSpec {
    CheckSpec { name: check_name.to_owned(), kind: CheckKind::Tcp { port }, timeout: Duration::from_secs(2) }
}

/// A handoff to Puppet that applies the class `role::web`.
pub fn puppet() -> PuppetSpec {
    PuppetSpec {
        mode: PuppetMode::Apply,
        environment: name("dev"),
        classes: vec![name("role::web")],
        data: BTreeMap::new(),
        role_classes: vec![name("role::web")],
        role_data: BTreeMap::new(),
    }
}

/// The network `lan`: defined by us, 10.90.0.0/16, DHCP.
pub fn network() -> NetworkSpec {
    NetworkSpec {
        name: name("lan"),
        kind: NetworkKind::Libvirt {
            bridge: name("virbr-lan"),
            forward: Forward::Nat,
            dhcp: Some(DhcpRange { start: [10, 90, 128, 0].into(), end: [10, 90, 255, 250].into() }),
        },
        v4: Some(name("10.90.0.0/16")),
        v6: None,
        gateway4: Some([10, 90, 0, 1].into()),
        gateway6: None,
        dns: vec![],
        domain: None,
        install_address: None,
    }
}

/// A site with these VMs on one hypervisor that has one pool.
pub fn site(vms: impl IntoIterator<Item = VmSpec>) -> Spec {
    let hypervisor = HypervisorSpec {
        name: name(HYPERVISOR),
        pools: vec![PoolSpec { name: name("default"), path: "/var/lib/rekindle/pool".into() }],
        networks: vec![],
        domain_type: None,
        reserve_memory_mib: 1024,
        install_address: None,
        puppet_reports: None,
        parallel_installs: 4,
        install: None,
    };
    let os = OsSpec {
        name: name("el9"),
        release: name("rhel9"),
        tree: TreeLocation::Url(name("http://mirror.example.com/el9/BaseOS")),
        repos: vec![RepoSpec {
            name: "appstream".to_owned(),
            location: RepoLocation::Url(name("http://mirror.example.com/el9/AppStream")),
            cost: None,
        }],
        snapshots: None,
        packages: vec![],
        firmware: Firmware::Bios,
        filesystem: Filesystem::Xfs,
        osinfo: None,
        kernel_args: vec![],
        min_memory_mib: 512,
    };
    let stage = StageSpec {
        name: name("dev"),
        repos: vec![],
        puppet_environment: name("dev"),
        network: Some(name("lan")),
        policy: StagePolicy::default(),
        promotion: PromotionPolicy::default(),
    };
    Spec {
        revision: "test".to_owned(),
        site: SiteSpec {
            name: "test".to_owned(),
            domain: name("example.com"),
            dns: vec![],
            ntp: vec![],
            timezone: name("UTC"),
            locale: name("en_US.UTF-8"),
            keyboard: name("us"),
            root: RootAccess::default(),
            puppet: Some(SitePuppet {
                mode: PuppetMode::Apply,
                directory: "/srv/site/puppet".into(),
                program: "/usr/bin/puppet".to_owned(),
                package: "puppet".to_owned(),
                server: None,
            }),
            repository: None,
        },
        oses: BTreeMap::from([(os.name.clone(), os)]),
        stages: BTreeMap::from([(stage.name.clone(), stage)]),
        networks: BTreeMap::from([(name("lan"), network())]),
        teams: BTreeMap::new(),
        hypervisors: BTreeMap::from([(hypervisor.name.clone(), hypervisor)]),
        vms: vms.into_iter().map(|vm| (vm.name.clone(), vm)).collect(),
    }
}

/// The same site in mode `server`: its VMs that use Puppet are handed to a server.
pub fn enrolled(mut spec: Spec) -> Spec {
    if let Some(puppet) = &mut spec.site.puppet {
        puppet.mode = PuppetMode::Server;
        puppet.server = Some(crate::specs::puppet_server());
    }
    for puppet in spec.vms.values_mut().filter_map(|vm| vm.puppet.as_mut()) {
        puppet.mode = PuppetMode::Server;
    }
    spec
}
