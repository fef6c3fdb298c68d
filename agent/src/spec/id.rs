//! Names of things in a site: each is a newtype whose parser accepts only what is safe in a path, a kickstart, XML and a shell.
//!
//! Who calls it: `site` parses them once; everything downstream trusts the type.

use std::fmt;
use std::str::FromStr;

/// A value that a person typed and that cannot be what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {what}: {expected}")]
pub struct IdError {
    /// What the value was meant to be, for example `VM name`.
    pub what: &'static str,
    /// What would have been accepted, as a phrase.
    pub expected: &'static str,
}

/// Length limit of one DNS label (RFC 1035 §2.3.4).
const LABEL_MAX: usize = 63;

fn is_label(text: &str) -> bool {
    let bytes = text.as_bytes();
    !bytes.is_empty()
        && bytes.len() <= LABEL_MAX
        && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
        && bytes.first() != Some(&b'-')
        && bytes.last() != Some(&b'-')
}

macro_rules! label {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The name as text: lower-case letters, digits and inner hyphens, at most 63 characters.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                if is_label(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(IdError {
                        what: $what,
                        expected: "lower-case letters, digits and hyphens, starting and ending with a letter or digit, at most 63 characters",
                    })
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

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

label!(
    /// A VM; also its libvirt domain name and the first label of its certname.
    VmName,
    "VM name"
);
label!(
    /// A KVM hypervisor on which an agent runs.
    HypervisorName,
    "hypervisor name"
);
label!(
    /// What a VM is for.
    RoleName,
    "role name"
);
label!(
    /// `dev`, `testing`, `rc`, `stable` or a site's own.
    StageName,
    "stage name"
);
label!(
    /// vCPUs, memory and root disk by name.
    SizeName,
    "size name"
);
label!(
    /// The owner of VMs.
    TeamName,
    "team name"
);
label!(
    /// An install tree together with its kickstart release.
    OsName,
    "OS name"
);
label!(
    /// A network of the site; also the libvirt network's name where we define one.
    NetworkName,
    "network name"
);
label!(
    /// A libvirt storage pool.
    PoolName,
    "pool name"
);
label!(
    /// A disk within a VM (`root`, `data`); at most 20 characters are of use, as virtio serials end there.
    DiskName,
    "disk name"
);
label!(
    /// A kickstart template: `NAME.ks.tera` in the site's or the shipped `templates/`.
    TemplateName,
    "template name"
);

label!(
    /// A site; part of every MAC and UUID, so it never changes.
    SiteName,
    "site name"
);
label!(
    /// A YUM repository's id.
    RepoName,
    "repository name"
);
label!(
    /// A health check.
    CheckName,
    "check name"
);

/// A fully qualified host name, lower case, at most 253 characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fqdn(String);

impl Fqdn {
    /// The name as text, without a trailing dot.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `vm` within the domain `self`.
    #[must_use]
    pub fn child(&self, vm: &VmName) -> Self {
        Self(format!("{vm}.{}", self.0))
    }
}

impl FromStr for Fqdn {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        // 189 leaves room for one more label and its dot within the 253 of RFC 1035. A last label of digits only would make it
        // look like an IPv4 address.
        let numeric = text.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
        if text.len() <= 189 && text.split('.').all(is_label) && !numeric {
            Ok(Self(text.to_owned()))
        } else {
            Err(IdError { what: "domain name", expected: "lower-case labels joined by dots, such as `example.com`" })
        }
    }
}

impl fmt::Display for Fqdn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An Ethernet address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacAddr([u8; 6]);

impl MacAddr {
    /// An address in QEMU's range `52:54:00` from three bytes of the caller's choice.
    pub const fn qemu(low: [u8; 3]) -> Self {
        Self([0x52, 0x54, 0x00, low[0], low[1], low[2]])
    }

    /// The six bytes in transmission order.
    pub const fn bytes(self) -> [u8; 6] {
        self.0
    }

    /// `01-52-54-00-…`: the form of PXELINUX's and dracut's `BOOTIF=`.
    pub fn bootif(self) -> String {
        format!("01-{}", self.to_string().replace(':', "-"))
    }
}

impl FromStr for MacAddr {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let error =
            IdError { what: "MAC address", expected: "six pairs of hexadecimal digits, unicast, such as `52:54:00:12:34:56`" };
        let mut bytes = [0u8; 6];
        let mut parts = text.split(':');
        for byte in &mut bytes {
            let part = parts.next().ok_or(error.clone())?;
            if part.len() != 2 || !part.bytes().all(|b| b.is_ascii_hexdigit()) {
                return Err(error);
            }
            *byte = u8::from_str_radix(part, 16).map_err(|_| error.clone())?;
        }
        // A set lowest bit of the first byte means multicast: no NIC can have that.
        if parts.next().is_some() || bytes[0] & 1 == 1 || bytes == [0; 6] {
            return Err(error);
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            let colon = if index == 0 { "" } else { ":" };
            write!(f, "{colon}{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_dns_labels() {
        let longest = "a".repeat(63);
        for good in ["a", "web1", "1a", "shop-web", longest.as_str()] {
            assert!(good.parse::<VmName>().is_ok(), "{good}");
        }
        let too_long = "a".repeat(64);
        for bad in ["", "-a", "a-", "Web", "a.b", "a_b", "a b", "é", "a\n", "..", too_long.as_str()] {
            assert!(bad.parse::<VmName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn domains_are_labels_and_not_addresses() {
        for (text, good) in [
            ("example.com", true),
            ("lab", true),
            ("10.0.0.1", false),
            ("a..b", false),
            (".a", false),
            ("a.", false),
            ("", false),
        ] {
            assert_eq!(text.parse::<Fqdn>().is_ok(), good, "{text:?}");
        }
    }

    #[test]
    fn macs_are_unicast_and_print_in_lower_case() {
        let mac: MacAddr = "52:54:00:AB:cd:0e".parse().expect("a MAC");
        assert_eq!(mac.to_string(), "52:54:00:ab:cd:0e");
        assert_eq!(mac.bootif(), "01-52-54-00-ab-cd-0e");
        for bad in [
            "",
            "52:54:00:ab:cd",
            "52:54:00:ab:cd:0e:00",
            "53:54:00:ab:cd:0e",
            "00:00:00:00:00:00",
            "52-54-00-ab-cd-0e",
            "5:54:00:ab:cd:0e",
            "+2:54:00:ab:cd:0e",
        ] {
            assert!(bad.parse::<MacAddr>().is_err(), "{bad:?}");
        }
    }
}
