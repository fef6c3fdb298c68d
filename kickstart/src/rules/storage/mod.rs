//! Disk layouts that cannot be made, or are not what was meant.

pub(super) mod blank_disk_not_initialised;
pub(super) mod boot_on_lvm;
pub(super) mod clearpart_takes_kept_disk;
pub(super) mod duplicate_mount_point;
pub(super) mod efi_partition_not_fat;
pub(super) mod encrypted_without_passphrase;
pub(super) mod ignored_disk_used;
pub(super) mod layout_exceeds_disk;
pub(super) mod member_used_twice;
pub(super) mod no_biosboot_partition;
pub(super) mod no_efi_partition;
pub(super) mod no_root_filesystem;
pub(super) mod partition_without_size;
pub(super) mod raid_member_ignored;
pub(super) mod small_boot;
pub(super) mod too_few_raid_members;
pub(super) mod undefined_physical_volume;
pub(super) mod undefined_raid_member;
pub(super) mod undefined_thin_pool;
pub(super) mod undefined_volume_group;
pub(super) mod unknown_disk;
pub(super) mod unknown_disklabel;
pub(super) mod unknown_filesystem;
pub(super) mod unlimited_growth_shared;
pub(super) mod unused_member;
pub(super) mod volumes_exceed_group;
