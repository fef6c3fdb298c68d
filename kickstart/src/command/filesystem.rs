//! What `part`, `logvol`, `raid` and `btrfs` demand alike: file systems, encryption, mount points.

use std::borrow::Cow;

use super::Call;
use crate::check::Sink;
use crate::release::Release;

/// `--mkfsoptions` needs a file system to be made, and excludes `--fsprofile`.
pub(super) fn check_mkfs(call: &Call<'_, '_, '_>, sink: &mut Sink<'_>) {
    if !call.is_filled("mkfsopts") {
        return;
    }
    if call.has("format") {
        let message = "`--mkfsoptions` does nothing beside `--noformat`";
        sink.error("conflicting-options", message, call.span("mkfsopts"));
    } else if call.is_filled("fsprofile") {
        let message = "`--mkfsoptions` and `--fsprofile` exclude each other";
        sink.error("conflicting-options", message, call.span("mkfsopts"));
    }
}

/// A key derivation is limited by time or by iterations, not both.
pub(super) fn check_pbkdf(call: &Call<'_, '_, '_>, sink: &mut Sink<'_>) {
    if call.is_nonzero("pbkdf_time") && call.is_nonzero("pbkdf_iterations") {
        let message = "`--pbkdf-time` and `--pbkdf-iterations` exclude each other";
        sink.error("conflicting-options", message, call.span("pbkdf_iterations"));
    }
}

/// A hardware passphrase is for OPAL drives under LUKS 2.
pub(super) fn check_hw_passphrase(call: &Call<'_, '_, '_>, sink: &mut Sink<'_>) {
    let is_opal = call.has("encrypted") && call.text("luks_version").starts_with("luks2-");
    if call.is_filled("hw_passphrase") && !is_opal {
        let message = "`--hw-passphrase` needs `--encrypted` and `--luks-version=luks2-hw-opal` or `luks2-hw-opal-only`";
        sink.error("conflicting-options", message, call.span("hw_passphrase"));
    }
}

/// RHEL dropped btrfs with release 8.
pub(super) fn check_btrfs(call: &Call<'_, '_, '_>, sink: &mut Sink<'_>) {
    if has_no_btrfs(call.release()) && call.text("fstype") == "btrfs" {
        unsupported_btrfs(call, "fstype", sink);
    }
}

/// Reports btrfs at the option `dest`.
pub(super) fn unsupported_btrfs(call: &Call<'_, '_, '_>, dest: &str, sink: &mut Sink<'_>) {
    let message = format!("{} has no btrfs", call.release());
    sink.error("unsupported-filesystem", message, call.span(dest));
}

/// Whether the release has dropped btrfs.
pub(super) fn has_no_btrfs(release: Release) -> bool {
    matches!(release, Release::Rhel8 | Release::Rhel9 | Release::Rhel10)
}

/// A mount point as Anaconda compares it: an absolute path without `.`, `..` and doubled slashes.
pub(super) fn mount_point(text: &str) -> Cow<'_, str> {
    let is_plain = |part: &str| !matches!(part, "" | "." | "..");
    match text.strip_prefix('/') {
        None | Some("") => Cow::Borrowed(text),
        Some(rest) if rest.split('/').all(is_plain) => Cow::Borrowed(text),
        Some(rest) => {
            let mut parts: Vec<&str> = Vec::new();
            for part in rest.split('/') {
                match part {
                    "" | "." => {}
                    ".." => drop(parts.pop()),
                    part => parts.push(part),
                }
            }
            // Exactly two slashes in front mean something of their own to POSIX.
            let root = if rest.starts_with('/') && !rest.starts_with("//") { "//" } else { "/" };
            Cow::Owned(format!("{root}{}", parts.join("/")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_points_compare_without_detours() {
        for (text, point) in [
            ("/", "/"),
            ("/a//b/", "/a/b"),
            ("/a/./b/../c", "/a/c"),
            ("/..", "/"),
            ("//a", "//a"),
            ("///a", "/a"),
            ("pv.01", "pv.01"),
            ("", ""),
        ] {
            assert_eq!(mount_point(text), point, "{text}");
        }
    }
}
