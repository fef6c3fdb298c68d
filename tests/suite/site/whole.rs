//! Whole sites: the fixtures, the merges that a `Spec` is made of, and thirty mistakes at once.

use std::time::Duration;

use camino::Utf8Path;
use rekindle::site::load;
use rekindle::spec::{
    Address4, Address6, CheckKind, Layout, MacAddr, MountPoint, PuppetName, PuppetValue, RepoLocation, Spec, TreeLocation, VmSpec,
};
use rekindle_tests::fleet::write_fleet;

use super::{TestSite, fixture};

#[track_caller]
fn good_spec() -> Spec {
    let site = TestSite::good();
    load(&site.dir).unwrap_or_else(|errors| panic!("the good site is refused:\n{errors}"))
}

fn vm<'a>(spec: &'a Spec, name: &str) -> &'a VmSpec {
    &spec.vms[name]
}

#[test]
fn the_demo_site_loads() {
    let spec = load(&fixture("demo")).unwrap_or_else(|errors| panic!("{errors}"));
    let web1 = vm(&spec, "web1");
    assert_eq!(web1.fqdn.as_str(), "web1.demo.example");
    assert_eq!(web1.install_nic().v4, Address4::Static([10, 44, 0, 10].into()));
    let tiny = &spec.oses["tiny"];
    assert_eq!(tiny.tree, TreeLocation::Directory(fixture("mirror/tree/tiny")));
    assert_eq!(vm(&spec, "db1").disks[1].mount.as_ref().map(MountPoint::as_str), Some("/srv/data"));
}

#[test]
fn the_demo_site_loads_with_its_puppet_vm_laid_over_it() {
    let site = TestSite::new([]);
    for layer in ["demo", "demo-puppet"] {
        copy(&fixture(layer), &site.dir);
    }
    let spec = load(&site.dir).unwrap_or_else(|errors| panic!("{errors}"));
    let puppet = vm(&spec, "puppet1").puppet.as_ref().expect("puppet1 has Puppet");
    assert_eq!(puppet.classes.iter().map(PuppetName::as_str).collect::<Vec<_>>(), ["shop::web"]);
    assert_eq!(spec.vms.len(), 3);
}

fn copy(from: &Utf8Path, to: &Utf8Path) {
    std::fs::create_dir_all(to).expect("a directory");
    for entry in from.read_dir_utf8().expect("a readable fixture") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("copied");
        }
    }
}

#[test]
fn thirty_mistakes_in_ten_files_give_thirty_errors_with_places() {
    let dir = fixture("broken");
    let errors = load(&dir).expect_err("the broken site is refused");
    let expected = std::fs::read_to_string(dir.join("expected.txt")).expect("expected.txt");
    let got = errors.to_string().replace(dir.as_str(), "broken");
    assert_eq!(got.trim_end(), expected.trim_end());
    assert_eq!((errors.errors().len(), errors.file_count()), (30, 10));
}

#[test]
fn the_report_as_json_has_the_same_places() {
    let dir = fixture("broken");
    let errors = load(&dir).expect_err("the broken site is refused");
    let json = errors.to_json();
    let list = json.as_array().expect("an array");
    assert_eq!(list.len(), 30);
    let unknown_role = list.iter().find(|e| e["message"] == "unknown role `shop-wbe`").expect("the unknown role");
    assert_eq!(unknown_role["file"], dir.join("vms/web1.toml").as_str());
    assert_eq!((unknown_role["line"].as_u64(), unknown_role["column"].as_u64()), (Some(1), Some(8)));
    assert_eq!(unknown_role["help"], "did you mean `shop-web`?");
    assert!(!json.to_string().contains("hunter2"), "a password is in the report");
}

#[test]
fn a_vm_gets_what_os_role_stage_size_and_its_own_file_say() {
    let spec = good_spec();
    let web1 = vm(&spec, "web1");
    let texts = |list: &[rekindle::spec::PackageSpec]| list.iter().map(|p| p.as_str().to_owned()).collect::<Vec<_>>();
    assert_eq!(texts(&web1.packages), ["-tmux", "@core", "htop", "puppet-agent", "shop-web"]);
    let named: Vec<&str> = web1.named_packages().map(rekindle::spec::PackageSpec::as_str).collect();
    assert_eq!(named, ["htop", "puppet-agent", "shop-web"]);
    assert_eq!((web1.vcpus, web1.memory_mib), (2, 4096));
    let root = web1.root_disk();
    assert_eq!((root.size_gib, root.layout, root.swap_mib, root.pool.as_str()), (20, Layout::Lvm, 1024, "images"));
    let repos: Vec<&str> = web1.repos.iter().map(|repo| repo.name.as_str()).collect();
    assert_eq!(repos, ["apps", "appstream"]);
    assert!(
        matches!(&web1.repos[0].location, RepoLocation::Directory(path) if path.is_absolute() && !path.as_str().contains(".."))
    );
    let nic = web1.install_nic();
    assert_eq!(nic.v6, Address6::Static("fd00:1::10".parse().expect("an address")));
    assert_eq!(nic.mac, "52:54:00:aa:00:01".parse::<MacAddr>().expect("a MAC"));
    assert!(matches!(&web1.checks[0].kind, CheckKind::Http { port: 8080, status: 200, .. }));
    assert_eq!(web1.checks[0].timeout, Duration::from_secs(5));
    let data = &vm(&spec, "db1").disks[1];
    assert!(data.keep && data.pool.as_str() == "fast" && data.size_gib == 50);
}

#[test]
fn hiera_data_of_a_vm_goes_into_its_roles_hashes_key_by_key() {
    let spec = good_spec();
    let puppet = vm(&spec, "web1").puppet.as_ref().expect("web1 has Puppet");
    let classes: Vec<&str> = puppet.classes.iter().map(PuppetName::as_str).collect();
    assert_eq!(classes, ["role::web", "profile::extra"]);
    let Some(PuppetValue::Hash(tls)) = puppet.data.get("web::tls") else { panic!("web::tls is a hash") };
    assert_eq!(tls["enabled"], PuppetValue::Bool(true));
    assert!(matches!(&tls["versions"], PuppetValue::Array(versions) if versions.len() == 2));
    assert_eq!(puppet.data["web::port"], PuppetValue::Integer(8080));
    assert!(vm(&spec, "db1").puppet.is_none(), "a role without [puppet] has none");
}

#[test]
fn macs_are_a_function_of_site_vm_and_nic() {
    let (one, two) = (good_spec(), good_spec());
    let mac = vm(&one, "db1").install_nic().mac;
    assert_eq!(mac, vm(&two, "db1").install_nic().mac);
    assert_eq!(mac.bytes()[..3], [0x52, 0x54, 0x00]);
}

#[test]
fn a_vm_may_have_several_nics_and_dhcp() {
    let site = TestSite::good();
    let nics = "role = \"db\"\nstage = \"dev\"\n\n[[nics]]\n\n[[nics]]\nnetwork = \"prod\"\naddress = \"10.2.0.21\"\n";
    std::fs::write(site.dir.join("vms/db2.toml"), nics).expect("a file");
    let spec = load(&site.dir).unwrap_or_else(|errors| panic!("{errors}"));
    let nics = &vm(&spec, "db2").nics;
    assert_eq!((nics[0].network.as_str(), nics[0].v4), ("lan", Address4::Dhcp));
    assert_eq!((nics[1].network.as_str(), nics[1].v4), ("prod", Address4::Static([10, 2, 0, 21].into())));
    assert_ne!(nics[0].mac, nics[1].mac);
}

#[test]
fn a_fleet_of_a_thousand_loads() {
    let site = TestSite::new([]);
    write_fleet(&site.dir, 1000).expect("the fleet is written");
    let spec = load(&site.dir).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!((spec.vms.len(), spec.networks.len()), (1000, 4));
}
