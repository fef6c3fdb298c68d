//! The shipped templates, embedded in the binary.

/// Prefix under which Tera knows a shipped template; a site's template of the same name goes first, and can still extend the
/// shipped one by its full name (`{% extends "shipped/base.ks.tera" %}`).
pub(super) const PREFIX: &str = "shipped/";

macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        /// Name (with [`PREFIX`]) and text of each.
        pub(super) const TEMPLATES: &[(&str, &str)] =
            &[$((concat!("shipped/", $name), include_str!(concat!("../../../templates/", $name)))),*];
    };
}

shipped![
    "base.ks.tera",
    "hypervisor.ks.tera",
    "server.ks.tera",
    "partials/bootloader.ks.tera",
    "partials/data-disks.ks.tera",
    "partials/disk-guard.ks.tera",
    "partials/disks.ks.tera",
    "partials/failure.ks.tera",
    "partials/firewall.ks.tera",
    "partials/first-boot.ks.tera",
    "partials/handoff.ks.tera",
    "partials/last.ks.tera",
    "partials/late-devices.ks.tera",
    "partials/network.ks.tera",
    "partials/own-repositories.ks.tera",
    "partials/packages.ks.tera",
    "partials/puppet-agent.ks.tera",
    "partials/repositories.ks.tera",
    "partials/script.ks.tera",
    "partials/system.ks.tera",
    "partials/time.ks.tera",
    "partials/users.ks.tera",
];
