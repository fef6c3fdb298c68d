//! A package: its name, epoch, version, release and architecture, and the digest that says which bytes it is.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use super::IdError;

/// A SHA-256 digest: 64 lower-case hexadecimal digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(String);

impl Digest {
    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first 12 digits, for people.
    pub fn short(&self) -> &str {
        &self.0[..12]
    }
}

impl From<[u8; 32]> for Digest {
    fn from(bytes: [u8; 32]) -> Self {
        use fmt::Write as _;
        let mut text = String::with_capacity(64);
        for byte in bytes {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        Self(text)
    }
}

impl FromStr for Digest {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        if text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            Ok(Self(text.to_owned()))
        } else {
            Err(IdError { what: "SHA-256 digest", expected: "64 lower-case hexadecimal digits" })
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Name, epoch, version, release, architecture. Its parts hold nothing that could leave a file name, a URL or a line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nevra {
    name: String,
    epoch: u32,
    version: String,
    release: String,
    arch: String,
}

/// What stands in names, versions and releases of packages: what rpmbuild lets through, less what a URL or a path would read
/// differently.
fn is_plain(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 200
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'+' | b'-' | b'~' | b'^'))
        && !text.starts_with(['.', '-'])
}

impl Nevra {
    /// Of these parts; epoch 0 is none.
    pub fn new(name: &str, epoch: u32, version: &str, release: &str, arch: &str) -> Result<Self, IdError> {
        let inner = |text: &str| is_plain(text) && !text.contains('-');
        if !is_plain(name) || !inner(version) || !inner(release) || !inner(arch) {
            return Err(IdError {
                what: "name, version, release or architecture of a package",
                expected: "letters, digits, `.`, `_`, `+`, `~` and `^`, and in names `-`; not starting with `.` or `-`",
            });
        }
        let own = str::to_owned;
        Ok(Self { name: own(name), epoch, version: own(version), release: own(release), arch: own(arch) })
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The epoch; 0 where there is none.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The release.
    pub fn release(&self) -> &str {
        &self.release
    }

    /// The architecture; `noarch`, and `src` for source packages.
    pub fn arch(&self) -> &str {
        &self.arch
    }

    /// `VERSION-RELEASE`, with `EPOCH:` before it where there is one.
    pub fn evr(&self) -> String {
        match self.epoch {
            0 => format!("{}-{}", self.version, self.release),
            epoch => format!("{epoch}:{}-{}", self.version, self.release),
        }
    }

    /// `NAME-VERSION-RELEASE.ARCH.rpm`: the file's name, which has no epoch.
    pub fn file_name(&self) -> String {
        format!("{}-{}-{}.{}.rpm", self.name, self.version, self.release, self.arch)
    }

    /// Where it lies in every stage: one directory a first letter, and one more an epoch, since file names have none.
    pub fn path(&self) -> String {
        let initial = self.name.chars().next().unwrap_or('_').to_ascii_lowercase();
        match self.epoch {
            0 => format!("packages/{initial}/{}", self.file_name()),
            epoch => format!("packages/{initial}/epoch-{epoch}/{}", self.file_name()),
        }
    }

    /// Which of two versions is newer, as rpm compares them: epoch, then version, then release.
    pub fn compare(&self, other: &Self) -> Ordering {
        rpm_version::rpm_evr_compare(&self.evr(), &other.evr())
    }

    /// Whether `text` names it: `NAME`, `NAME.ARCH`, `NAME-VERSION`, `NAME-VERSION-RELEASE` or that with `.ARCH`, an epoch optional, or
    /// its file's name; or a [pattern](is_pattern) that fits `NAME` or `NAME.ARCH`.
    pub fn is_named(&self, text: &str) -> bool {
        let with_arch = || format!("{}.{}", self.name, self.arch);
        if is_pattern(text) {
            return fits(text.as_bytes(), self.name.as_bytes()) || fits(text.as_bytes(), with_arch().as_bytes());
        }
        let Some(rest) = text.strip_prefix(self.name.as_str()) else { return false };
        if rest.is_empty() || text == with_arch() || text == self.file_name() {
            return true;
        }
        let Some(rest) = rest.strip_prefix('-') else { return false };
        let rest = rest.strip_prefix(&format!("{}:", self.epoch)).unwrap_or(rest);
        let (version, release, arch) = (&self.version, &self.release, &self.arch);
        rest == *version || rest == format!("{version}-{release}") || rest == format!("{version}-{release}.{arch}")
    }
}

/// Whether `text` may name several packages: `*` stands for any letters, `?` for one. Names of packages hold neither.
pub fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?'])
}

/// Whether all of `text` fits `pattern`: where it does not go on, the last `*` takes one letter more.
fn fits(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut letter, mut star) = (0, 0, None);
    while letter < text.len() {
        match (pattern.get(at), star) {
            (Some(b'*'), _) => {
                star = Some((at, letter));
                at += 1;
            }
            (Some(one), _) if *one == b'?' || *one == text[letter] => (at, letter) = (at + 1, letter + 1),
            (_, Some((star_at, from))) => {
                star = Some((star_at, from + 1));
                (at, letter) = (star_at + 1, from + 1);
            }
            (_, None) => return false,
        }
    }
    pattern[at..].iter().all(|one| *one == b'*')
}

impl fmt::Display for Nevra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}.{}", self.name, self.evr(), self.arch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nevra(name: &str, epoch: u32, version: &str, release: &str) -> Nevra {
        Nevra::new(name, epoch, version, release, "noarch").expect("a package")
    }

    #[test]
    fn packages_are_named_with_as_much_as_is_needed() {
        let package = nevra("shop-web", 0, "2.1", "3");
        for text in [
            "shop-web",
            "shop-web.noarch",
            "shop-web-2.1",
            "shop-web-2.1-3",
            "shop-web-2.1-3.noarch",
            "shop-web-2.1-3.noarch.rpm",
            "shop-web-0:2.1-3",
            "shop-*",
            "*",
            "*-w?b",
            "s*-*b",
            "shop-web*",
            "*.noarch",
        ] {
            assert!(package.is_named(text), "{text}");
        }
        for text in [
            "shop",
            "shop-web-2",
            "shop-web-2.1-",
            "shop-web-2.1-3.x86_64",
            "shop-web-2.10",
            "shop-webs",
            "",
            "shop-web.x86_64",
            "shop-web-2.1.noarch.rpm",
            "shop-?",
            "*-db",
            "shop-web-2*",
            "*.x86_64",
            "?",
        ] {
            assert!(!package.is_named(text), "{text}");
        }
    }

    #[test]
    fn versions_compare_as_rpm_compares_them() {
        for (older, newer) in [
            (nevra("a", 0, "1.9", "1"), nevra("a", 0, "1.10", "1")),
            (nevra("a", 0, "1.0~rc1", "1"), nevra("a", 0, "1.0", "1")),
            (nevra("a", 0, "9", "9"), nevra("a", 1, "1", "1")),
            (nevra("a", 0, "1", "9"), nevra("a", 0, "1", "10")),
        ] {
            assert_eq!(older.compare(&newer), Ordering::Less, "{older} {newer}");
            assert_eq!(newer.compare(&older), Ordering::Greater, "{older} {newer}");
        }
    }

    #[test]
    fn what_could_leave_a_path_or_a_line_is_no_package() {
        for (name, version) in
            [("../x", "1"), ("a/b", "1"), ("a b", "1"), ("a", "1\n"), ("a", "1-2"), ("", "1"), (".a", "1"), ("a", "1%2f")]
        {
            assert!(Nevra::new(name, 0, version, "1", "noarch").is_err(), "{name:?} {version:?}");
        }
    }

    #[test]
    fn packages_that_differ_in_the_epoch_only_lie_apart() {
        assert_eq!(nevra("Shop", 0, "1", "1").path(), "packages/s/Shop-1-1.noarch.rpm");
        assert_eq!(nevra("Shop", 2, "1", "1").path(), "packages/s/epoch-2/Shop-1-1.noarch.rpm");
    }
}
