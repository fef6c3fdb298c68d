//! An address has a scheme that the installer does not fetch from.
//!
//! # Why
//!
//! `http`, `https`, `ftp`, `file`, `nfs` and `hdd` are known. RHEL 10 crashes at others; earlier releases find no
//! repository.
//!
//! # Example
//!
//! ```kickstart
//! url --url=ftpx://mirror.example.com/os/
//! ```
//!
//! # Fix
//!
//! Correct the address.
//!
//! ```kickstart
//! url --url=https://mirror.example.com/os/
//! ```

use crate::lint::{Context, Findings};

/// Commands and the options that hold addresses.
const ADDRESSES: &[(&str, &[&str])] =
    &[("url", &["url", "mirrorlist", "metalink"]), ("repo", &["baseurl", "mirrorlist", "metalink"]), ("liveimg", &["url"])];

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    for (object, dests) in ADDRESSES {
        for command in cx.model.all(object) {
            for dest in dests.iter().filter(|dest| !command.text(dest).is_empty()) {
                let scheme = command.text(dest).split("://").next().unwrap_or_default();
                let has_scheme = command.text(dest).contains("://");
                if !has_scheme && !command.text(dest).starts_with(['$', '/']) && !command.text(dest).starts_with("file:") {
                    out.add(command.place_of(dest), "this is no address", "start it with http:// or https://");
                } else if has_scheme && !matches!(scheme, "http" | "https" | "ftp" | "file" | "nfs" | "hdd" | "media") {
                    out.add(command.place_of(dest), "the installer does not know this scheme", "use http or https");
                }
            }
        }
    }
}
