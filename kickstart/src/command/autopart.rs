//! `autopart`.

use super::filesystem::{check_hw_passphrase, check_pbkdf, has_no_btrfs, unsupported_btrfs};
use super::{Call, State};
use crate::check::Sink;

pub(super) fn check<'d>(call: &Call<'_, 'd, '_>, state: &mut State<'d>, sink: &mut Sink<'_>) {
    // A second line keeps the type and file system of the first unless it gives its own.
    let memory = &mut state.autopart;
    if let Some(taken) = call.matched.last("type") {
        memory.is_btrfs = taken.value.is_some_and(|value| value.eq_ignore_ascii_case("btrfs"));
    }
    if call.has("fstype") {
        memory.fstype = call.text("fstype");
    }
    if memory.fstype == "btrfs" {
        sink.error("invalid-value", "`--fstype=btrfs` is written `--type=btrfs`", call.span("fstype"));
    } else if memory.is_btrfs && !memory.fstype.is_empty() {
        sink.error("conflicting-options", "`--fstype` and `--type=btrfs` exclude each other", call.span("fstype"));
    } else if memory.is_btrfs && has_no_btrfs(call.release()) {
        unsupported_btrfs(call, "type", sink);
    }
    check_pbkdf(call, sink);
    if call.has("hibernation") && call.has("noswap") {
        sink.error("conflicting-options", "`--hibernation` and `--noswap` exclude each other", call.span("noswap"));
    }
    check_hw_passphrase(call, sink);
}
