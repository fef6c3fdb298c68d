//! Tables that several kinds of file have.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use toml::Spanned;
use toml::de::DeValue;

use crate::site::excerpt::quote;
use crate::site::problems::{At, Key, Place, Problem};
use crate::site::table::{Cx, FromToml, Table, read, wrong_type, wrong_value};
use crate::site::units::{Gib, Mib, Span};
use crate::site::value::{Plain, Port, Whole};
use crate::spec::{
    CheckName, DiskName, Filesystem, HieraKey, HttpUrl, IdError, Layout, MountPoint, PathText, PoolName, PuppetName, PuppetValue,
    RepoName, UrlPath,
};

/// Where a tree or a repository is: a URL, or a directory relative to the site.
#[derive(Debug, Clone)]
pub(crate) enum LocationFile {
    Url(HttpUrl),
    Directory(PathText),
}

impl LocationFile {
    /// Reads `url` and `directory`, of which exactly one has to be there.
    fn of(table: &mut Table<'_>) -> Key<Self> {
        let url = table.get::<HttpUrl>("url");
        let directory = table.get::<PathText>("directory");
        match (url, directory) {
            (Key::Given(at), Key::Absent) => Key::Given(At { value: Self::Url(at.value), span: at.span }),
            (Key::Absent, Key::Given(at)) => Key::Given(At { value: Self::Directory(at.value), span: at.span }),
            (Key::Absent, Key::Absent) => {
                table.report_missing("url", Some("write `url = \"https://…\"` or `directory = \"…\"`".to_owned()));
                Key::Bad
            }
            (Key::Given(_), Key::Given(at)) => {
                let problem = Problem::new(at.span, "`url` and `directory` exclude each other");
                table.cx().report(problem.help("leave one of them out"));
                Key::Bad
            }
            _ => Key::Bad,
        }
    }
}

/// A tree: a URL as a string, or a table with `url` or `directory`.
impl FromToml for LocationFile {
    fn from_toml(value: &Spanned<DeValue<'_>>, key: &str, cx: &Cx<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::String(_) => HttpUrl::from_toml(value, key, cx).map(Self::Url),
            DeValue::Table(table) => {
                let mut table = Table::within(table, value, key, cx);
                let location = Self::of(&mut table);
                table.finish();
                match location {
                    Key::Given(at) => Some(at.value),
                    Key::Absent | Key::Bad => None,
                }
            }
            _ => {
                wrong_type(value, "a URL or a table with `directory`", key, cx);
                None
            }
        }
    }
}

/// A `[[repos]]` table.
#[derive(Debug)]
pub(crate) struct RepoFile {
    pub(crate) name: Key<RepoName>,
    pub(crate) location: Key<LocationFile>,
    pub(crate) cost: Key<Whole<1, 100_000>>,
}

impl RepoFile {
    /// All of `table`'s `[[repos]]`.
    pub(crate) fn all(table: &mut Table<'_>) -> Vec<Self> {
        let repos = table.tables("repos");
        repos
            .into_iter()
            .map(|mut t| {
                let repo = Self { name: t.need("name"), location: LocationFile::of(&mut t), cost: t.get("cost") };
                t.finish();
                repo
            })
            .collect()
    }
}

/// A `[[disks]]` table, or `[root_disk]`, which has no name, `keep` or `mount`.
#[derive(Debug)]
pub(crate) struct DiskFile {
    pub(crate) place: Place,
    pub(crate) name: Key<DiskName>,
    pub(crate) size: Key<Gib>,
    pub(crate) pool: Key<PoolName>,
    pub(crate) keep: Key<bool>,
    pub(crate) mount: Key<MountPoint>,
    pub(crate) filesystem: Key<Filesystem>,
    pub(crate) layout: Key<Layout>,
    pub(crate) swap: Key<Mib>,
}

impl DiskFile {
    /// `table`'s `[root_disk]`.
    pub(crate) fn root(table: &mut Table<'_>) -> Option<Self> {
        let mut t = table.table("root_disk")?;
        let disk = Self {
            place: t.place(),
            name: Key::Absent,
            size: t.get("size"),
            pool: t.get("pool"),
            keep: Key::Absent,
            mount: Key::Absent,
            filesystem: t.get("filesystem"),
            layout: t.get("layout"),
            swap: t.get("swap"),
        };
        t.finish();
        Some(disk)
    }

    /// All of `table`'s `[[disks]]`.
    pub(crate) fn all(table: &mut Table<'_>) -> Vec<Self> {
        let disks = table.tables("disks");
        disks
            .into_iter()
            .map(|mut t| {
                let disk = Self {
                    place: t.place(),
                    name: t.need("name"),
                    size: t.get("size"),
                    pool: t.get("pool"),
                    keep: t.get("keep"),
                    mount: t.get("mount"),
                    filesystem: t.get("filesystem"),
                    layout: Key::Absent,
                    swap: Key::Absent,
                };
                t.finish();
                disk
            })
            .collect()
    }
}

/// What a check asks, as written.
#[derive(Debug)]
pub(crate) enum CheckKindFile {
    Http { port: Key<Port>, path: Key<UrlPath>, status: Key<Whole<100, 599>>, contains: Key<Plain> },
    Tcp { port: Key<Port> },
    Command { argv: Vec<At<Plain>>, place: Place },
}

/// A `[[checks]]` table.
#[derive(Debug)]
pub(crate) struct CheckFile {
    pub(crate) name: Key<CheckName>,
    pub(crate) kind: Option<CheckKindFile>,
    pub(crate) timeout: Key<Span>,
}

impl CheckFile {
    /// All of `table`'s `[[checks]]`.
    pub(crate) fn all(table: &mut Table<'_>) -> Vec<Self> {
        let checks = table.tables("checks");
        checks
            .into_iter()
            .map(|mut t| {
                let check = Self { name: t.need("name"), kind: Self::kind(&mut t), timeout: t.get("timeout") };
                t.finish();
                check
            })
            .collect()
    }

    fn kind(t: &mut Table<'_>) -> Option<CheckKindFile> {
        let kinds = ["http", "tcp", "command"].into_iter().filter(|kind| t.has(kind)).count();
        let http = t.table("http").map(|mut http| {
            let kind = CheckKindFile::Http {
                port: http.need("port"),
                path: http.get("path"),
                status: http.get("status"),
                contains: http.get("contains"),
            };
            http.finish();
            kind
        });
        let tcp = t.table("tcp").map(|mut tcp| {
            let kind = CheckKindFile::Tcp { port: tcp.need("port") };
            tcp.finish();
            kind
        });
        let command = t.table("command").map(|mut command| {
            let kind = CheckKindFile::Command { argv: command.list("argv"), place: command.place() };
            command.finish();
            kind
        });
        if kinds != 1 {
            let problem = Problem::new(t.place(), "a check asks exactly one thing");
            let help = "give it one of `http = { port = 8080, path = \"/health\" }`, `tcp = { port = 5432 }`, `command = { argv = [\"/usr/bin/true\"] }`";
            t.cx().report(problem.help(help));
        }
        http.or(tcp).or(command)
    }
}

/// A `[puppet]` table of a role or VM.
#[derive(Debug)]
pub(crate) struct PuppetFile {
    pub(crate) classes: Vec<At<PuppetName>>,
    pub(crate) data: BTreeMap<String, PuppetValue>,
}

impl PuppetFile {
    /// `table`'s `[puppet]`.
    pub(crate) fn of(table: &mut Table<'_>) -> Option<Self> {
        let mut t = table.table("puppet")?;
        let classes = t.list("classes");
        let mut data = BTreeMap::new();
        if let Some(mut keys) = t.table("data") {
            let cx = keys.cx().clone();
            for (name, value) in keys.rest() {
                if let Err(IdError { what, expected }) = name.value.parse::<HieraKey>() {
                    let message = format!("{} is not a valid {what}", quote(name.value));
                    cx.report(Problem::new(name.span, message).help(format!("expected {expected}")));
                    continue;
                }
                if let Key::Given(at) = read(value, name.value, &cx) {
                    data.insert(name.value.to_owned(), at.value);
                }
            }
        }
        t.finish();
        Some(Self { classes, data })
    }
}

/// A `[deadlines]` table.
#[derive(Debug)]
pub(crate) struct DeadlinesFile {
    pub(crate) kickstart: Key<Span>,
    pub(crate) install: Key<Span>,
    pub(crate) first_boot: Key<Span>,
    pub(crate) handoff: Key<Span>,
    pub(crate) checks: Key<Span>,
}

impl DeadlinesFile {
    /// `table`'s `[deadlines]`.
    pub(crate) fn of(table: &mut Table<'_>) -> Option<Self> {
        let mut t = table.table("deadlines")?;
        let deadlines = Self {
            kickstart: t.get("kickstart"),
            install: t.get("install"),
            first_boot: t.get("first_boot"),
            handoff: t.get("handoff"),
            checks: t.get("checks"),
        };
        t.finish();
        Some(deadlines)
    }
}

/// `address`: an IPv4 address, or `"dhcp"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Address4Word {
    Dhcp,
    Fixed(Ipv4Addr),
}

/// `address6`: an IPv6 address, `"auto"` or `"dhcp"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Address6Word {
    Auto,
    Dhcp,
    Fixed(Ipv6Addr),
}

impl FromToml for Address4Word {
    fn from_toml(value: &Spanned<DeValue<'_>>, key: &str, cx: &Cx<'_>) -> Option<Self> {
        let DeValue::String(text) = value.get_ref() else {
            wrong_type(value, "a string", key, cx);
            return None;
        };
        let good = if text == "dhcp" { Some(Self::Dhcp) } else { text.parse().ok().map(Self::Fixed) };
        if good.is_none() {
            wrong_value(value, &quote(text), "IPv4 address", "an address such as `10.44.0.10`, or `dhcp`", key, cx);
        }
        good
    }
}

impl FromToml for Address6Word {
    fn from_toml(value: &Spanned<DeValue<'_>>, key: &str, cx: &Cx<'_>) -> Option<Self> {
        let DeValue::String(text) = value.get_ref() else {
            wrong_type(value, "a string", key, cx);
            return None;
        };
        let good = match text.as_ref() {
            "auto" => Some(Self::Auto),
            "dhcp" => Some(Self::Dhcp),
            other => other.parse().ok().map(Self::Fixed),
        };
        if good.is_none() {
            wrong_value(value, &quote(text), "IPv6 address", "an address such as `fd00:44::10`, `auto` or `dhcp`", key, cx);
        }
        good
    }
}
