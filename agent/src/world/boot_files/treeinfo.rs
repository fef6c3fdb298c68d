//! The parts of a tree's `.treeinfo` that say which kernel and initrd boot its installer, and what their digests are.
//!
//! Pure. `.treeinfo` is what productmd writes: an INI file read by Python's configparser, so keys end at the first `=` or `:`,
//! indented lines carry the value on, and `#` or `;` start a comment line.

/// A path within the tree and the digest of the file there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TreeFile {
    /// Relative, of plain segments only.
    pub(super) path: String,
    /// SHA-256, lower-case hexadecimal.
    pub(super) sha256: String,
}

/// What boots the installer of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Treeinfo {
    /// The kernel.
    pub(super) kernel: TreeFile,
    /// The initrd.
    pub(super) initrd: TreeFile,
}

/// Why a `.treeinfo` is of no use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TreeinfoError {
    /// It is not an INI file; the line (from 1) and what is wrong with it.
    Syntax { line: usize, reason: &'static str },
    /// `[images-x86_64]` does not name this image.
    NoImage(&'static str),
    /// An image's path leaves the tree or has characters that no tree needs.
    BadPath(String),
    /// `[checksums]` has no sha256 for this path.
    NoChecksum { path: String, found: Option<String> },
}

/// The section that names the boot files of the architecture that we run.
const IMAGES: &str = "images-x86_64";

impl Treeinfo {
    /// Reads `text`.
    pub(super) fn parse(text: &str) -> Result<Self, TreeinfoError> {
        let entries = entries(text)?;
        let get = |section: &str, key: &str| {
            // The last one counts, as it does for a lenient configparser.
            entries.iter().rev().find(|e| e.section == section && e.key == key).map(|e| e.value.as_str())
        };
        let file = |image: &'static str| {
            let path = get(IMAGES, image).filter(|path| !path.is_empty()).ok_or(TreeinfoError::NoImage(image))?;
            if !is_plain(path) {
                return Err(TreeinfoError::BadPath(path.chars().take(200).collect()));
            }
            // Keys are compared in lower case by configparser; productmd switches that off, older tools did not.
            let digest = get("checksums", path).or_else(|| get("checksums", &path.to_lowercase()));
            let sha256 = digest.and_then(|d| d.strip_prefix("sha256:")).map(|hex| hex.trim().to_lowercase());
            match sha256.filter(|hex| hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit())) {
                Some(sha256) => Ok(TreeFile { path: path.to_owned(), sha256 }),
                None => Err(TreeinfoError::NoChecksum {
                    path: path.to_owned(),
                    found: digest.map(|d| d.chars().filter(|c| !c.is_control()).take(80).collect()),
                }),
            }
        };
        Ok(Self { kernel: file("kernel")?, initrd: file("initrd")? })
    }
}

struct Entry {
    section: String,
    key: String,
    value: String,
}

fn entries(text: &str) -> Result<Vec<Entry>, TreeinfoError> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut section: Option<String> = None;
    let mut in_value = false;
    for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let syntax = |reason| TreeinfoError::Syntax { line: index + 1, reason };
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        if line.starts_with([' ', '\t']) && in_value {
            if let Some(entry) = entries.last_mut() {
                entry.value.push('\n');
                entry.value.push_str(trimmed);
            }
            continue;
        }
        if let Some(rest) = trimmed.strip_prefix('[') {
            let name = rest.strip_suffix(']').ok_or(syntax("a section header without its `]`"))?;
            section = Some(name.trim().to_owned());
            in_value = false;
            continue;
        }
        let section = section.clone().ok_or(syntax("text before the first section header"))?;
        let (key, value) = trimmed.split_once(['=', ':']).ok_or(syntax("neither a section header nor `key = value`"))?;
        entries.push(Entry { section, key: key.trim().to_owned(), value: value.trim().to_owned() });
        in_value = true;
    }
    Ok(entries)
}

/// A relative path of segments that cannot climb, hide or mean something to a URL.
fn is_plain(path: &str) -> bool {
    path.len() <= 300
        && path.split('/').all(|segment| {
            !segment.is_empty()
                && !segment.starts_with('.')
                && segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-+~".contains(&b))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

    fn treeinfo(kernel: &str, checksums: &str) -> String {
        format!(
            "[header]\ntype = productmd.treeinfo\nversion = 1.2\n; a comment\n\n[images-x86_64]\nkernel = {kernel}\ninitrd = images/initrd.img\n\
             [images-xen]\nkernel = xen/vmlinuz\n[checksums]\nimages/initrd.img = sha256:{DIGEST}\n{checksums}"
        )
    }

    #[track_caller]
    fn check_refused(text: &str, expected: &TreeinfoError) {
        assert_eq!(Treeinfo::parse(text).as_ref(), Err(expected));
    }

    #[test]
    fn kernel_and_initrd_come_with_their_digests() {
        let found = Treeinfo::parse(&treeinfo("images/vmlinuz", &format!("images/vmlinuz = sha256:{}\n", DIGEST.to_uppercase())));
        let file = |path: &str| TreeFile { path: path.to_owned(), sha256: DIGEST.to_owned() };
        assert_eq!(found, Ok(Treeinfo { kernel: file("images/vmlinuz"), initrd: file("images/initrd.img") }));
    }

    #[test]
    fn paths_that_leave_the_tree_are_refused() {
        for path in [
            "../vmlinuz",
            "/etc/shadow",
            "images/../../x",
            "images//x",
            "a b",
            "x?y",
            "x#y",
            "http://evil/x",
            ".ssh/key",
            "%2e%2e/x",
        ] {
            check_refused(&treeinfo(path, ""), &TreeinfoError::BadPath(path.to_owned()));
        }
    }

    #[test]
    fn missing_and_weak_checksums_are_named() {
        let path = "images/vmlinuz";
        for found in [None, Some("md5:abc"), Some("sha256:12"), Some("sha1:da39a3ee5e6b4b0d3255bfef95601890afd80709")] {
            let line = found.map(|f| format!("{path} = {f}\n")).unwrap_or_default();
            let expected = TreeinfoError::NoChecksum { path: path.to_owned(), found: found.map(str::to_owned) };
            check_refused(&treeinfo(path, &line), &expected);
        }
    }

    #[test]
    fn text_that_is_no_treeinfo_is_refused_with_its_line() {
        check_refused("<html>\n", &TreeinfoError::Syntax { line: 1, reason: "text before the first section header" });
        check_refused("[a\n", &TreeinfoError::Syntax { line: 1, reason: "a section header without its `]`" });
        check_refused("[a]\nx\n", &TreeinfoError::Syntax { line: 2, reason: "neither a section header nor `key = value`" });
        check_refused("", &TreeinfoError::NoImage("kernel"));
        check_refused("[images-x86_64]\nkernel = \n", &TreeinfoError::NoImage("kernel"));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "([\\[\\]a-z=:;#. /\\n\\t-]|images-x86_64|kernel|checksums|sha256){0,80}") {
            let _ = Treeinfo::parse(&text);
        }
    }
}
