//! TOML values as the types of `spec`: names and text by their own parsers, sizes and spans of time with units.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipnetwork::{Ipv4Network, Ipv6Network};
use toml::Spanned;
use toml::de::DeValue;

use super::excerpt::{is_unsafe, quote};
use super::problems::Problem;
use super::suggest;
use super::table::{Cx, FromToml, out_of_range, wrong_type, wrong_value};
use crate::spec::{
    ApprovalPolicy, CheckName, Contact, DiskName, EntryPolicy, ExtensionValue, Fqdn, HostName, HttpUrl, HypervisorName, IdError,
    InterfaceName, KernelArg, Keyboard, LibvirtUri, Locale, MacAddr, MountPoint, NetworkName, OsName, OsinfoId, PackageSpec,
    PasswordHash, PathText, PoolName, PuppetName, ReleaseName, RepoName, RoleName, ServiceName, SiteName, SizeName, SshKey,
    StageName, TeamName, TemplateName, Timezone, UrlPath, VmName,
};

/// Reads a string and parses it.
fn parsed<T: FromStr<Err = IdError>>(value: &Spanned<DeValue<'_>>, key: &str, cx: &Cx<'_>, secret: bool) -> Option<T> {
    let DeValue::String(text) = value.get_ref() else {
        wrong_type(value, "a string", key, cx);
        return None;
    };
    match text.parse() {
        Ok(good) => Some(good),
        Err(IdError { what, expected }) => {
            let shown = if secret { "what is written".to_owned() } else { quote(text) };
            wrong_value(value, &shown, what, expected, key, cx);
            None
        }
    }
}

macro_rules! from_text {
    ($($name:ty),* $(,)?) => {$(
        impl FromToml for $name {
            fn from_toml(value: &Spanned<DeValue<'_>>, key: &str, cx: &Cx<'_>) -> Option<Self> {
                parsed(value, key, cx, false)
            }
        }
    )*};
}

from_text!(
    CheckName,
    Contact,
    DiskName,
    ExtensionValue,
    Fqdn,
    HostName,
    HttpUrl,
    HypervisorName,
    InterfaceName,
    KernelArg,
    Keyboard,
    LibvirtUri,
    Locale,
    MacAddr,
    MountPoint,
    NetworkName,
    OsName,
    OsinfoId,
    PackageSpec,
    PathText,
    PoolName,
    PuppetName,
    RepoName,
    RoleName,
    ServiceName,
    SiteName,
    SizeName,
    SshKey,
    StageName,
    TeamName,
    TemplateName,
    UrlPath,
    VmName,
);

/// Every zone of the tz database, links included, sorted; release 2025b.
const ZONES: &str = include_str!("timezones.txt");

/// An unknown zone is refused: the installer would quietly take New York's time instead.
impl FromToml for Timezone {
    fn from_toml(value: &Spanned<DeValue<'_>>, key: &str, cx: &Cx<'_>) -> Option<Self> {
        let zone: Self = parsed(value, key, cx, false)?;
        if ZONES.lines().any(|known| known == zone.as_str()) {
            return Some(zone);
        }
        let problem = Problem::new(cx.span(&value.span()), format!("unknown time zone {}", quote(zone.as_str())));
        let help = match suggest::nearest(zone.as_str(), ZONES.lines()) {
            Some(name) => format!("did you mean {}?", quote(name)),
            None => "expected a zone of the tz database, such as `Europe/Berlin` or `UTC`".to_owned(),
        };
        cx.report(problem.help(help));
        None
    }
}

/// A release by any name that people use for it (`alma9`, `RHEL9`), kept as the one that the grammar knows.
impl FromToml for ReleaseName {
    fn from_toml(value: &Spanned<DeValue<'_>>, key: &str, cx: &Cx<'_>) -> Option<Self> {
        let name: Self = parsed(value, key, cx, false)?;
        match name.as_str().parse::<kickstart::Release>() {
            // The shipped templates do not serve RHEL 7 any more.
            Ok(release) if release != kickstart::Release::Rhel7 => release.name().parse().ok(),
            _ => {
                let known: Vec<&str> = kickstart::Release::ALL[1..].iter().map(|release| release.name()).collect();
                wrong_value(value, &quote(name.as_str()), "kickstart release", &format!("one of {}", known.join(", ")), key, cx);
                None
            }
        }
    }
}

impl FromToml for PasswordHash {
    fn from_toml(value: &Spanned<DeValue<'_>>, key: &str, cx: &Cx<'_>) -> Option<Self> {
        parsed(value, key, cx, true)
    }
}

macro_rules! from_std {
    ($($name:ty, $what:literal, $expected:literal;)*) => {$(
        impl FromToml for $name {
            fn from_toml(value: &Spanned<DeValue<'_>>, key: &str, cx: &Cx<'_>) -> Option<Self> {
                use $crate::site::{excerpt::quote, table::{wrong_type, wrong_value}};
                let DeValue::String(text) = value.get_ref() else {
                    wrong_type(value, "a string", key, cx);
                    return None;
                };
                let good = text.parse().ok();
                if good.is_none() {
                    wrong_value(value, &quote(text), $what, $expected, key, cx);
                }
                good
            }
        }
    )*};
}

pub(crate) use from_std;

from_std! {
    IpAddr, "IP address", "an IPv4 or IPv6 address such as `10.44.0.1`";
    Ipv4Addr, "IPv4 address", "an address such as `10.44.0.1`";
    Ipv6Addr, "IPv6 address", "an address such as `fd00:44::1`";
    Ipv4Range, "IPv4 range", "an address and a prefix length such as `10.44.0.0/24`";
    Ipv6Range, "IPv6 range", "an address and a prefix length such as `fd00:44::/64`";
}

/// `10.44.0.0/24`; unlike the type inside, it insists on the `/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ipv4Range(pub(crate) Ipv4Network);

impl FromStr for Ipv4Range {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        if text.contains('/') { text.parse().map(Self).map_err(|_| ()) } else { Err(()) }
    }
}

/// `fd00:44::/64`; unlike the type inside, it insists on the `/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ipv6Range(pub(crate) Ipv6Network);

impl FromStr for Ipv6Range {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        if text.contains('/') { text.parse().map(Self).map_err(|_| ()) } else { Err(()) }
    }
}

impl FromToml for bool {
    fn from_toml(value: &Spanned<DeValue<'_>>, key: &str, cx: &Cx<'_>) -> Option<Self> {
        let DeValue::Boolean(good) = value.get_ref() else {
            wrong_type(value, "`true` or `false`", key, cx);
            return None;
        };
        Some(*good)
    }
}

pub(crate) fn integer(value: &Spanned<DeValue<'_>>, key: &str, cx: &Cx<'_>) -> Option<i64> {
    let DeValue::Integer(number) = value.get_ref() else {
        wrong_type(value, "a whole number", key, cx);
        return None;
    };
    let good = i64::from_str_radix(number.as_str(), number.radix()).ok();
    if good.is_none() {
        out_of_range(value, "a number that fits 64 bits", key, cx);
    }
    good
}

/// Reads a whole number from `min` to `max`.
pub(crate) fn integer_in(min: i64, max: i64, value: &Spanned<DeValue<'_>>, key: &str, cx: &Cx<'_>) -> Option<i64> {
    let number = integer(value, key, cx)?;
    if (min..=max).contains(&number) {
        return Some(number);
    }
    out_of_range(value, &format!("a number from {min} to {max}"), key, cx);
    None
}

/// A whole number from `MIN` to `MAX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Whole<const MIN: i64, const MAX: i64>(pub(crate) i64);

impl<const MIN: i64, const MAX: i64> Whole<MIN, MAX> {
    /// The number as `u32`; the type's users keep `MIN` and `MAX` within it.
    pub(crate) fn as_u32(self) -> u32 {
        u32::try_from(self.0).unwrap_or(u32::MAX)
    }

    /// The number as `u16`; likewise.
    pub(crate) fn as_u16(self) -> u16 {
        u16::try_from(self.0).unwrap_or(u16::MAX)
    }
}

impl<const MIN: i64, const MAX: i64> FromToml for Whole<MIN, MAX> {
    fn from_toml(value: &Spanned<DeValue<'_>>, key: &str, cx: &Cx<'_>) -> Option<Self> {
        integer_in(MIN, MAX, value, key, cx).map(Self)
    }
}

/// TCP port.
pub(crate) type Port = Whole<1, 65_535>;
/// vCPUs of one VM: what libvirt's q35 machine takes.
pub(crate) type Vcpus = Whole<1, 512>;
/// A small count: attempts, parallel installs.
pub(crate) type Count = Whole<1, 100>;

/// Text that never leaves the agent or only travels as data: any printable characters, at most 1,000.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plain(pub(crate) String);

impl FromToml for Plain {
    fn from_toml(value: &Spanned<DeValue<'_>>, key: &str, cx: &Cx<'_>) -> Option<Self> {
        let DeValue::String(text) = value.get_ref() else {
            wrong_type(value, "a string", key, cx);
            return None;
        };
        if text.is_empty() || text.len() > 1000 || text.chars().any(is_unsafe) {
            wrong_value(value, &quote(text), "text", "1 to 1,000 printable characters on one line", key, cx);
            return None;
        }
        Some(Self(text.as_ref().to_owned()))
    }
}

/// A word from a closed set, by its name in TOML.
pub(crate) trait Word: Copy + 'static {
    /// Names and values.
    const WORDS: &'static [(&'static str, Self)];
    /// What the value is.
    const WHAT: &'static str;
}

/// Reads a word.
pub(crate) fn word<T: Word>(value: &Spanned<DeValue<'_>>, key: &str, cx: &Cx<'_>) -> Option<T> {
    let DeValue::String(text) = value.get_ref() else {
        wrong_type(value, "a string", key, cx);
        return None;
    };
    let good = T::WORDS.iter().find(|(name, _)| name == text).map(|(_, word)| *word);
    if good.is_none() {
        let names: Vec<String> = T::WORDS.iter().map(|(name, _)| quote(name)).collect();
        wrong_value(value, &quote(text), T::WHAT, &names.join(" or "), key, cx);
    }
    good
}

macro_rules! words {
    ($name:ty, $what:literal, $($text:literal => $value:expr),* $(,)?) => {
        impl Word for $name {
            const WORDS: &'static [(&'static str, Self)] = &[$(($text, $value)),*];
            const WHAT: &'static str = $what;
        }
        impl FromToml for $name {
            fn from_toml(value: &Spanned<DeValue<'_>>, key: &str, cx: &Cx<'_>) -> Option<Self> {
                word(value, key, cx)
            }
        }
    };
}
pub(crate) use words;

use crate::spec::{BondMode, DomainType, Filesystem, Firmware, Forward, Layout, PuppetMode};

words!(EntryPolicy, "kind of entry", "signed" => EntryPolicy::Signed, "sign" => EntryPolicy::SignOnce);
words!(ApprovalPolicy, "kind of approval", "named" => ApprovalPolicy::Named, "login" => ApprovalPolicy::Login);
words!(Layout, "layout", "plain" => Layout::Plain, "lvm" => Layout::Lvm);
words!(Filesystem, "file system", "ext4" => Filesystem::Ext4, "xfs" => Filesystem::Xfs);
words!(DomainType, "domain type", "kvm" => DomainType::Kvm, "qemu" => DomainType::Qemu);
words!(Firmware, "firmware", "bios" => Firmware::Bios, "uefi" => Firmware::Uefi);
words!(Forward, "kind of forwarding", "nat" => Forward::Nat, "route" => Forward::Route, "isolated" => Forward::Isolated);
words!(BondMode, "bond mode", "active-backup" => BondMode::ActiveBackup, "lacp" => BondMode::Lacp);
words!(PuppetMode, "Puppet mode", "apply" => PuppetMode::Apply, "server" => PuppetMode::Server);
