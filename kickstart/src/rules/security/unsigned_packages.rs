//! Packages are installed without a look at their signatures.
//!
//! # Why
//!
//! Whoever can write to the repository, or stand between it and the machine, runs code as root on it.
//!
//! # Example
//!
//! ```kickstart
//! %post --erroronfail
//! set -e
//! printf '[apps]\nbaseurl=http://192.0.2.1/apps\ngpgcheck=0\n' > /etc/yum.repos.d/apps.repo
//! %end
//! ```
//!
//! # Fix
//!
//! Import the key, and leave the check on.
//!
//! ```kickstart
//! %post --erroronfail
//! set -e
//! rpm --import http://192.0.2.1/key
//! printf '[apps]\nbaseurl=http://192.0.2.1/apps\ngpgcheck=1\n' > /etc/yum.repos.d/apps.repo
//! %end
//! ```

use crate::lint::{Context, Findings};

/// What switches the check off, spaces aside.
const MARKS: &[&str] = &["gpgcheck=0", "gpgcheck=no", "gpgcheck=false", "--nogpgcheck", "--nosignature", "--no-gpg-checks"];

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    for script in &cx.model.scripts {
        let is_unsigned = |line: &str| {
            let line = line.trim_start();
            // The check of a repository's own index is another matter.
            let bare = line.replace(' ', "").to_ascii_lowercase().replace("repo_gpgcheck", "");
            !line.starts_with('#') && line.len() < MOST_BYTES && MARKS.iter().any(|mark| bare.contains(mark))
        };
        if let Some((_, place)) = script.lines().find(|(line, _)| is_unsigned(line)) {
            out.add(
                place,
                "signatures of packages are not checked",
                "import the key with `rpm --import`, and leave the check on",
            );
        }
    }
    for tree in cx.model.all("ostreesetup").filter(|tree| tree.has("nogpg")) {
        out.add(tree.place_of("nogpg"), "the signature of the tree is not checked", "remove `--nogpg`");
    }
}

/// A longer line is data, and no command that somebody wrote.
const MOST_BYTES: usize = 4096;
