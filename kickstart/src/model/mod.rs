//! What a kickstart means, as plain structs to read, to change and to write again.
//!
//! [`Kickstart::read`] understands the lines that a release takes, [`Kickstart::write`] puts them down in the order that
//! [`crate::format()`] uses. A command or option without a struct or field of its own is kept in `others` or `rest`, so that nothing
//! is lost. Comments have no meaning and are: [`crate::parse()`] keeps those.
//!
//! ```
//! use kickstart::Release;
//! use kickstart::model::{Kickstart, Partition};
//!
//! let mut web1 = Kickstart::read("text\npart / --size=8192 --grow\nnetwork --device=eth0 --ip=192.0.2.7\n", Release::Rhel9);
//! assert_eq!(web1.networks[0].ip.as_deref(), Some("192.0.2.7"));
//! assert_eq!(web1.disks.partitions[0].size, Some(8192));
//!
//! let swap = Partition { mount_point: Some("swap".into()), size: Some(1024), ..Partition::default() };
//! web1.disks.partitions.push(swap);
//! let text = web1.write(Release::Rhel9);
//! assert!(text.contains("part swap --size=1024\n"));
//! assert_eq!(Kickstart::read(&text, Release::Rhel9), web1);
//! ```
//!
//! Where to start reading: [`Kickstart`]; `noun` makes the structs, the other files are one subject each.

mod content;
mod network;
mod noun;
mod storage;
mod system;
mod user;

use std::fmt::Write as _;

pub use content::{Entry, OtherSection, Packages, Script};
pub use network::Network;
pub use noun::Setting;
pub use storage::{
    AutoPart, BootLoader, Btrfs, ClearPart, IgnoreDisk, LogicalVolume, Mount, Partition, Raid, ReqPart, VolumeGroup,
};
pub use system::{Keyboard, Lang, Repo, TimeSource, TimeZone, Url};
pub use user::{Group, RootPassword, SshKey, User};

use crate::document::{ItemKind, SectionKind};
use crate::format::is_break;
use crate::order::{self, Place};
use crate::reading;
use crate::release::Release;
use noun::{Line, Writer};

/// All that a kickstart says. The order of lines about one thing is kept; across things it has no meaning.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kickstart {
    /// Installation trees; the last one counts. Other sources (`cdrom`, `nfs`) are among `others`.
    pub urls: Vec<Url>,
    /// Further repositories.
    pub repos: Vec<Repo>,
    /// The language.
    pub lang: Vec<Lang>,
    /// The keyboard.
    pub keyboard: Vec<Keyboard>,
    /// The time zone.
    pub timezone: Vec<TimeZone>,
    /// Time servers.
    pub time_sources: Vec<TimeSource>,
    /// Interfaces, and the host's name.
    pub networks: Vec<Network>,
    /// Who may log in.
    pub accounts: Accounts,
    /// Disks and what is on them.
    pub disks: Disks,
    /// What is installed.
    pub packages: Vec<Packages>,
    /// What is run.
    pub scripts: Vec<Script>,
    /// Sections of other kinds.
    pub sections: Vec<OtherSection>,
    /// Every other command.
    pub others: Vec<Other>,
    /// What `%include` and `%ksappend` lines name.
    pub includes: Vec<String>,
    /// Lines that the release does not understand, as they are.
    pub unread: Vec<String>,
}

/// Who may log in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Accounts {
    /// Root's password; the last one counts.
    pub root: Vec<RootPassword>,
    /// Groups.
    pub groups: Vec<Group>,
    /// Users.
    pub users: Vec<User>,
    /// Keys of users.
    pub ssh_keys: Vec<SshKey>,
}

/// Disks and what is on them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Disks {
    /// Which are left alone.
    pub ignored: Vec<IgnoreDisk>,
    /// Disks without a label get one.
    pub zero_mbr: bool,
    /// What goes.
    pub clear: Vec<ClearPart>,
    /// How the machine starts.
    pub boot_loader: Vec<BootLoader>,
    /// The installer lays out the disks.
    pub automatic: Vec<AutoPart>,
    /// What the platform needs.
    pub required: Vec<ReqPart>,
    /// Partitions.
    pub partitions: Vec<Partition>,
    /// Software RAID.
    pub raids: Vec<Raid>,
    /// Volume groups of LVM.
    pub groups: Vec<VolumeGroup>,
    /// Logical volumes of LVM.
    pub volumes: Vec<LogicalVolume>,
    /// Volumes of btrfs.
    pub btrfs: Vec<Btrfs>,
    /// What exists and is mounted.
    pub mounts: Vec<Mount>,
}

/// A command without a struct of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Other {
    /// Its name.
    pub name: String,
    /// Words that are no options; all of its words, where it has no options that are known.
    pub words: Vec<String>,
    /// Its options.
    pub rest: Vec<Setting>,
}

impl Other {
    /// The command as a line of a kickstart, without a line break.
    pub fn line(&self, release: Release) -> String {
        let is_free = crate::grammar::command(&self.name).is_some_and(|(_, row)| row.free.has(release));
        if is_free {
            let words: Vec<_> = self.words.iter().map(|word| crate::format::quote(word)).collect();
            return format!("{} {}", self.name, words.join(" ")).trim_end().to_owned();
        }
        let mut out = Writer::new(&self.name, release);
        out.words(&self.words);
        out.rest(&self.rest);
        out.line()
    }
}

impl Kickstart {
    /// Reads what a release understands; what it does not is in `unread`.
    pub fn read(text: &str, release: Release) -> Self {
        let (document, _) = crate::parser::parse(text);
        let reading = reading::read(&document, release);
        let mut kickstart = Self::default();
        for item in &document.items {
            let line = item.span.of(text).trim_matches(crate::python::is_space);
            match &item.kind {
                ItemKind::Include(words) => {
                    let words: Vec<&str> = document.words(*words).iter().map(|word| word.value.as_ref()).collect();
                    kickstart.includes.push(words.join(" "));
                }
                ItemKind::Append => kickstart.includes.push(line.to_owned()),
                ItemKind::Broken => kickstart.unread.push(line.to_owned()),
                ItemKind::Command(_) => {
                    let at = reading.commands.binary_search_by_key(&item.line, |command| command.place.line);
                    match at.ok().map(|at| &reading.commands[at]) {
                        // A value with a line break, which a backslash can make, cannot be written in another way.
                        Some(command) if !command.words.iter().any(|word| word.value.contains(is_break)) => {
                            kickstart.add(command, release);
                        }
                        _ => kickstart.unread.push(line.to_owned()),
                    }
                }
                ItemKind::Section(section) if section.kind != SectionKind::Packages && !section.kind.is_script() => {
                    let header = document.words(section.header);
                    kickstart.sections.push(OtherSection::read(header, release, section.body.of(text)));
                }
                _ => {}
            }
        }
        kickstart.packages = reading.packages.iter().map(Packages::read).collect();
        kickstart.scripts = reading.scripts.iter().map(Script::read).collect();
        // Only among lines about one thing the order says something.
        kickstart.others.sort_by_key(|other| order::of_command(&other.name));
        kickstart.scripts.sort_by_key(|script| order::of_section(script.kind));
        kickstart.sections.sort_by_key(|section| order::of_section(section.kind()));
        kickstart
    }

    fn add(&mut self, command: &reading::Command<'_>, release: Release) {
        let line = Line::of(command);
        match command.object {
            "url" => self.urls.push(Url::read(line)),
            "repo" => self.repos.push(Repo::read(line)),
            "lang" => self.lang.push(Lang::read(line)),
            "keyboard" => self.keyboard.push(Keyboard::read(line)),
            "timezone" => self.timezone.push(TimeZone::read(line)),
            "timesource" => self.time_sources.push(TimeSource::read(line)),
            "network" => self.networks.push(Network::read(line)),
            "rootpw" => self.accounts.root.push(RootPassword::read(line)),
            "group" => self.accounts.groups.push(Group::read(line)),
            "user" => self.accounts.users.push(User::read(line)),
            "sshkey" => self.accounts.ssh_keys.push(SshKey::read(line)),
            "ignoredisk" => self.disks.ignored.push(IgnoreDisk::read(line)),
            "zerombr" => self.disks.zero_mbr = true,
            "clearpart" => self.disks.clear.push(ClearPart::read(line)),
            "bootloader" => self.disks.boot_loader.push(BootLoader::read(line)),
            "autopart" => self.disks.automatic.push(AutoPart::read(line)),
            "reqpart" => self.disks.required.push(ReqPart::read(line)),
            "part" => self.disks.partitions.push(Partition::read(line)),
            "raid" => self.disks.raids.push(Raid::read(line)),
            "volgroup" => self.disks.groups.push(VolumeGroup::read(line)),
            "logvol" => self.disks.volumes.push(LogicalVolume::read(line)),
            "btrfs" => self.disks.btrfs.push(Btrfs::read(line)),
            "mount" => self.disks.mounts.push(Mount::read(line)),
            _ => self.others.push(other(command, line, release)),
        }
    }

    /// The kickstart as text, in the order of [`crate::format()`].
    ///
    /// What `release` does not have is written as it is; [`crate::check()`] says so. A file that is included comes first: what it
    /// says is what later lines build on.
    pub fn write(&self, release: Release) -> String {
        let mut lines: Vec<(Place, String)> = Vec::new();
        let mut put = |name: &str, line: String| lines.push((order::of_command(name), line));
        macro_rules! put {
            ($($name:literal $list:expr;)*) => { $(for noun in &$list { put($name, noun.line(release)); })* };
        }
        put! {
            "url" self.urls; "repo" self.repos; "lang" self.lang; "keyboard" self.keyboard; "timezone" self.timezone;
            "timesource" self.time_sources; "network" self.networks; "rootpw" self.accounts.root; "group" self.accounts.groups;
            "user" self.accounts.users; "sshkey" self.accounts.ssh_keys; "ignoredisk" self.disks.ignored;
            "clearpart" self.disks.clear; "bootloader" self.disks.boot_loader; "autopart" self.disks.automatic;
            "reqpart" self.disks.required; "part" self.disks.partitions; "raid" self.disks.raids;
            "volgroup" self.disks.groups; "logvol" self.disks.volumes; "btrfs" self.disks.btrfs; "mount" self.disks.mounts;
        }
        if self.disks.zero_mbr {
            put("zerombr", "zerombr".to_owned());
        }
        for other in &self.others {
            put(&other.name, other.line(release));
        }
        lines.sort_by_key(|(place, _)| *place);
        let mut out = String::new();
        for include in &self.includes {
            // Writing to a String cannot fail.
            let _ = writeln!(out, "{include}");
        }
        let mut last = None;
        for (place, line) in lines {
            if !out.is_empty() && last != Some(place.group) {
                out.push('\n');
            }
            last = Some(place.group);
            let _ = writeln!(out, "{line}");
        }
        for line in &self.unread {
            let _ = writeln!(out, "{line}");
        }
        for section in self.sections_in_order(release) {
            if !out.is_empty() {
                out.push('\n');
            }
            out.push_str(&section);
        }
        out
    }

    fn sections_in_order(&self, release: Release) -> Vec<String> {
        let mut sections: Vec<(Place, String)> = Vec::new();
        sections
            .extend(self.packages.iter().map(|packages| (order::of_section(SectionKind::Packages), packages.section(release))));
        sections.extend(self.scripts.iter().map(|script| (order::of_section(script.kind), script.section(release))));
        sections.extend(self.sections.iter().map(|section| (order::of_section(section.kind()), section.section(release))));
        sections.sort_by_key(|(place, _)| *place);
        sections.into_iter().map(|(_, text)| text).collect()
    }
}

fn other(command: &reading::Command<'_>, mut line: Line<'_>, release: Release) -> Other {
    let is_free = crate::grammar::command(command.name).is_some_and(|(_, row)| row.free.has(release));
    let words = if is_free { command.words.iter().map(|word| word.value.clone().into_owned()).collect() } else { line.words() };
    Other { name: command.name.to_owned(), words, rest: line.rest() }
}
