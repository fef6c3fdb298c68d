//! Text that a person typed and that ends in a kickstart, a domain definition or a shell script.
//!
//! Every type here accepts a closed set of ASCII characters: no line break, blank (comments of keys and contacts aside), quote,
//! `$`, backtick, backslash, `%`, brace, `;`, `<`, `|` or control character can get through, whatever the template does with it:
//! a team must not be able to add a line to a kickstart. Templates quote on top of that. The tests below hold every type to it.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use super::id::IdError;

macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $what:literal, $expected:literal, $accept:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The accepted text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                let accept: fn(&str) -> bool = $accept;
                if accept(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(IdError { what: $what, expected: $expected })
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", self.0)
            }
        }
    };
}

/// `text` has 1 to `max` characters, all alphanumeric ASCII or one of `extra`, and the first is alphanumeric or one of `first`.
fn word(text: &str, max: usize, first: &str, extra: &str) -> bool {
    let mut chars = text.chars();
    let Some(head) = chars.next() else { return false };
    text.len() <= max
        && (head.is_ascii_alphanumeric() || first.contains(head))
        && chars.all(|c| c.is_ascii_alphanumeric() || extra.contains(c))
}

text!(
    /// An entry of `%packages`: a package, `@group`, `@^environment`, or one of these excluded with a leading `-`.
    PackageSpec,
    "package",
    "a package name, `@group` or `@^environment`, with a leading `-` to exclude it",
    |t| {
        let t = t.strip_prefix('-').unwrap_or(t);
        match t.strip_prefix('@') {
            // A module stream is `@nodejs:18/minimal`.
            Some(group) => word(group.strip_prefix('^').unwrap_or(group), 128, "", "._+-:/"),
            None => word(t, 128, "", "._+-:~"),
        }
    }
);
text!(
    /// An `http://` or `https://` URL without query, fragment or user information.
    HttpUrl,
    "URL",
    "`http://` or `https://`, a host, and a path of letters, digits and `._~/:+-@`",
    |t| {
        t.len() <= 500
            && t.strip_prefix("http://").or_else(|| t.strip_prefix("https://")).is_some_and(|rest| {
                let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                is_host_and_port(host)
                    && path.chars().all(|c| c.is_ascii_alphanumeric() || "._~/:+-@".contains(c))
                    && !path.split('/').any(|segment| segment == "..")
            })
    }
);

fn is_host_and_port(text: &str) -> bool {
    if let Some(six) = text.strip_prefix('[') {
        return six.split_once(']').is_some_and(|(address, port)| {
            address.parse::<Ipv6Addr>().is_ok() && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
        });
    }
    match text.split_once(':') {
        Some((host, port)) => is_host(host) && is_port(port),
        None => is_host(text),
    }
}

fn is_port(text: &str) -> bool {
    text.len() <= 5 && text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u16>().is_ok_and(|n| n > 0)
}

/// A host name or an IPv4 address. A name whose last label is a number would be taken for a (wrong) address.
fn is_host(text: &str) -> bool {
    if text.parse::<Ipv4Addr>().is_ok() {
        return true;
    }
    let numeric = |label: &str| label.bytes().all(|b| b.is_ascii_digit());
    text.len() <= 253
        && text.split('.').all(|label| word(label, 63, "", "-") && !label.ends_with('-'))
        && !text.rsplit('.').next().is_some_and(numeric)
}

text!(
    /// The path of an HTTP check.
    UrlPath,
    "URL path",
    "a path that starts with `/`, of letters, digits and `._~/:+-=&?`",
    |t| t.len() <= 500 && t.starts_with('/') && t.chars().all(|c| c.is_ascii_alphanumeric() || "._~/:+-=&?".contains(c))
);
text!(
    /// Where a file system is mounted in the guest.
    MountPoint,
    "mount point",
    "an absolute path of letters, digits and `._-`, without `..`, such as `/srv/data`",
    |t| {
        t == "/"
            || (t.len() <= 255
                && t.starts_with('/')
                && t[1..].split('/').all(|segment| segment != ".." && segment != "." && word(segment, 255, "_", "._-")))
    }
);
text!(
    /// An option on the installed system's kernel command line.
    KernelArg,
    "kernel argument",
    "one word of letters, digits and `._,:=/+-`, and none of `inst.…`, `ip=`, `BOOTIF=`, `root=`, `init=` and `rdinit=`, which the agent and the installer set",
    |t| {
        let ours = ["inst.", "ip=", "BOOTIF=", "root=", "init=", "rdinit=", "ks=", "ksdevice="];
        word(t, 200, "", "._,:=/+-") && !ours.iter().any(|prefix| t.starts_with(prefix))
    }
);
text!(
    /// A network interface or bridge of the hypervisor (`eno1`, `br0`, `bond0.120`); the kernel's limit is 15 characters.
    InterfaceName,
    "interface name",
    "at most 15 letters, digits and `._-`",
    |t| word(t, 15, "", "._-")
);
text!(
    /// A systemd unit.
    ServiceName,
    "service name",
    "letters, digits and `._@:-`",
    |t| word(t, 128, "", "._@:-")
);
text!(
    /// A Puppet class or environment (`profile::web`, `dev`).
    PuppetName,
    "Puppet name",
    "lower-case letters, digits, `_` and `::`, each part starting with a letter, such as `role::shop_web`",
    |t| {
        let part_ok = |part: &str| {
            part.starts_with(|c: char| c.is_ascii_lowercase())
                && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        };
        t.len() <= 200 && t.split("::").all(part_ok)
    }
);
text!(
    /// The value of a certificate extension: everybody who sees the certificate can read it.
    ExtensionValue,
    "value of a certificate extension",
    "1 to 200 letters, digits and `._@+/:=-`",
    |t| word(t, 200, "", "._@+/:=-")
);
text!(
    /// A key of Hiera data (`profile::web::port`).
    HieraKey,
    "Hiera key",
    "letters, digits, `_`, `-` and `::`, such as `profile::web::port`",
    |t| t.len() <= 200 && t.split("::").all(|part| word(part, 200, "_", "_-"))
);
text!(
    /// A zone of the tz database.
    Timezone,
    "time zone",
    "a zone of the tz database, such as `Europe/Berlin` or `UTC`",
    |t| t.len() <= 64 && t.split('/').all(|part| word(part, 40, "", "_+-"))
);
text!(
    /// A locale such as `en_US.UTF-8`.
    Locale,
    "language",
    "a locale such as `en_US.UTF-8`",
    |t| {
        let (rest, modifier) = t.split_once('@').map_or((t, None), |(rest, modifier)| (rest, Some(modifier)));
        let (rest, charset) = rest.split_once('.').map_or((rest, None), |(rest, charset)| (rest, Some(charset)));
        let (language, country) = rest.split_once('_').map_or((rest, None), |(language, country)| (language, Some(country)));
        let lower = |t: &str| (2..=3).contains(&t.len()) && t.bytes().all(|b| b.is_ascii_lowercase());
        let upper = |t: &str| t.len() == 2 && t.bytes().all(|b| b.is_ascii_uppercase());
        (lower(language) || language == "C")
            && country.is_none_or(upper)
            && charset.is_none_or(|charset| word(charset, 20, "", "-"))
            && modifier.is_none_or(|modifier| word(modifier, 20, "", ""))
    }
);
text!(
    /// A console keymap such as `us` or `de-nodeadkeys`.
    Keyboard,
    "keyboard layout",
    "a keymap such as `us` or `de-nodeadkeys`",
    |t| word(t, 40, "", "_-")
);
text!(
    /// The kickstart release of an OS as pykickstart names it: `rhel9`, `f42`.
    ReleaseName,
    "kickstart release",
    "one of rhel8, rhel9, rhel10 or a Fedora release such as f42",
    |t| word(t, 20, "", "-")
);
text!(
    /// A libosinfo identifier such as `http://almalinux.org/almalinux/9`.
    OsinfoId,
    "libosinfo id",
    "a URL such as `http://almalinux.org/almalinux/9` (see `osinfo-query os`)",
    |t| t.starts_with("http://") && word(&t[7..], 200, "", "._/-")
);
/// What OpenSSH of the served releases accepts in `authorized_keys`; DSA is gone.
const SSH_KEY_TYPES: [&str; 7] = [
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "sk-ssh-ed25519@openssh.com",
    "ssh-ed25519",
    "ssh-rsa",
];

text!(
    /// One public key as in `authorized_keys`: type, base64 and an optional plain comment.
    SshKey,
    "ssh public key",
    "type, base64 and an optional comment of letters, digits and `._@-`, on one line",
    |t| {
        let mut words = t.split(' ');
        let kind = words.next().unwrap_or_default();
        let body = words.next().unwrap_or_default();
        let comment = words.next();
        t.len() <= 4096
            && SSH_KEY_TYPES.contains(&kind)
            && word(body.trim_end_matches('='), 4096, "", "+/")
            && body.len() >= 40
            && body.len().is_multiple_of(4)
            && comment.is_none_or(|c| word(c, 200, "", "._@-"))
            && words.next().is_none()
    }
);
text!(
    /// A host by name or address, such as an NTP server.
    HostName,
    "host",
    "a host name or an IP address",
    |t| is_host(t) || t.parse::<Ipv6Addr>().is_ok()
);
text!(
    /// How people reach a team.
    Contact,
    "contact",
    "a mail address, a channel or a name: letters, digits, blanks and `._@#+/:-`, at most 100 characters",
    |t| word(t, 100, "#", " ._@#+/:-") && !t.ends_with(' ')
);
text!(
    /// A path of the hypervisor or the guest, absolute or relative to what the key says.
    PathText,
    "path",
    "a path of letters, digits and `._/+@-`",
    |t| word(t, 500, "/._", "._/+@-")
);
text!(
    /// Where libvirt is: `qemu:///system`, `test:///default`, `qemu+unix:///system?socket=/run/…`.
    LibvirtUri,
    "libvirt URI",
    "a URI such as `qemu:///system`",
    |t| (t.starts_with("qemu") || t.starts_with("test")) && t.contains("://") && word(t, 300, "", "._/+:?=&@-")
);
text!(
    /// A file mode in octal.
    FileMode,
    "file mode",
    "three or four octal digits",
    |t| (t.len() == 3 || t.len() == 4) && t.bytes().all(|b| (b'0'..=b'7').contains(&b))
);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::spec::{CheckName, DiskName, Fqdn, MacAddr, RepoName, SiteName, Token, VmName};

    /// Whether `accepted`, an accepted value, holds something that could end a word, a line or a quotation anywhere it may be
    /// written: kickstart, XML, shell, Tera.
    fn is_dangerous(accepted: &str, blank_allowed: bool) -> bool {
        accepted.is_empty()
            || accepted.chars().any(|c| {
                !c.is_ascii() || c.is_ascii_control() || "'\"`$\\%{}<>|;()*!".contains(c) || (c == ' ' && !blank_allowed)
            })
    }

    /// Values that each type accepts, to start mutations from.
    const SEEDS: &[&str] = &[
        "web1",
        "example.com",
        "52:54:00:12:34:56",
        "-vim",
        "@core",
        "@^minimal-environment",
        "@nodejs:18/minimal",
        "foo-1.0~rc1",
        "https://mirror.example.com:8080/alma9/",
        "http://[fd00::1]/x",
        "/health?full=1&x=2",
        "/srv/data",
        "console=ttyS0,115200",
        "br0.120",
        "httpd.service",
        "role::shop_web",
        "Europe/Berlin",
        "en_US.UTF-8",
        "de-nodeadkeys",
        "rhel9",
        "http://almalinux.org/almalinux/9",
        "qemu+unix:///system?socket=/run/x",
        "0644",
        "ops@example.com, #ops",
        "../mirror/tiny",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ3Yk4n2Qm3o7yq1y0m8R0m6mZ0J6h3yqkq1n8f2b3cD ops@lab",
        "0123456789abcdef0123456789abcdef",
    ];

    fn hostile_text() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            Just("\n"),
            Just("\r"),
            Just("\0"),
            Just("'"),
            Just("\""),
            Just("`"),
            Just("$(x)"),
            Just("\\"),
            Just("%post"),
            Just("{{"),
            Just("}}"),
            Just("\u{202e}"),
            Just("\u{7f}"),
            Just("\u{85}"),
            Just("\u{2028}"),
            Just(" "),
            Just("\t"),
            Just("é"),
            Just(";"),
            Just("<"),
            Just("a"),
            Just("/"),
            Just(".."),
            Just("-"),
            Just("@"),
            Just(":"),
            Just("="),
        ];
        let mutated = (prop::sample::select(SEEDS), prop::collection::vec((any::<prop::sample::Index>(), piece), 0..3)).prop_map(
            |(seed, pieces)| {
                let mut text = seed.to_owned();
                for (index, piece) in pieces {
                    text.insert_str(index.index(text.len() + 1), piece);
                    if !text.is_ascii() {
                        break; // Later offsets could fall inside a character.
                    }
                }
                text
            },
        );
        prop_oneof![4 => mutated, 1 => any::<String>(), 1 => "[ -~]{0,40}"]
    }

    macro_rules! held {
        ($text:expr; $($name:ty),* $(,)?) => {$(
            if $text.parse::<$name>().is_ok() {
                let blank_allowed = [stringify!(SshKey), stringify!(Contact)].contains(&stringify!($name));
                prop_assert!(!is_dangerous($text, blank_allowed), "{} accepts {:?}", stringify!($name), $text);
            }
        )*};
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_accepted_value_can_end_a_line_a_word_or_a_quotation(text in hostile_text()) {
            held!(text.as_str();
                CheckName, Contact, DiskName, ExtensionValue, FileMode, Fqdn, HieraKey, HostName, HttpUrl, InterfaceName, KernelArg, Keyboard,
                LibvirtUri, Locale, MacAddr, MountPoint, OsinfoId, PackageSpec, PathText, PuppetName, ReleaseName, RepoName,
                ServiceName, SiteName, SshKey, Timezone, Token, UrlPath, VmName,
            );
        }
    }

    /// What is accepted and what is not, a type at a time.
    #[track_caller]
    fn check<T: FromStr<Err = IdError>>(accepted: &[&str], refused: &[&str]) {
        for text in accepted {
            assert!(text.parse::<T>().is_ok(), "{} refuses {text:?}", std::any::type_name::<T>());
        }
        for text in refused {
            assert!(text.parse::<T>().is_err(), "{} accepts {text:?}", std::any::type_name::<T>());
        }
    }

    #[test]
    fn each_type_accepts_what_people_write_and_refuses_what_breaks_things() {
        let long = "x".repeat(300);
        check::<PackageSpec>(
            &["vim", "-vim", "gcc-c++", "@core", "@^minimal-environment", "-@standard", "@nodejs:18/minimal", "foo-1:2.0~rc1"],
            &["", "-", "--x", "@", "vim emacs", "vim;", "a/b", "%end", "kernel*", &long],
        );
        check::<HttpUrl>(
            &["http://a", "https://mirror.example.com/x/y/", "http://10.0.0.1:8080/a", "http://[fd00::1]:80/a~b"],
            &[
                "ftp://a",
                "http://",
                "http:///x",
                "http://u@h/",
                "http://a:0/",
                "http://a:99999/",
                "http://a/../b",
                "http://a/?x",
                "http://a..b/",
                "http://10.0.0.256/",
                "http://[zz]/",
                "http://a:+80/",
            ],
        );
        check::<HostName>(&["ntp.example.com", "10.0.0.1", "fd00::1", "NTP1"], &["10.0.0.256", "a..b", "-a", "a-", "", "1234"]);
        check::<MountPoint>(&["/", "/srv/data", "/var/lib/pgsql-16"], &["", "srv", "/srv/", "//", "/srv/../etc", "/a b", "/."]);
        check::<KernelArg>(
            &["quiet", "console=ttyS0,115200", "mitigations=off", "rd.driver.blacklist=nouveau"],
            &["inst.ks=http://x", "ip=dhcp", "root=/dev/vda", "init=/bin/sh", "a b", ""],
        );
        check::<PuppetName>(&["dev", "role::shop_web", "a1"], &["Role", "dev-1", "role::", "::role", "1a", "role:web", ""]);
        check::<HieraKey>(&["profile::web::port", "lookup_options", "my-key"], &["a b", "a.b", "", "a::"]);
        check::<Locale>(
            &["en_US.UTF-8", "C.UTF-8", "de_DE.UTF-8@euro", "ast_ES", "de"],
            &["english", "en-US", "en_us", "", "_US"],
        );
        check::<Timezone>(
            &["UTC", "Europe/Berlin", "Etc/GMT+1", "America/Argentina/Ushuaia"],
            &["", "Europe/", "/Berlin", "Europe/Ber lin"],
        );
        check::<InterfaceName>(&["eno1", "br0", "bond0.120"], &["", ".", "br-dmz-production", "a/b"]);
        check::<OsinfoId>(&["http://almalinux.org/almalinux/9"], &["almalinux9", "http://", "http://a b"]);
        check::<Contact>(&["ops@example.com", "#shop-dev", "Shop Team"], &["", " x", "x ", "<b>", "a\"b"]);
        check::<FileMode>(&["644", "0755"], &["", "0888", "75", "07555"]);
        check::<LibvirtUri>(
            &["qemu:///system", "test:///default", "qemu+unix:///system?socket=/run/x"],
            &["xen:///", "qemu", ""],
        );
        let body = "AAAAC3NzaC1lZDI1NTE5AAAAIJ3Yk4n2Qm3o7yq1y0m8R0m6mZ0J6h3yqkq1n8f2b3cD";
        check::<SshKey>(
            &[&format!("ssh-ed25519 {body}"), &format!("ssh-ed25519 {body} ops@lab")],
            &[
                body,
                &format!("ssh-dss {body}"),
                &format!("ssh-ed25519 {body} a b"),
                &format!("ssh-ed25519 {body}="),
                "ssh-ed25519 AAAA",
                &format!("command=\"x\" ssh-ed25519 {body}"),
            ],
        );
    }
}
