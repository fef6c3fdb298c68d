//! `mount`.

use super::Call;
use crate::check::Sink;

pub(super) fn check(call: &Call<'_, '_, '_>, sink: &mut Sink<'_>) {
    let point = call.text("mntpoint");
    if !point.starts_with('/') && point.to_lowercase() != "none" {
        sink.error("invalid-value", "a mount point starts with `/` or is `none`", call.span("mntpoint"));
    }
    if call.is_filled("mkfs_opts") && !call.has("reformat") {
        sink.error("missing-option", "`--mkfsoptions` needs `--reformat`", call.span("mkfs_opts"));
    }
}
