//! `btrfs`, in the releases that still have it.

use super::filesystem::mount_point;
use super::{Call, State};
use crate::check::Sink;

pub(super) fn check<'d>(call: &Call<'_, 'd, '_>, state: &mut State<'d>, sink: &mut Sink<'_>) {
    let extras = &call.matched.extras;
    let word = |index: &usize| call.line.arguments[*index].value.as_ref();
    if let Some(option) = extras.iter().find(|index| word(index).starts_with('-')) {
        crate::check::report_extras(call.line, &[*option], sink);
        return;
    }
    let Some((point, volumes)) = extras.split_first() else {
        sink.error("missing-argument", "`btrfs` needs a mount point", call.line.name.span);
        return;
    };
    if volumes.is_empty() {
        let message = if call.has("subvol") {
            "a btrfs subvolume needs its parent volume"
        } else {
            "`btrfs` needs the partitions it is made of"
        };
        sink.error("missing-argument", message, call.line.name.span);
    }
    if call.has("subvol") && !call.is_filled("name") {
        sink.error("missing-option", "a btrfs subvolume needs `--name`", call.span("subvol"));
    }
    let span = call.line.span(*point);
    state.define(sink, "btrfs volume", mount_point(word(point)).into_owned(), span);
    if call.is_filled("mkfsopts") && (call.has("preexist") || call.has("format")) {
        let message = "`--mkfsoptions` does nothing beside `--noformat` or `--useexisting`";
        sink.error("conflicting-options", message, call.span("mkfsopts"));
    }
}
