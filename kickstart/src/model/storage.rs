//! Disks and what is on them. Sizes are in MiB.

use super::noun::noun;

noun! {
    /// `ignoredisk`: which disks the installer leaves alone.
    IgnoreDisk: "ignoredisk" [] {
        /// These are left alone.
        drives: list = "ignoredisk",
        /// All but these are left alone.
        only_use: list = "onlyuse",
    }
}

noun! {
    /// `clearpart`: which partitions go before new ones come.
    ClearPart: "clearpart" [] {
        /// `--all`, `--linux` or `--none`.
        which: which = "type",
        /// Only on these disks.
        drives: list = "drives",
        /// Only these partitions.
        partitions: list = "devices",
        /// New labels for all disks, or for those of `drives`.
        init_label: switch = "initAll",
        /// The kind of label, such as `gpt`.
        disk_label: text = "disklabel",
    }
}

noun! {
    /// `autopart`: the installer lays out the disks.
    AutoPart: "autopart" [] {
        /// `lvm`, `btrfs`, `plain` or `thinp`.
        scheme: text = "type",
        /// The file system of it all.
        fs_type: text = "fstype",
        /// With LUKS.
        encrypted: switch = "encrypted",
        /// The passphrase of LUKS: a secret.
        passphrase: text = "passphrase",
        /// Without `/home`.
        no_home: switch = "nohome",
        /// Without swap.
        no_swap: switch = "noswap",
        /// Without `/boot`.
        no_boot: switch = "noboot",
    }
}

noun! {
    /// `reqpart`: the partitions that the platform needs.
    ReqPart: "reqpart" [] {
        /// `/boot` too.
        add_boot: switch = "addBoot",
    }
}

noun! {
    /// `part`: one partition.
    Partition: "part" [
        /// Where it is mounted; `swap`, or the name that other lines call it by, such as `pv.01`.
        mount_point
    ] {
        /// The least size.
        size: number = "size",
        /// The largest size.
        max_size: number = "maxSizeMB",
        /// Takes what space is left.
        grow: switch = "grow",
        /// The file system.
        fs_type: text = "fstype",
        /// The disk.
        disk: text = "disk",
        /// A partition that exists.
        on_part: text = "onPart",
        /// Options of mount.
        fs_options: text = "fsopts",
        /// The file system's label.
        label: text = "label",
        /// A primary partition.
        as_primary: switch = "primOnly",
        /// Keeps what is on it.
        no_format: switch = "format",
        /// Takes the size that the installer thinks best.
        recommended: switch = "recommended",
        /// With LUKS.
        encrypted: switch = "encrypted",
        /// The passphrase of LUKS: a secret.
        passphrase: text = "passphrase",
    }
}

noun! {
    /// `raid`: one array of the kernel's software RAID.
    Raid: "raid" [
        /// Where it is mounted; `swap`, or a name such as `pv.01`.
        mount_point;
        /// The partitions that it is made of.
        members
    ] {
        /// The array's name.
        device: text = "device",
        /// `RAID0`, `RAID1` and so on, or the number alone.
        level: text = "level",
        /// How many of its members stand by.
        spares: number = "spares",
        /// The file system.
        fs_type: text = "fstype",
        /// Options of mount.
        fs_options: text = "fsopts",
        /// The file system's label.
        label: text = "label",
        /// Keeps what is on it.
        no_format: switch = "format",
        /// One that exists.
        use_existing: switch = "preexist",
        /// With LUKS.
        encrypted: switch = "encrypted",
        /// The passphrase of LUKS: a secret.
        passphrase: text = "passphrase",
    }
}

noun! {
    /// `volgroup`: one volume group of LVM.
    VolumeGroup: "volgroup" [
        /// Its name.
        name;
        /// The physical volumes that it is made of.
        members
    ] {
        /// Size of its extents, in KiB.
        pe_size: number = "pesize",
        /// Keeps what is on it.
        no_format: switch = "format",
        /// One that exists.
        use_existing: switch = "preexist",
    }
}

noun! {
    /// `logvol`: one logical volume of LVM.
    LogicalVolume: "logvol" [
        /// Where it is mounted; `swap`, or `none` for a thin pool.
        mount_point
    ] {
        /// Its volume group.
        group: text = "vgname",
        /// Its name.
        name: text = "name",
        /// The least size.
        size: number = "size",
        /// The largest size.
        max_size: number = "maxSizeMB",
        /// A share of the group.
        percent: number = "percent",
        /// Takes what space is left.
        grow: switch = "grow",
        /// The file system.
        fs_type: text = "fstype",
        /// Options of mount.
        fs_options: text = "fsopts",
        /// The file system's label.
        label: text = "label",
        /// Is a thin pool.
        thin_pool: switch = "thin_pool",
        /// Is in a thin pool.
        thin: switch = "thin_volume",
        /// That thin pool.
        pool: text = "pool_name",
        /// Keeps what is on it.
        no_format: switch = "format",
        /// One that exists.
        use_existing: switch = "preexist",
        /// With LUKS.
        encrypted: switch = "encrypted",
        /// The passphrase of LUKS: a secret.
        passphrase: text = "passphrase",
    }
}

noun! {
    /// `btrfs`: one volume or subvolume.
    Btrfs: "btrfs" [
        /// Where it is mounted, or `none`.
        mount_point;
        /// The partitions that it is made of, or the volume that a subvolume is in.
        members
    ] {
        /// Its label.
        label: text = "label",
        /// Is a subvolume.
        subvolume: switch = "subvol",
        /// The subvolume's name.
        name: text = "name",
    }
}

noun! {
    /// `mount`: something that exists, mounted.
    Mount: "mount" [
        /// The device.
        device,
        /// Where it is mounted.
        mount_point
    ] {
        /// Options of mount.
        options: text = "mount_opts",
    }
}

noun! {
    /// `bootloader`.
    BootLoader: "bootloader" [] {
        /// `mbr`, `partition`, `boot` or `none`.
        location: text = "location",
        /// What the kernel is started with.
        append: text = "appendLine",
        /// The disk that it starts from.
        boot_drive: text = "bootDrive",
        /// Seconds that its menu waits.
        timeout: number = "timeout",
        /// Its password: a secret.
        password: text = "password",
        /// The password is a hash.
        is_crypted: switch = "isCrypted",
    }
}
