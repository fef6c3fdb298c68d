//! What the person says about the machine: its disks and its firmware.

use std::str::FromStr;

use clap::ValueEnum;

/// `--disk`: a size, or a name and a size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Disk {
    /// The device's name, such as `vda`, if known.
    pub(super) name: Option<String>,
    /// Its size in MiB.
    pub(super) mib: u64,
}

/// `--firmware`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Firmware {
    /// Needs an EFI system partition
    Uefi,
    /// Needs none
    Bios,
}

impl From<Firmware> for kickstart::Firmware {
    fn from(firmware: Firmware) -> Self {
        match firmware {
            Firmware::Uefi => Self::Uefi,
            Firmware::Bios => Self::Bios,
        }
    }
}

/// A text that is no size of a disk.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("write a size such as `20GiB`, `500G` or `20480MiB`, or a disk with its size such as `vda=20GiB`")]
pub(super) struct NoDisk;

impl FromStr for Disk {
    type Err = NoDisk;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, size) = match text.split_once('=') {
            Some((name, size)) => (Some(name.trim_start_matches("/dev/")), size),
            None => (None, text),
        };
        if name.is_some_and(|name| name.is_empty() || name.contains(char::is_whitespace)) {
            return Err(NoDisk);
        }
        Ok(Self { name: name.map(str::to_owned), mib: mib(size).ok_or(NoDisk)? })
    }
}

/// A size in MiB. `G` is `GiB`, as the tools that make disks of VMs have it; `GB` is a thousand millions; a bare number is MiB,
/// as in a kickstart.
fn mib(text: &str) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number: u64 = number.parse().ok()?;
    let unit = unit.trim().to_ascii_lowercase();
    let bytes: u64 = match unit.as_str() {
        "" | "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "t" | "tib" => 1 << 40,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        _ => return None,
    };
    Some(number.checked_mul(bytes)? >> 20).filter(|mib| *mib > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_disk(text: &str, expected: Option<(Option<&str>, u64)>) {
        let disk = text.parse::<Disk>().ok();
        assert_eq!(disk.as_ref().map(|disk| (disk.name.as_deref(), disk.mib)), expected, "{text}");
    }

    #[test]
    fn sizes_are_read_as_people_write_them() {
        check_disk("20G", Some((None, 20 * 1024)));
        check_disk("20 GiB", Some((None, 20 * 1024)));
        check_disk("20480", Some((None, 20 * 1024)));
        check_disk("vda=1TiB", Some((Some("vda"), 1024 * 1024)));
        check_disk("/dev/sdb=500gb", Some((Some("sdb"), 476_837)));
        for text in ["", "G", "0", "20X", "=20G", "a b=1G", "-1G", "1.5G", "99999999999T"] {
            check_disk(text, None);
        }
    }
}
