//! Puppet 7 and 8, of Puppet's own packages, of a distribution's, and OpenVox: they differ in paths, services and packages, which are
//! keys of the site.

use super::CaHost;
use crate::templates::{renderer, urls};

/// What the site says, and how `web1`'s kickstart shows it: packages, program, `confdir`, `ssldir`, unit.
struct Flavour {
    keys: &'static str,
    server_keys: &'static str,
    package: &'static str,
    program: &'static str,
    confdir: &'static str,
    ssldir: &'static str,
    service: Option<&'static str>,
}

const FLAVOURS: [Flavour; 4] = [
    // Puppet's own packages, 7 and 8: nothing is said.
    Flavour {
        keys: "",
        server_keys: "",
        package: "puppet-agent",
        program: "/opt/puppetlabs/bin/puppet",
        confdir: "/etc/puppetlabs/puppet",
        ssldir: "/etc/puppetlabs/puppet/ssl",
        service: Some("puppet"),
    },
    // OpenVox keeps Puppet's paths and unit, and has a package of its own.
    Flavour {
        keys: "package = \"openvox-agent\"\n",
        server_keys: "",
        package: "openvox-agent",
        program: "/opt/puppetlabs/bin/puppet",
        confdir: "/etc/puppetlabs/puppet",
        ssldir: "/etc/puppetlabs/puppet/ssl",
        service: Some("puppet"),
    },
    // A distribution's.
    Flavour {
        keys: "package = \"puppet\"\nprogram = \"/usr/bin/puppet\"\n",
        server_keys: "confdir = \"/etc/puppet\"\nssldir = \"/var/lib/puppet/ssl\"\nservice = \"puppet-agent\"\n",
        package: "puppet",
        program: "/usr/bin/puppet",
        confdir: "/etc/puppet",
        ssldir: "/var/lib/puppet/ssl",
        service: Some("puppet-agent"),
    },
    // Something else runs it.
    Flavour {
        keys: "",
        server_keys: "confdir = \"/etc/puppet\"\nrun_service = false\n",
        package: "puppet-agent",
        program: "/opt/puppetlabs/bin/puppet",
        confdir: "/etc/puppet",
        ssldir: "/etc/puppet/ssl",
        service: None,
    },
];

#[track_caller]
fn check_flavour(flavour: &Flavour) {
    let host = CaHost::new();
    let file = host.site.dir.join("site.toml");
    let site = std::fs::read_to_string(&file).expect("site.toml");
    let said = format!("mode = \"server\"\n{}[puppet.server]\n{}", flavour.keys, flavour.server_keys);
    std::fs::write(&file, site.replace("mode = \"server\"\n[puppet.server]\n", &said)).expect("site.toml");
    let spec = rekindle::site::load(&host.site.dir).unwrap_or_else(|errors| panic!("{errors}"));
    let kickstart = renderer().render_kickstart(&spec, &spec.vms["web1"], &urls()).unwrap_or_else(|error| panic!("{error}")).text;
    let packages = kickstart.split("%packages").nth(1).and_then(|rest| rest.split("%end").next()).expect("%packages");
    assert!(packages.lines().any(|line| line == flavour.package), "{}:\n{packages}", flavour.package);
    let Flavour { program, confdir, ssldir, .. } = flavour;
    for line in [
        format!("{program} agent --onetime"),
        format!("rekindle_conf={confdir}/puppet.conf"),
        format!("rekindle_csr={confdir}/csr_attributes.yaml"),
        format!("rekindle_ca={ssldir}/certs/ca.pem"),
        format!("ssldir = {ssldir}"),
        format!("rm -f {confdir}/csr_attributes.yaml"),
    ] {
        assert!(kickstart.lines().any(|found| found.starts_with(&line)), "{line}:\n{kickstart}");
    }
    let units: Vec<&str> = kickstart.lines().filter_map(|line| line.strip_prefix("systemctl start --no-block ")).collect();
    assert_eq!(units, flavour.service.into_iter().collect::<Vec<_>>());
}

#[test]
fn paths_packages_and_units_of_every_flavour_are_the_sites() {
    FLAVOURS.iter().for_each(check_flavour);
}
