//! The one order of a kickstart's lines: groups of commands, then sections.
//!
//! Called by `format` and `model`. Commands of one rank keep the order that they have: the installer goes by it only among lines
//! about the same thing.

use crate::document::SectionKind;
use crate::grammar::{CommandRow, OptionRow};

/// Where a line belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// Lines of one group stand together.
    pub(crate) group: usize,
    rank: usize,
}

/// Commands by group. What stands in one string has one rank: of those commands the later line may take the place of an earlier one.
const GROUPS: &[&[&str]] = &[
    // How the installation runs.
    &[
        "cmdline text graphical vnc rdp",
        "install upgrade rescue",
        "eula",
        "autostep interactive",
        "logging",
        "mediacheck",
        "sshpw",
    ],
    // Where it comes from.
    &["cdrom harddrive hmc nfs url liveimg method ostreesetup ostreecontainer bootc", "repo", "module", "updates", "driverdisk"],
    &["lang", "keyboard", "timezone timesource"],
    &["network"],
    &["rootpw", "group", "user", "sshkey", "auth authconfig authselect", "realm"],
    &["selinux", "firewall", "services", "firstboot", "skipx xconfig", "rhsm", "syspurpose", "unsupported_hardware"],
    &["device deviceprobe", "dmraid", "multipath", "iscsiname", "iscsi", "fcoe", "zfcp", "nvdimm"],
    &[
        "ignoredisk",
        "zerombr",
        "clearpart",
        "bootloader",
        "zipl",
        "autopart",
        "reqpart",
        "part partition",
        "raid",
        "volgroup",
        "logvol",
        "btrfs",
        "mount",
        "snapshot",
    ],
    // A command without a place here.
    &[],
    &["reboot poweroff halt shutdown"],
];

/// The group of commands that have no place.
const UNPLACED: usize = 8;

/// Sections, after all commands.
const SECTIONS: [SectionKind; 10] = [
    SectionKind::Packages,
    SectionKind::Addon,
    SectionKind::Anaconda,
    SectionKind::Certificate,
    SectionKind::Pre,
    SectionKind::PreInstall,
    SectionKind::Post,
    SectionKind::OnError,
    SectionKind::Traceback,
    SectionKind::Unknown,
];

/// The place of a command, by its name.
pub(crate) fn of_command(name: &str) -> Place {
    for (group, ranks) in GROUPS.iter().enumerate() {
        if let Some(rank) = ranks.iter().position(|names| names.split(' ').any(|known| known == name)) {
            return Place { group, rank };
        }
    }
    Place { group: UNPLACED, rank: 0 }
}

/// The place of a section.
pub(crate) fn of_section(kind: SectionKind) -> Place {
    let rank = SECTIONS.iter().position(|known| *known == kind).unwrap_or(SECTIONS.len());
    Place { group: GROUPS.len() + rank, rank: 0 }
}

/// Options that come first in their lines, in this order; the others follow by name.
const FIRST: &[&str] = &[
    "--name",
    "--device",
    "--username",
    "--vgname",
    "--bootproto",
    "--ip",
    "--netmask",
    "--gateway",
    "--ipv6",
    "--ipv6gateway",
    "--nameserver",
    "--hostname",
    "--level",
    "--fstype",
    "--size",
    "--percent",
    "--grow",
    "--maxsize",
    "--ondisk",
    "--onpart",
    "--url",
    "--baseurl",
    "--server",
    "--dir",
    "--interpreter",
];

/// What the options of a command are sorted by: those that are known here, then the others by name. Options that set the same
/// thing have one place, and so keep their order.
pub(crate) fn of_option(row: &CommandRow, option: &OptionRow) -> (usize, &'static str) {
    let same = row.options.iter().filter(|other| other.dest == option.dest);
    let place = |name: &'static str| (FIRST.iter().position(|known| *known == name).unwrap_or(FIRST.len()), name);
    same.map(|other| place(other.names[0])).min().unwrap_or((FIRST.len(), ""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar;

    #[test]
    fn every_command_has_a_place() {
        assert!(GROUPS[UNPLACED].is_empty());
        for row in grammar::commands() {
            assert_ne!(of_command(row.name).group, UNPLACED, "{}", row.name);
            let place = of_command(row.object);
            assert!(of_command(row.name) == place, "{} and {} are one thing", row.name, row.object);
        }
    }
}
