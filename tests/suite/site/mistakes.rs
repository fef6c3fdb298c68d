//! The good site broken one way at a time: each mistake is found, at its place, and is the only one reported.

use std::fs;

use super::TestSite;

/// In `file`, replaces `from` by `to` (an empty `from` appends) and expects exactly the mistakes `expected`.
#[track_caller]
fn check(file: &str, from: &str, to: &str, expected: &[&str]) {
    let site = TestSite::good();
    let path = site.dir.join(file);
    let text = fs::read_to_string(&path).unwrap_or_default();
    let text = if from.is_empty() {
        text + to
    } else {
        assert!(text.contains(from), "{file} has no {from:?}: the test is out of date");
        text.replacen(from, to, 1)
    };
    fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
    fs::write(&path, text).expect("written");
    assert_eq!(site.mistakes(), expected, "{file}: {from:?} → {to:?}");
}

#[test]
fn the_good_site_is_good() {
    assert_eq!(TestSite::good().mistakes(), Vec::<String>::new());
}

#[test]
fn unknown_names_are_found_wherever_they_are_written() {
    for (file, from, to, expected) in [
        ("vms/web1.toml", "\"web\"", "\"wbe\"", "vms/web1.toml:1:8: unknown role `wbe`"),
        ("vms/web1.toml", "\"dev\"", "\"prod\"", "vms/web1.toml:2:9: unknown stage `prod`"),
        ("vms/web1.toml", "\"shop\"", "\"shoop\"", "vms/web1.toml:3:8: unknown team `shoop`"),
        ("vms/web1.toml", "mac", "hypervisor = \"hv2\"\nmac", "vms/web1.toml:6:14: unknown hypervisor `hv2`"),
        ("vms/web1.toml", "mac", "size = \"big\"\nmac", "vms/web1.toml:6:8: unknown size `big`"),
        ("vms/web1.toml", "mac", "os = \"alma8\"\nmac", "vms/web1.toml:6:6: unknown OS `alma8`"),
        ("vms/db1.toml", "\"prod\"", "\"prd\"", "vms/db1.toml:4:11: unknown network `prd`"),
        ("roles/db.toml", "packages", "os = \"x\"\npackages", "roles/db.toml:1:6: unknown OS `x`"),
        ("roles/db.toml", "packages", "size = \"x\"\npackages", "roles/db.toml:1:8: unknown size `x`"),
        ("stages/dev.toml", "\"lan\"", "\"lam\"", "stages/dev.toml:1:11: unknown network `lam`"),
        ("site.toml", "\"small\"", "\"smal\"", "site.toml:15:8: unknown size `smal`"),
        (
            "hypervisors/hv1.toml",
            "[\"lan\", \"prod\"]",
            "[\"lan\", \"prod\", \"x\"]",
            "hypervisors/hv1.toml:2:28: unknown network `x`",
        ),
        ("hypervisors/hv1.toml", "network = \"prod\"", "network = \"pr\"", "hypervisors/hv1.toml:22:11: unknown network `pr`"),
        ("hypervisors/hv1.toml", "os = \"alma9\"", "os = \"alma8\"", "hypervisors/hv1.toml:13:6: unknown OS `alma8`"),
        ("hypervisors/hv1.toml", "stage = \"dev\"", "stage = \"de\"", "hypervisors/hv1.toml:14:9: unknown stage `de`"),
    ] {
        check(file, from, to, &[expected]);
    }
}

#[test]
fn networks_that_cannot_be_are_found() {
    let lan = "networks/lan.toml";
    for (from, to, expected) in [
        ("10.1.0.0/24", "10.1.0.9/24", "networks/lan.toml:3:9: `10.1.0.9/24` is an address within a range, not a range"),
        ("10.1.0.0/24", "10.1.0.0", "networks/lan.toml:3:9: `10.1.0.0` in `range` is not a valid IPv4 range"),
        ("fd00:1::/64", "fd00:1::/20", "networks/lan.toml:4:10: `fd00:1::/20` is an address within a range, not a range"),
        (
            "gateway = \"10.1.0.1\"",
            "gateway = \"10.9.0.1\"",
            "networks/lan.toml:5:11: gateway `10.9.0.1` is not in `10.1.0.0/24`",
        ),
        (
            "gateway = \"10.1.0.1\"",
            "gateway = \"10.1.0.255\"",
            "networks/lan.toml:5:11: gateway `10.1.0.255` is the broadcast address of `10.1.0.0/24`",
        ),
        ("10.1.0.199", "10.1.1.199", "networks/lan.toml:6:38: `10.1.1.199` is not in `10.1.0.0/24`"),
        ("10.1.0.199", "10.1.0.99", "networks/lan.toml:6:38: the DHCP range ends before it starts, at `10.1.0.100`"),
        ("\"10.1.0.1\"", "\"10.1.0.150\"", "networks/lan.toml:6:18: the DHCP range contains the gateway `10.1.0.150`"),
        ("\"virbr10\"", "\"br0\"", "networks/prod.toml:2:10: networks `lan` and `prod` have the same bridge `br0`"),
        ("bridge = \"virbr10\"\n", "", "networks/lan.toml: `bridge` is missing"),
        ("libvirt", "ovs", "networks/lan.toml:1:8: `ovs` in `kind` is not a valid kind of network"),
    ] {
        check(lan, from, to, &[expected]);
    }
    let prod = "networks/prod.toml";
    check(
        prod,
        "10.2.0.0/24\"\n",
        "10.1.0.128/25\"\n",
        &[
            "hypervisors/hv1.toml:23:11: address `10.2.0.2` is not in `10.1.0.128/25`",
            "networks/prod.toml:3:9: networks `lan` (10.1.0.0/24) and `prod` (10.1.0.128/25) overlap",
            "networks/prod.toml:4:11: gateway `10.2.0.1` is not in `10.1.0.128/25`",
            "networks/prod.toml:5:19: install address `10.2.0.2` is no address of this network",
            "vms/db1.toml:5:11: address `10.2.0.20` is not in `10.1.0.128/25`",
        ],
    );
    check(prod, "", "forward = \"nat\"\n", &["networks/prod.toml:6:11: `forward` is for networks of kind `libvirt`"]);
    check(
        prod,
        "install_address = \"10.2.0.2\"\n",
        "",
        &["networks/prod.toml: VMs on network `prod` cannot reach the install listener of `hv1`"],
    );
    check(
        "networks/default.toml",
        "",
        "kind = \"libvirt\"\nbridge = \"virbr0\"\nrange = \"192.168.122.0/24\"\n",
        &["networks/default.toml:1:8: `default` is libvirt's own network"],
    );
}

#[test]
fn addresses_that_cannot_be_are_found() {
    for (to, expected) in [
        ("10.2.0.10", "address `10.2.0.10` is not in `10.1.0.0/24`"),
        ("10.1.0.0", "address `10.1.0.0` is the network's own address in `10.1.0.0/24`"),
        ("10.1.0.255", "address `10.1.0.255` is the broadcast address of `10.1.0.0/24`"),
        ("10.1.0.1", "address `10.1.0.1` is the gateway of network `lan`"),
        ("10.1.0.150", "address `10.1.0.150` is in the DHCP range of network `lan`"),
        ("10.1.0.999", "`10.1.0.999` in `address` is not a valid IPv4 address"),
    ] {
        check("vms/web1.toml", "10.1.0.10", to, &[&format!("vms/web1.toml:4:11: {expected}")]);
    }
    check("vms/web1.toml", "fd00:1::10", "fd00:2::10", &["vms/web1.toml:5:12: address `fd00:2::10` is not in `fd00:1::/64`"]);
    check(
        "vms/web1.toml",
        "fd00:1::10",
        "fd00:1::1",
        &["vms/web1.toml:5:12: address `fd00:1::1` is the router's on network `lan`"],
    );
    check("vms/db1.toml", "address = \"10.2.0.20\"\n", "", &["vms/db1.toml: VM `db1` has no address on network `prod`"]);
    check(
        "vms/db1.toml",
        "address",
        "address6 = \"fd00:2::1\"\naddress",
        &["vms/db1.toml:5:12: address `fd00:2::1`: the network has no `range6`"],
    );
}

#[test]
fn what_two_vms_would_share_is_found() {
    let twin = "role = \"db\"\nstage = \"dev\"\nnetwork = \"prod\"\naddress = \"10.2.0.20\"\n";
    check("vms/db2.toml", "", twin, &["vms/db2.toml:4:11: VMs `db1` and `db2` have the same address `10.2.0.20`"]);
    let same_mac = "role = \"db\"\nstage = \"dev\"\naddress = \"10.1.0.11\"\nmac = \"52:54:00:AA:00:01\"\n";
    check("vms/a.toml", "", same_mac, &["vms/web1.toml:6:7: VMs `a` and `web1` have the same MAC address `52:54:00:aa:00:01`"]);
    // `db1-x` with its root disk, and `db1` with a disk `x-root`.
    let site = TestSite::good();
    fs::write(site.dir.join("vms/db1-x.toml"), "role = \"web\"\nstage = \"dev\"\n").expect("written");
    let db1 = fs::read_to_string(site.dir.join("vms/db1.toml")).expect("db1");
    fs::write(site.dir.join("vms/db1.toml"), db1 + "\n[[disks]]\nname = \"x-root\"\nsize = \"1 GiB\"\n").expect("written");
    assert_eq!(site.mistakes(), ["vms/db1-x.toml: VMs `db1` and `db1-x` have the same volume `db1-x-root.qcow2`"]);
}

#[test]
fn disks_that_cannot_be_are_found() {
    let disk = |text: &str| format!("\n[[disks]]\n{text}\n");
    for (text, expected) in [
        ("name = \"abcdefghijklmnopqrstu\"\nsize = \"1 GiB\"", "11:8: disk name `abcdefghijklmnopqrstu` has 21 characters"),
        ("name = \"root\"\nsize = \"1 GiB\"", "11:8: `root` is the name of the root disk"),
        ("name = \"logs\"", "10:1: disk `logs` has no `size`"),
        ("name = \"logs\"\nsize = \"100 MiB\"", "12:8: `100 MiB` in `disks.size` is not a valid disk size"),
        ("name = \"logs\"\nsize = \"1 GiB\"\nmount = \"/usr\"", "13:9: `/usr` belongs to the system"),
        (
            "name = \"logs\"\nsize = \"1 GiB\"\nmount = \"/srv/../etc\"",
            "13:9: `/srv/../etc` in `disks.mount` is not a valid mount point",
        ),
        ("name = \"logs\"\nsize = \"1 GiB\"\npool = \"slow\"", "13:8: VM `db1` is on hypervisor `hv1`, which has no pool `slow`"),
        (
            "name = \"logs\"\nsize = \"1 GiB\"\nmount = \"/srv/data\"",
            "13:9: VM `db1` has disks `data` and `logs` at the same mount point `/srv/data`",
        ),
        ("name = \"logs\"\nsize = \"1 GiB\"\nkeep = \"yes\"", "13:8: `disks.keep` must be `true` or `false`, not a string"),
    ] {
        let base =
            "role = \"db\"\nstage = \"dev\"\nteam = \"shop\"\nnetwork = \"prod\"\naddress = \"10.2.0.20\"\n# 6\n# 7\n# 8\n";
        let site = TestSite::good();
        fs::write(site.dir.join("vms/db1.toml"), base.to_owned() + &disk(text)).expect("written");
        assert_eq!(site.mistakes(), [format!("vms/db1.toml:{expected}")], "{text}");
    }
    check(
        "vms/db1.toml",
        "address",
        "[root_disk]\nsize = \"1 GiB\"\nswap = \"512 MiB\"\n#",
        &[
            "vms/db1.toml: VM `db1` has no address on network `prod`",
            "vms/db1.toml:6:8: the root disk of VM `db1` is too small: 1 GiB for 1880 MiB",
        ],
    );
    check(
        "vms/db1.toml",
        "",
        "\n[[disks]]\nname = \"a\"\nsize = \"1 GiB\"\n\n[[disks]]\nname = \"a\"\nsize = \"2 GiB\"\n",
        &["vms/db1.toml:12:8: disk `a` is here twice"],
    );
}

#[test]
fn what_does_not_fit_is_found() {
    check(
        "vms/web1.toml",
        "mac",
        "size = \"tiny\"\nroot_disk = { size = \"20 GiB\" }\nmac",
        &["vms/web1.toml:6:8: VM `web1` has 1024 MiB of memory, and OS `alma9` needs 2048 MiB"],
    );
    check(
        "vms/web1.toml",
        "mac",
        "memory = \"1 GiB\"\nmac",
        &["vms/web1.toml:6:10: VM `web1` has 1024 MiB of memory, and OS `alma9` needs 2048 MiB"],
    );
    check(
        "teams/shop.toml",
        "vcpus = 16",
        "vcpus = 3",
        &["teams/shop.toml:4:9: team `shop` has 4 vCPUs in 2 VMs, and a quota of 3"],
    );
    check(
        "teams/shop.toml",
        "32 GiB",
        "7 GiB",
        &["teams/shop.toml:5:10: team `shop` has 8192 MiB of memory in 2 VMs, and a quota of 7168"],
    );
    check(
        "teams/shop.toml",
        "500 GiB",
        "89 GiB",
        &["teams/shop.toml:6:8: team `shop` has 90 GiB of disk in 2 VMs, and a quota of 89"],
    );
    check(
        "hypervisors/hv1.toml",
        "64 GiB",
        "8 GiB",
        &[
            "hypervisors/hv1.toml:1:10: hypervisor `hv1` has 8192 MiB of memory; its 2 VMs have 8192 MiB and 1024 MiB are kept from them",
        ],
    );
    check(
        "hypervisors/hv1.toml",
        ", \"prod\"]",
        "]",
        &["vms/db1.toml:4:11: VM `db1` is on network `prod`, which hypervisor `hv1` does not carry"],
    );
}

#[test]
fn names_that_mean_something_else_are_refused() {
    for (file, expected) in [
        ("vms/localhost.toml", "vms/localhost.toml: the VM name `localhost` is reserved"),
        ("vms/all.toml", "vms/all.toml: the VM name `all` is reserved"),
        ("vms/hv1.toml", "vms/hv1.toml: VM and hypervisor are both called `hv1`"),
        ("vms/42.toml", "vms/42.toml: the VM name `42` has no letter"),
        (
            "vms/a-name-so-long-that-linux-would-cut-it-off-at-its-limit.toml",
            "vms/a-name-so-long-that-linux-would-cut-it-off-at-its-limit.toml: the host name \
             `a-name-so-long-that-linux-would-cut-it-off-at-its-limit.lab.example` has 67 characters",
        ),
    ] {
        check(file, "", "role = \"web\"\nstage = \"dev\"\n", &[expected]);
    }
    check("stages/dev.toml", "\"apps\"", "\"anaconda\"", &["stages/dev.toml:4:8: the repository name `anaconda` is reserved"]);
    check(
        "stages/dev.toml",
        "\"apps\"",
        "\"appstream\"",
        &[
            "vms/db1.toml: VM `db1` gets repository `appstream` from stage `dev` and from OS `alma9`",
            "vms/web1.toml: VM `web1` gets repository `appstream` from stage `dev` and from OS `alma9`",
        ],
    );
}

#[test]
fn puppet_that_cannot_be_is_refused() {
    check("site.toml", "\"apply\"", "\"server\"", &["site.toml:11:8: mode `server` needs a table `[puppet.server]`"]);
    check("site.toml", "mode = \"apply\"", "directory = \"pupet\"", &["site.toml:11:13: there is no directory `pupet`"]);
    check(
        "site.toml",
        "\n[puppet]\nmode = \"apply\"\n",
        "\n\n\n",
        &["roles/web.toml: `[puppet]` is used here, and the site has no Puppet"],
    );
    check(
        "roles/web.toml",
        "\"role::web\"",
        "\"role::Web-1\"",
        &["roles/web.toml:9:12: `role::Web-1` in `puppet.classes` is not a valid Puppet name"],
    );
    check(
        "roles/web.toml",
        "\"web::port\" = 8080",
        "\"web port\" = 8080",
        &["roles/web.toml:10:10: `web port` is not a valid Hiera key"],
    );
    check("roles/web.toml", "8080, \"web::tls\"", "2026-01-01, \"web::tls\"", &["roles/web.toml:10:24: Hiera data has no dates"]);
}

#[test]
fn a_puppet_server_that_cannot_be_is_refused() {
    let table = |keys: &str| format!("mode = \"apply\"\n[puppet.server]\n{keys}");
    let host = "host = \"puppet.lab.example\"\n";
    for (keys, expected) in [
        (String::new(), "site.toml:12:1: `puppet.server.host` is missing"),
        ("host = \"a b\"".to_owned(), "site.toml:13:8: `a b` in `puppet.server.host` is not a valid host"),
        (
            format!("{host}client_key = \"puppet/client.key\""),
            "site.toml:14:14: a secret cannot be in the site: `puppet/client.key`",
        ),
        (format!("{host}autosign_key = \"./key\""), "site.toml:14:16: a secret cannot be in the site: `./key`"),
        (format!("{host}token_lifetime = \"2d\""), "site.toml:14:18: the tokens' lifetime must be from `10m` to `1d`"),
        (format!("{host}ssldir = \"ssl\""), "site.toml:14:10: `ssldir` must be an absolute path in the guest"),
        (
            format!("{host}extensions = {{ pp_role = \"web\" }}"),
            "site.toml:14:16: a site cannot set the certificate extension `pp_role`",
        ),
        (
            format!("{host}extensions = {{ pp_preshared_key = \"x\" }}"),
            "site.toml:14:16: a site cannot set the certificate extension `pp_preshared_key`",
        ),
        (
            format!("{host}extensions = {{ \"1.3.6.1.4.1.34380.1.3.13\" = \"x\" }}"),
            "site.toml:14:16: a site cannot set the certificate extension `1.3.6.1.4.1.34380.1.3.13`",
        ),
        (
            format!("{host}extensions = {{ pp_zone = \"a\\nb\" }}"),
            "site.toml:14:26: `a\\nb` in `puppet.server.extensions.pp_zone` is not a valid value of a certificate extension",
        ),
        (
            format!("{host}extensions = {{ pp_zone = \"a\", \"1.3.6.1.4.1.34380.1.1.20\" = \"a\" }}"),
            "site.toml:14:16: the certificate extension 1.3.6.1.4.1.34380.1.1.20 is here twice",
        ),
        (
            format!("{host}extensions = {{ datacenter = \"a\" }}"),
            "site.toml:14:16: `datacenter` is not a valid object identifier",
        ),
    ] {
        check("site.toml", "mode = \"apply\"\n", &format!("{}\n", table(&keys).trim_end()), &[expected]);
    }
}

#[test]
fn a_server_whose_ca_is_not_known_is_refused() {
    let site = TestSite::good();
    let path = site.dir.join("site.toml");
    let text = fs::read_to_string(&path).expect("site.toml");
    let server = "mode = \"server\"\n[puppet.server]\nhost = \"puppet.lab.example\"\n";
    fs::write(&path, text.replace("mode = \"apply\"\n", server)).expect("written");
    let mistakes = site.mistakes();
    assert!(mistakes.len() == 1 && mistakes[0].contains("puppet/ca.pem` cannot be read"), "{mistakes:?}");
    fs::write(site.dir.join("puppet/ca.pem"), "-----BEGIN PRIVATE KEY-----\nTUlJ\n-----END PRIVATE KEY-----\n").expect("written");
    let mistakes = site.mistakes();
    assert!(mistakes.len() == 1 && mistakes[0].contains("something other than certificates"), "{mistakes:?}");
    fs::write(site.dir.join("puppet/ca.pem"), "-----BEGIN CERTIFICATE-----\nTUlJ\n-----END CERTIFICATE-----\n").expect("written");
    assert_eq!(site.mistakes(), Vec::<String>::new());
}

#[test]
fn several_hypervisors_need_a_choice() {
    let second = "[[pools]]\nname = \"images\"\npath = \"/srv/images\"\n";
    check(
        "hypervisors/hv2.toml",
        "",
        second,
        &[
            "vms/db1.toml: VM `db1` names no hypervisor, and the site has 2",
            "vms/web1.toml: VM `web1` names no hypervisor, and the site has 2",
        ],
    );
}

#[test]
fn several_networks_need_a_choice() {
    check("stages/dev.toml", "network = \"lan\"\n", "", &["vms/web1.toml: VM `web1` has no network for its NIC 0"]);
}

#[test]
fn wrong_types_and_unknown_keys_are_found_in_every_kind_of_file() {
    for (file, from, to, expected) in [
        ("site.toml", "dns = [\"10.1.0.53\"]", "dns = \"10.1.0.53\"", "site.toml:3:7: `dns` must be an array, not a string"),
        ("site.toml", "os =", "oss =", "site.toml:14:1: unknown key `defaults.oss`"),
        ("sizes.toml", "vcpus = 2", "vcpus = \"2\"", "sizes.toml:2:9: `small.vcpus` must be a whole number, not a string"),
        ("sizes.toml", "\"4 GiB\"", "4096", "sizes.toml:3:10: `4096` in `small.memory` is not a valid size"),
        ("os/alma9.toml", "release", "relase", "os/alma9.toml:1:1: unknown key `relase`"),
        (
            "stages/dev.toml",
            "max_lease = \"30d\"",
            "max_lease = \"30 days\"",
            "stages/dev.toml:8:13: `30 days` in `policy.max_lease` is not a valid span of time",
        ),
        ("networks/lan.toml", "dhcp = {", "dhcp = { lease = 1,", "networks/lan.toml:6:10: unknown key `dhcp.lease`"),
        ("teams/shop.toml", "vcpus", "cpus", "teams/shop.toml:4:1: unknown key `quota.cpus`"),
        (
            "hypervisors/hv1.toml",
            "path = \"/srv/fast\"",
            "path = \"srv/fast\"",
            "hypervisors/hv1.toml:10:8: `srv/fast` is no absolute path without `..`",
        ),
        (
            "hypervisors/hv1.toml",
            "\"lacp\"",
            "\"802.3ad\"",
            "hypervisors/hv1.toml:19:43: `802.3ad` in `install.nics.bond.mode` is not a valid bond mode",
        ),
        (
            "hypervisors/hv1.toml",
            "vlan = 120",
            "vlan = 4095",
            "hypervisors/hv1.toml:20:8: `4095` in `install.nics.vlan` is out of range",
        ),
        ("roles/web.toml", "[[checks]]", "[checks]", "roles/web.toml:12:1: `checks` must be an array of tables"),
        (
            "roles/db.toml",
            "timeout = \"2s\"",
            "timeout = \"0s\"",
            "roles/db.toml:13:11: `0s` in `checks.timeout` is not a valid span of time",
        ),
        (
            "roles/db.toml",
            "tcp = { port = 5432 }",
            "command = { argv = [\"true\"] }",
            "roles/db.toml:12:11: a command starts with the absolute path of a program",
        ),
        ("vms/web1.toml", "[puppet]", "[pupet]", "vms/web1.toml:9:2: unknown key `pupet`"),
    ] {
        let got = {
            let site = TestSite::good();
            let path = site.dir.join(file);
            let text = fs::read_to_string(&path).expect("the file");
            assert!(text.contains(from), "{file} has no {from:?}");
            fs::write(&path, text.replacen(from, to, 1)).expect("written");
            site.mistakes()
        };
        assert!(got.contains(&expected.to_owned()), "{file}: {got:#?}");
        // Both VMs miss a default whose key is misspelt; nothing else is an echo.
        assert!(got.len() == 1 || (got.len() == 3 && expected.contains("`defaults.")), "{file}: {got:#?}");
    }
}

#[test]
fn releases_and_time_zones_are_known_ones() {
    check("site.toml", "dns", "timezone = \"Europe/Berlni\"\ndns", &["site.toml:3:12: unknown time zone `Europe/Berlni`"]);
    check("site.toml", "dns", "timezone = \"Europe/Berlin\"\ndns", &[]);
    check("os/alma9.toml", "rhel9", "rhel99", &["os/alma9.toml:1:11: `rhel99` in `release` is not a valid kickstart release"]);
    check("os/alma9.toml", "rhel9", "alma9", &[]);
}

#[test]
fn two_default_macs_that_chance_made_equal_come_with_the_line_to_add() {
    // Found by search: on the site `lab`, these two names hash to the same 24 bits.
    let site = TestSite::good();
    let (one, two) = ("vm1582", "vm3423");
    for name in [one, two] {
        fs::write(site.dir.join(format!("vms/{name}.toml")), "role = \"db\"\nstage = \"dev\"\n").expect("written");
    }
    let errors = rekindle::site::load(&site.dir).expect_err("refused");
    let error = &errors.errors()[0];
    assert!(error.message.starts_with(&format!("VMs `{one}` and `{two}` have the same MAC address")), "{error}");
    let line = error.help.as_ref().and_then(|help| help.split('`').nth(1)).expect("a line to add").to_owned();
    fs::write(site.dir.join(format!("vms/{two}.toml")), format!("role = \"db\"\nstage = \"dev\"\n{line}\n")).expect("written");
    assert_eq!(site.mistakes(), Vec::<String>::new());
}
