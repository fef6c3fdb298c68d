//! Text that a person typed and that ends in a kickstart, a domain definition or a shell script.
//!
//! Every type here accepts a closed set of characters: no line break, no quote, no `$`, backtick, backslash, `%` at a line's
//! start, brace or control character can get through, whatever the template does with it (design: a team must not be able to
//! add a line to a kickstart). Templates quote on top of that.

use std::fmt;
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
        let t = t.strip_prefix("@^").or_else(|| t.strip_prefix('@')).unwrap_or(t);
        word(t, 128, "", "._+-:")
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
                let host_end = rest.find('/').unwrap_or(rest.len());
                let (host, path) = rest.split_at(host_end);
                let host_ok = if let Some(six) = host.strip_prefix('[') {
                    six.split_once(']').is_some_and(|(address, port)| {
                        address.parse::<std::net::Ipv6Addr>().is_ok() && (port.is_empty() || is_port(port))
                    })
                } else {
                    let (name, port) = host.split_once(':').map_or((host, None), |(n, p)| (n, Some(p)));
                    word(name, 253, "", ".-") && port.is_none_or(|p| is_port(&format!(":{p}")))
                };
                host_ok
                    && path.chars().all(|c| c.is_ascii_alphanumeric() || "._~/:+-@".contains(c))
                    && !path.split('/').any(|segment| segment == "..")
            })
    }
);

fn is_port(text: &str) -> bool {
    text.strip_prefix(':').is_some_and(|p| p.bytes().all(|b| b.is_ascii_digit()) && p.parse::<u16>().is_ok_and(|n| n > 0))
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
    "one word of letters, digits and `._,:=/+-`",
    |t| word(t, 200, "", "._,:=/+-")
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
    /// A Puppet class, environment or Hiera key (`profile::web`).
    PuppetName,
    "Puppet name",
    "letters, digits, `_` and `::`, such as `role::shop_web`",
    |t| t.len() <= 200 && t.split("::").all(|part| word(part, 100, "_", "_"))
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
    |t| word(t, 40, "", "_.@-")
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
            && ["ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"].contains(&kind)
            && word(body, 4096, "", "+/=")
            && body.len() >= 40
            && comment.is_none_or(|c| word(c, 200, "", "._@-"))
            && words.next().is_none()
    }
);
text!(
    /// A host by name or address, such as an NTP server.
    HostName,
    "host",
    "a host name or an IP address",
    |t| {
        t.parse::<std::net::IpAddr>().is_ok()
            || (t.len() <= 253 && t.split('.').all(|label| word(label, 63, "", "-") && !label.ends_with('-')))
    }
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
