//! A small spec for unit tests.

use super::*;

/// One VM `web1` on network `192.0.2.0/24` and `2001:db8::/64` of hypervisor `h1`; install tree and repository in `files`.
pub(crate) fn spec(files: &camino::Utf8Path) -> Spec {
    let name = "web1".parse::<VmName>().unwrap();
    let site = SiteSpec {
        name: "lab".to_owned(),
        domain: "example.com".parse().unwrap(),
        dns: Vec::new(),
        ntp: Vec::new(),
        timezone: "UTC".parse().unwrap(),
        locale: "en_US.UTF-8".parse().unwrap(),
        keyboard: "us".parse().unwrap(),
        root: RootAccess::default(),
        puppet: None,
        repository: None,
    };
    let os = OsSpec {
        name: "alma9".parse().unwrap(),
        release: "rhel9".parse().unwrap(),
        tree: TreeLocation::Directory(files.join("tree")),
        repos: Vec::new(),
        snapshots: None,
        packages: Vec::new(),
        firmware: Firmware::Bios,
        filesystem: Filesystem::Xfs,
        osinfo: None,
        kernel_args: Vec::new(),
        min_memory_mib: 0,
    };
    let repo = RepoSpec { name: "app".to_owned(), location: RepoLocation::Directory(files.join("repo")), cost: None };
    let stage = StageSpec {
        name: "dev".parse().unwrap(),
        repos: vec![repo.clone()],
        puppet_environment: "dev".parse().unwrap(),
        network: None,
        policy: StagePolicy::default(),
        promotion: PromotionPolicy::default(),
    };
    let network = NetworkSpec {
        name: "lan".parse().unwrap(),
        kind: NetworkKind::Bridge { bridge: "br0".parse().unwrap() },
        v4: Some("192.0.2.0/24".parse().unwrap()),
        v6: Some("2001:db8::/64".parse().unwrap()),
        gateway4: None,
        gateway6: None,
        dns: Vec::new(),
        domain: None,
        install_address: None,
    };
    let disk = DiskSpec {
        name: "root".parse().unwrap(),
        size_gib: 10,
        pool: "default".parse().unwrap(),
        keep: false,
        mount: Some("/".parse().unwrap()),
        filesystem: Filesystem::Xfs,
        layout: Layout::Plain,
        swap_mib: 0,
    };
    let nic = NicSpec {
        network: network.name.clone(),
        mac: MacAddr::qemu([1, 2, 3]),
        v4: Address4::Static([192, 0, 2, 10].into()),
        v6: Address6::None,
    };
    let vm = VmSpec {
        fqdn: site.domain.child(&name),
        name: name.clone(),
        hypervisor: "h1".parse().unwrap(),
        role: "web".parse().unwrap(),
        stage: stage.name.clone(),
        team: None,
        size: "small".parse().unwrap(),
        os: os.name.clone(),
        template: "base".parse().unwrap(),
        vcpus: 1,
        memory_mib: 1024,
        disks: vec![disk],
        nics: vec![nic],
        firmware: Firmware::Bios,
        repos: vec![repo],
        packages: Vec::new(),
        services: Vec::new(),
        kernel_args: Vec::new(),
        puppet: None,
        checks: Vec::new(),
        deadlines: Deadlines::default(),
        attempts: 2,
        autostart: true,
    };
    Spec {
        revision: "r1".to_owned(),
        site,
        oses: [(os.name.clone(), os)].into(),
        stages: [(stage.name.clone(), stage)].into(),
        networks: [(network.name.clone(), network)].into(),
        teams: std::collections::BTreeMap::new(),
        hypervisors: std::collections::BTreeMap::new(),
        vms: [(name, vm)].into(),
    }
}

/// The same, with `web1` handed to Puppet by a server.
pub(crate) fn served(files: &camino::Utf8Path) -> Spec {
    let mut spec = spec(files);
    spec.vms.values_mut().for_each(|vm| vm.puppet = Some(puppet(PuppetMode::Server)));
    spec
}

/// A handoff to Puppet, without classes and data.
pub(crate) fn puppet(mode: PuppetMode) -> PuppetSpec {
    PuppetSpec {
        mode,
        environment: "dev".parse().unwrap(),
        classes: Vec::new(),
        data: std::collections::BTreeMap::new(),
        role_classes: Vec::new(),
        role_data: std::collections::BTreeMap::new(),
    }
}

/// A hypervisor of this name without pools, that takes others' reports there.
pub(crate) fn hypervisor(name: &str, puppet_reports: Option<std::net::SocketAddr>) -> HypervisorSpec {
    HypervisorSpec {
        name: name.parse().unwrap(),
        pools: Vec::new(),
        networks: Vec::new(),
        domain_type: None,
        reserve_memory_mib: 0,
        install_address: None,
        puppet_reports,
        parallel_installs: 1,
        install: None,
    }
}
