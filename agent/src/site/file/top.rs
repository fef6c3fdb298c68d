//! `site.toml`.

use std::net::IpAddr;

use crate::site::problems::{At, Key, Place};
use crate::site::table::Table;
use crate::site::units::Span;
use crate::site::value::{Count, Plain};
use crate::spec::{
    EntryPolicy, Fqdn, HostName, HttpUrl, HypervisorName, Keyboard, Locale, OsName, PackageSpec, PasswordHash, PathText,
    PuppetMode, RepoName, SiteName, SizeName, SshKey, StageName, TeamName, TemplateName, Timezone,
};

use super::{DeadlinesFile, PuppetServerFile};

/// `site.toml`.
#[derive(Debug)]
pub(crate) struct TopFile {
    pub(crate) name: Key<SiteName>,
    pub(crate) domain: Key<Fqdn>,
    pub(crate) dns: Vec<At<IpAddr>>,
    pub(crate) ntp: Vec<At<HostName>>,
    pub(crate) timezone: Key<Timezone>,
    pub(crate) locale: Key<Locale>,
    pub(crate) keyboard: Key<Keyboard>,
    pub(crate) root_password: Key<PasswordHash>,
    pub(crate) root_keys: Vec<At<SshKey>>,
    pub(crate) puppet: Option<TopPuppet>,
    pub(crate) repository: Option<RepositoryFile>,
    pub(crate) defaults: DefaultsFile,
}

/// `[repository]`: the site's own stage repositories.
#[derive(Debug)]
pub(crate) struct RepositoryFile {
    pub(crate) place: Place,
    pub(crate) name: Key<RepoName>,
    pub(crate) stages: Vec<At<StageName>>,
    pub(crate) keyring: Vec<At<PathText>>,
    pub(crate) entry: Key<EntryPolicy>,
    pub(crate) signing_key: Key<Plain>,
    pub(crate) keep_versions: Key<Count>,
    pub(crate) keep_metadata: Key<Span>,
    pub(crate) keep_removed: Key<Span>,
    pub(crate) url: Key<HttpUrl>,
}

/// `[puppet]`.
#[derive(Debug)]
pub(crate) struct TopPuppet {
    pub(crate) mode: Key<PuppetMode>,
    pub(crate) directory: Key<PathText>,
    pub(crate) program: Key<PathText>,
    pub(crate) package: Key<PackageSpec>,
    pub(crate) server: Option<PuppetServerFile>,
}

/// `[defaults]`: what a VM gets that neither it nor its role names.
#[derive(Debug)]
pub(crate) struct DefaultsFile {
    pub(crate) os: Key<OsName>,
    pub(crate) stage: Key<StageName>,
    pub(crate) size: Key<SizeName>,
    pub(crate) team: Key<TeamName>,
    pub(crate) hypervisor: Key<HypervisorName>,
    pub(crate) template: Key<TemplateName>,
    pub(crate) attempts: Key<Count>,
    pub(crate) autostart: Key<bool>,
    pub(crate) deadlines: Option<DeadlinesFile>,
}

impl DefaultsFile {
    /// No defaults.
    pub(crate) fn none() -> Self {
        Self {
            os: Key::Absent,
            stage: Key::Absent,
            size: Key::Absent,
            team: Key::Absent,
            hypervisor: Key::Absent,
            template: Key::Absent,
            attempts: Key::Absent,
            autostart: Key::Absent,
            deadlines: None,
        }
    }

    fn of(table: &mut Table<'_>) -> Self {
        let Some(mut t) = table.table("defaults") else { return Self::none() };
        let defaults = Self {
            os: t.get("os"),
            stage: t.get("stage"),
            size: t.get("size"),
            team: t.get("team"),
            hypervisor: t.get("hypervisor"),
            template: t.get("template"),
            attempts: t.get("attempts"),
            autostart: t.get("autostart"),
            deadlines: DeadlinesFile::of(&mut t),
        };
        t.finish();
        defaults
    }
}

impl TopFile {
    /// Reads the top-level table of `site.toml`.
    pub(crate) fn read(mut t: Table<'_>) -> Self {
        let (root_password, root_keys) = match t.table("root") {
            None => (Key::Absent, Vec::new()),
            Some(mut root) => {
                let access = (root.get("password_hash"), root.list("ssh_keys"));
                root.finish();
                access
            }
        };
        let puppet = t.table("puppet").map(|mut p| {
            let puppet = TopPuppet {
                mode: p.get("mode"),
                directory: p.get("directory"),
                program: p.get("program"),
                package: p.get("package"),
                server: PuppetServerFile::of(&mut p),
            };
            p.finish();
            puppet
        });
        let repository = t.table("repository").map(|mut r| {
            let repository = RepositoryFile {
                place: r.place(),
                name: r.get("name"),
                stages: r.list("stages"),
                keyring: r.list("keyring"),
                entry: r.get("entry"),
                signing_key: r.get("signing_key"),
                keep_versions: r.get("keep_versions"),
                keep_metadata: r.get("keep_metadata"),
                keep_removed: r.get("keep_removed"),
                url: r.get("url"),
            };
            r.finish();
            repository
        });
        let top = Self {
            name: t.need("name"),
            domain: t.need("domain"),
            dns: t.list("dns"),
            ntp: t.list("ntp"),
            timezone: t.get("timezone"),
            locale: t.get("locale"),
            keyboard: t.get("keyboard"),
            root_password,
            root_keys,
            puppet,
            repository,
            defaults: DefaultsFile::of(&mut t),
        };
        t.finish();
        top
    }
}
