//! The rules beyond what `ksvalidator` checks: one file each, and this table.
//!
//! A rule file is its own manual: the comment at its head says what, why, an example that the rule
//! finds and a fix that it accepts; a test runs both. To add a rule: write the file, name it in its
//! family's `mod.rs` and here, and print `docs/rules.md` again (`UPDATE=1 cargo test -p rekindle-kickstart`).
//! A rule must never look at anything but its [`Context`], and may only be an
//! error if the installer is certain to refuse the file, to stop, or to leave out what a line asks for.

mod network;
mod packages;
mod release;
mod scripts;
mod security;
mod storage;
mod unattended;

use crate::diagnostic::Severity;
use crate::lint::{Context, Findings};

/// One rule.
pub(crate) struct Rule {
    /// Stable name; reads as the bad thing it finds.
    pub(crate) code: &'static str,
    pub(crate) family: &'static str,
    pub(crate) severity: Severity,
    pub(crate) run: fn(&Context<'_, '_>, &mut Findings<'_>),
    /// The rule's source; its head is the manual.
    source: &'static str,
}

impl Rule {
    /// What the rule finds, why, an example and a fix, as Markdown.
    pub(crate) fn manual(&self) -> String {
        let lines = self.source.lines().take_while(|line| line.starts_with("//!"));
        lines.flat_map(|line| [line.trim_start_matches("//!").strip_prefix(' ').unwrap_or_default(), "\n"]).collect()
    }
}

macro_rules! rule {
    ($family:ident / $module:ident, $code:literal, $severity:ident) => {
        Rule {
            code: $code,
            family: stringify!($family),
            severity: Severity::$severity,
            run: $family::$module::check,
            source: include_str!(concat!(stringify!($family), "/", stringify!($module), ".rs")),
        }
    };
}

/// All rules, by family.
pub(crate) const RULES: &[Rule] = &[
    rule!(unattended / not_an_installation, "not-an-installation", Warning),
    rule!(unattended / no_disk_layout, "no-disk-layout", Error),
    rule!(unattended / no_packages_section, "no-packages-section", Error),
    rule!(unattended / no_install_source, "no-install-source", Warning),
    rule!(unattended / two_install_sources, "two-install-sources", Warning),
    rule!(unattended / no_root_access, "no-root-access", Error),
    rule!(unattended / locked_out, "locked-out", Warning),
    rule!(unattended / no_language, "no-language", Warning),
    rule!(unattended / no_keyboard, "no-keyboard", Info),
    rule!(unattended / no_timezone, "no-timezone", Warning),
    rule!(unattended / no_final_reboot, "no-final-reboot", Warning),
    rule!(unattended / halt_waits, "halt-waits", Warning),
    rule!(unattended / interactive_display, "interactive-display", Warning),
    rule!(unattended / onerror_in_asking_mode, "onerror-in-asking-mode", Warning),
    rule!(unattended / interactive_setup, "interactive-setup", Warning),
    rule!(unattended / eula_not_agreed, "eula-not-agreed", Info),
    rule!(unattended / include_not_written, "include-not-written", Warning),
    rule!(unattended / unknown_service, "unknown-service", Info),
    rule!(unattended / no_bootloader, "no-bootloader", Info),
    rule!(unattended / bootloader_on_partition, "bootloader-on-partition", Error),
    rule!(storage / no_root_filesystem, "no-root-filesystem", Error),
    rule!(storage / undefined_physical_volume, "undefined-physical-volume", Error),
    rule!(storage / undefined_volume_group, "undefined-volume-group", Error),
    rule!(storage / undefined_btrfs_member, "undefined-btrfs-member", Error),
    rule!(storage / undefined_raid_member, "undefined-raid-member", Error),
    rule!(storage / too_few_raid_members, "too-few-raid-members", Error),
    rule!(storage / member_used_twice, "member-used-twice", Error),
    rule!(storage / unused_member, "unused-member", Warning),
    rule!(storage / duplicate_mount_point, "duplicate-mount-point", Error),
    rule!(storage / unknown_filesystem, "unknown-filesystem", Error),
    rule!(storage / boot_on_lvm, "boot-on-lvm", Error),
    rule!(storage / no_efi_partition, "no-efi-partition", Error),
    rule!(storage / no_biosboot_partition, "no-biosboot-partition", Error),
    rule!(storage / efi_partition_not_fat, "efi-partition-not-fat", Error),
    rule!(storage / layout_exceeds_disk, "layout-exceeds-disk", Error),
    rule!(storage / volumes_exceed_group, "volumes-exceed-group", Error),
    rule!(storage / unknown_disk, "unknown-disk", Error),
    rule!(storage / ignored_disk_used, "ignored-disk-used", Error),
    rule!(storage / blank_disk_not_initialised, "blank-disk-not-initialised", Warning),
    rule!(storage / clearpart_takes_kept_disk, "clearpart-takes-kept-disk", Warning),
    rule!(storage / unknown_disklabel, "unknown-disklabel", Error),
    rule!(storage / encrypted_without_passphrase, "encrypted-without-passphrase", Error),
    rule!(storage / undefined_thin_pool, "undefined-thin-pool", Error),
    rule!(storage / partition_without_size, "partition-without-size", Warning),
    rule!(storage / unlimited_growth_shared, "unlimited-growth-shared", Info),
    rule!(storage / small_boot, "small-boot", Warning),
    rule!(storage / raid_member_ignored, "raid-member-ignored", Warning),
    rule!(storage / directory_not_on_root, "directory-not-on-root", Error),
    rule!(storage / foreign_filesystem, "foreign-filesystem", Error),
    rule!(storage / invalid_extent_size, "invalid-extent-size", Error),
    rule!(storage / member_of_wrong_kind, "member-of-wrong-kind", Error),
    rule!(storage / malformed_mount_point, "malformed-mount-point", Error),
    rule!(storage / volume_without_size, "volume-without-size", Error),
    rule!(storage / noformat_without_partition, "noformat-without-partition", Error),
    rule!(storage / boot_encrypted, "boot-encrypted", Error),
    rule!(storage / iscsi_interface_mixed, "iscsi-interface-mixed", Error),
    rule!(network / static_network_incomplete, "static-network-incomplete", Error),
    rule!(network / invalid_ip_address, "invalid-ip-address", Error),
    rule!(network / invalid_netmask, "invalid-netmask", Error),
    rule!(network / gateway_outside_network, "gateway-outside-network", Error),
    rule!(network / unusable_address, "unusable-address", Error),
    rule!(network / address_with_dhcp, "address-with-dhcp", Warning),
    rule!(network / two_default_routes, "two-default-routes", Warning),
    rule!(network / invalid_hostname, "invalid-hostname", Error),
    rule!(network / invalid_vlan_id, "invalid-vlan-id", Error),
    rule!(network / options_without_slaves, "options-without-slaves", Error),
    rule!(network / no_ip_at_all, "no-ip-at-all", Warning),
    rule!(network / ipv6_contradiction, "ipv6-contradiction", Warning),
    rule!(network / invalid_mtu, "invalid-mtu", Warning),
    rule!(network / unknown_url_scheme, "unknown-url-scheme", Error),
    rule!(network / first_network_inactive, "first-network-inactive", Warning),
    rule!(network / unlikely_device_name, "unlikely-device-name", Warning),
    rule!(network / device_on_unknown_device, "device-on-unknown-device", Warning),
    rule!(packages / package_included_and_excluded, "package-included-and-excluded", Warning),
    rule!(packages / package_listed_twice, "package-listed-twice", Info),
    rule!(packages / two_environments, "two-environments", Warning),
    rule!(packages / kernel_excluded, "kernel-excluded", Warning),
    rule!(packages / missing_packages_ignored, "missing-packages-ignored", Info),
    rule!(packages / package_line_with_several_names, "package-line-with-several-names", Warning),
    rule!(packages / unavailable_package, "unavailable-package", Error),
    rule!(scripts / script_failure_ignored, "script-failure-ignored", Info),
    rule!(scripts / errors_not_fatal, "errors-not-fatal", Warning),
    rule!(scripts / carriage_returns_in_script, "carriage-returns-in-script", Error),
    rule!(scripts / sysimage_in_chroot, "sysimage-in-chroot", Warning),
    rule!(scripts / nochroot_never_reaches_system, "nochroot-never-reaches-system", Warning),
    rule!(scripts / interpreter_missing, "interpreter-missing", Warning),
    rule!(scripts / secret_in_script, "secret-in-script", Warning),
    rule!(scripts / empty_script, "empty-script", Info),
    rule!(scripts / shebang_ignored, "shebang-ignored", Info),
    rule!(scripts / network_in_pre, "network-in-pre", Warning),
    rule!(security / plaintext_password, "plaintext-password", Warning),
    rule!(security / empty_password, "empty-password", Error),
    rule!(security / weak_password, "weak-password", Warning),
    rule!(security / hash_not_a_hash, "hash-not-a-hash", Warning),
    rule!(security / weak_hash, "weak-hash", Warning),
    rule!(security / selinux_disabled, "selinux-disabled", Warning),
    rule!(security / firewall_disabled, "firewall-disabled", Warning),
    rule!(security / tls_not_verified, "tls-not-verified", Warning),
    rule!(security / unsigned_packages, "unsigned-packages", Warning),
    rule!(security / unencrypted_source, "unencrypted-source", Info),
    rule!(security / root_ssh_by_password, "root-ssh-by-password", Warning),
    rule!(security / sshkey_for_unknown_user, "sshkey-for-unknown-user", Warning),
    rule!(security / malformed_ssh_key, "malformed-ssh-key", Warning),
    rule!(security / invalid_user_name, "invalid-user-name", Warning),
    rule!(security / undefined_group, "undefined-group", Info),
    rule!(security / bootloader_password_plain, "bootloader-password-plain", Warning),
    rule!(security / passphrase_in_plain_text, "passphrase-in-plain-text", Info),
    rule!(security / bootloader_hash_unusable, "bootloader-hash-unusable", Error),
    rule!(security / id_taken_twice, "id-taken-twice", Warning),
    rule!(release / anaconda_section_removed, "anaconda-section-removed", Error),
    rule!(release / version_comment_differs, "version-comment-differs", Warning),
    rule!(release / teaming_removed, "teaming-removed", Warning),
    rule!(release / unknown_timezone, "unknown-timezone", Warning),
    rule!(release / malformed_language, "malformed-language", Warning),
    rule!(release / unknown_keymap, "unknown-keymap", Warning),
];
