//! The releases whose kickstart syntax is known, and the names people type for them.

use std::fmt;
use std::str::FromStr;

/// A release whose kickstart syntax the grammar knows.
///
/// Parses from its own name (`rhel9`, `f42`) and from what people type: `RHEL9`, `el9`, `alma9`,
/// `almalinux-9.4`, `rocky9`, `ol9`, `centos7`, `centos-stream-10`, `fedora42`, `fc42`,
/// `Red Hat Enterprise Linux 9`. Prints as its own name.
///
/// ```
/// use kickstart::Release;
/// assert_eq!("alma9".parse(), Ok(Release::Rhel9));
/// assert_eq!(Release::F42.to_string(), "f42");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Release {
    /// Red Hat Enterprise Linux 7 and its rebuilds.
    Rhel7,
    /// Red Hat Enterprise Linux 8 and its rebuilds.
    Rhel8,
    /// Red Hat Enterprise Linux 9 and its rebuilds.
    Rhel9,
    /// Red Hat Enterprise Linux 10 and its rebuilds.
    Rhel10,
    /// Fedora 40.
    F40,
    /// Fedora 41.
    F41,
    /// Fedora 42.
    F42,
    /// Fedora 43.
    F43,
    /// Fedora 44.
    F44,
}

impl Release {
    /// All of them: RHEL first, then Fedora, each from old to new.
    pub const ALL: [Self; 9] =
        [Self::Rhel7, Self::Rhel8, Self::Rhel9, Self::Rhel10, Self::F40, Self::F41, Self::F42, Self::F43, Self::F44];

    /// The name it prints as.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rhel7 => "rhel7",
            Self::Rhel8 => "rhel8",
            Self::Rhel9 => "rhel9",
            Self::Rhel10 => "rhel10",
            Self::F40 => "f40",
            Self::F41 => "f41",
            Self::F42 => "f42",
            Self::F43 => "f43",
            Self::F44 => "f44",
        }
    }

    /// Whether this is RHEL (or a rebuild of it) and not Fedora.
    pub const fn is_rhel(self) -> bool {
        matches!(self, Self::Rhel7 | Self::Rhel8 | Self::Rhel9 | Self::Rhel10)
    }

    /// Position in [`Release::ALL`].
    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no release the grammar knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownRelease {
    name: String,
}

impl fmt::Display for UnknownRelease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown release `{}`; known are", self.name)?;
        for release in Release::ALL {
            write!(f, " {release}")?;
        }
        f.write_str(" and names such as alma9, centos-stream-10, fedora42")
    }
}

impl std::error::Error for UnknownRelease {}

/// Distributions that read kickstarts as RHEL of the same major version does.
const RHEL_LIKE: &[&str] = &[
    "rhel",
    "el",
    "redhat",
    "redhatenterpriselinux",
    "centos",
    "centosstream",
    "c",
    "cs",
    "stream",
    "alma",
    "almalinux",
    "rocky",
    "rockylinux",
    "ol",
    "oracle",
    "oraclelinux",
    "eurolinux",
    "navy",
];
const FEDORA_LIKE: &[&str] = &["f", "fc", "fedora", "fedoralinux"];

impl FromStr for Release {
    type Err = UnknownRelease;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let plain: String = name.chars().filter(|c| !matches!(c, ' ' | '-' | '_')).map(|c| c.to_ascii_lowercase()).collect();
        let digits = plain.find(|c: char| c.is_ascii_digit()).unwrap_or(plain.len());
        let (family, version) = plain.split_at(digits);
        let (major, minor) = version.split_once('.').unwrap_or((version, "0"));
        let is_number = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let release = if !is_number(minor) {
            None
        } else if RHEL_LIKE.contains(&family) {
            match major {
                "7" => Some(Self::Rhel7),
                "8" => Some(Self::Rhel8),
                "9" => Some(Self::Rhel9),
                "10" => Some(Self::Rhel10),
                _ => None,
            }
        } else if FEDORA_LIKE.contains(&family) {
            match major {
                "40" => Some(Self::F40),
                "41" => Some(Self::F41),
                "42" => Some(Self::F42),
                "43" => Some(Self::F43),
                "44" => Some(Self::F44),
                _ => None,
            }
        } else {
            None
        };
        release.ok_or_else(|| UnknownRelease { name: name.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_release_parses_from_what_it_prints() {
        for release in Release::ALL {
            assert_eq!(release.to_string().parse(), Ok(release));
        }
    }

    #[test]
    fn people_may_type_the_distribution_they_run() {
        for (name, release) in [
            ("RHEL9", Release::Rhel9),
            ("alma9", Release::Rhel9),
            ("AlmaLinux-9.4", Release::Rhel9),
            ("rocky9", Release::Rhel9),
            ("centos-stream-10", Release::Rhel10),
            ("el8", Release::Rhel8),
            ("CentOS 7.9.2009", Release::Rhel7),
            ("Red Hat Enterprise Linux 8.10", Release::Rhel8),
            ("fedora42", Release::F42),
            ("Fedora 44", Release::F44),
            ("fc40", Release::F40),
        ] {
            assert_eq!(name.parse(), Ok(release), "{name}");
        }
    }

    #[test]
    fn a_name_that_is_no_release_is_refused_and_named() {
        for name in ["", "rhel", "rhel6", "f39", "f45", "debian12", "9", "rhel9x", "rhel9.x"] {
            let error = name.parse::<Release>().expect_err(name);
            assert!(error.to_string().contains(&format!("`{name}`")), "{error}");
        }
    }
}
