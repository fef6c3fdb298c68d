//! Whatever makes the installer stop and ask, or wait for ever.

pub(super) mod bootloader_on_partition;
pub(super) mod eula_not_agreed;
pub(super) mod halt_waits;
pub(super) mod include_not_written;
pub(super) mod interactive_display;
pub(super) mod interactive_setup;
pub(super) mod locked_out;
pub(super) mod no_bootloader;
pub(super) mod no_disk_layout;
pub(super) mod no_final_reboot;
pub(super) mod no_install_source;
pub(super) mod no_keyboard;
pub(super) mod no_language;
pub(super) mod no_packages_section;
pub(super) mod no_root_access;
pub(super) mod no_timezone;
pub(super) mod not_an_installation;
pub(super) mod onerror_in_asking_mode;
pub(super) mod two_install_sources;
pub(super) mod unknown_service;
