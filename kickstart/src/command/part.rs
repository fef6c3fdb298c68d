//! `part` and `partition`.

use super::filesystem::{
    check_btrfs, check_hw_passphrase, check_mkfs, check_pbkdf, has_no_btrfs, mount_point, unsupported_btrfs,
};
use super::{Call, State};
use crate::check::Sink;

pub(super) fn check<'d>(call: &Call<'_, 'd, '_>, state: &mut State<'d>, sink: &mut Sink<'_>) {
    let point = mount_point(call.text("mntpoint"));
    if has_no_btrfs(call.release()) && point.starts_with("btrfs.") {
        unsupported_btrfs(call, "mntpoint", sink);
    }
    if point != "swap" {
        state.define(sink, "partition", point, call.span("mntpoint"));
    }
    if call.has("resize") {
        let on_part = call.text("onPart");
        if on_part.strip_prefix("/dev/").unwrap_or(on_part).is_empty() {
            sink.error("missing-option", "`--resize` needs `--onpart`", call.span("resize"));
        } else if !call.is_nonzero("size") {
            sink.error("missing-option", "`--resize` needs `--size` with the new size", call.span("resize"));
        }
    }
    if call.text("fstype") == "tmpfs" && (call.has("grow") || call.is_nonzero("maxSizeMB")) {
        let message = "`--fstype=tmpfs` excludes `--grow` and `--maxsize`";
        sink.error("conflicting-options", message, call.span("fstype"));
    }
    check_mkfs(call, sink);
    check_pbkdf(call, sink);
    check_btrfs(call, sink);
    check_hw_passphrase(call, sink);
}
