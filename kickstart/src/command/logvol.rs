//! `logvol`.

use super::filesystem::{check_btrfs, check_mkfs, check_pbkdf};
use super::{Call, State};
use crate::check::Sink;

pub(super) fn check<'d>(call: &Call<'_, 'd, '_>, state: &mut State<'d>, sink: &mut Sink<'_>) {
    let name = format!("{}/{}", call.text("vgname"), call.text("name"));
    state.define(sink, "logical volume", name, call.span("name"));
    check_size(call, sink);
    check_thin(call, sink);
    check_cache(call, sink);
    check_mkfs(call, sink);
    check_pbkdf(call, sink);
    check_btrfs(call, sink);
}

/// A volume that exists is used as it is; `--noformat` means the same.
fn exists(call: &Call<'_, '_, '_>) -> bool {
    call.has("preexist") || call.has("format")
}

fn check_size(call: &Call<'_, '_, '_>, sink: &mut Sink<'_>) {
    let (size, percent) = (call.is_nonzero("size"), call.is_nonzero("percent"));
    if call.has("resize") {
        if !exists(call) {
            sink.error("missing-option", "`--resize` needs `--useexisting`", call.span("resize"));
        } else if !size {
            sink.error("missing-option", "`--resize` needs `--size` with the new size", call.span("resize"));
        }
    }
    if !(exists(call) || percent || size || call.has("recommended") || call.has("hibernation")) {
        let message =
            "`logvol` needs a size: `--size`, `--percent`, `--recommended`, `--hibernation`, `--useexisting` or `--noformat`";
        sink.error("missing-option", message, call.line.name.span);
    }
    if call.is_void("percent") {
        sink.error("invalid-integer", "`--percent` takes a whole number", call.span("percent"));
    } else if call.matched.number("percent").is_some_and(|percent| !(0..=100).contains(&percent)) {
        sink.error("invalid-value", "`--percent` is between 0 and 100", call.span("percent"));
    } else if size && percent {
        sink.error("conflicting-options", "`--size` and `--percent` exclude each other", call.span("percent"));
    }
}

fn check_thin(call: &Call<'_, '_, '_>, sink: &mut Sink<'_>) {
    if call.has("thin_volume") {
        if call.has("thin_pool") {
            sink.error("conflicting-options", "`--thin` and `--thinpool` exclude each other", call.span("thin_pool"));
        } else if !call.is_filled("pool_name") {
            sink.error("missing-option", "`--thin` needs `--poolname`", call.span("thin_volume"));
        }
    }
    let sized = ["chunk_size", "metadata_size"].into_iter().find(|dest| call.is_nonzero(dest));
    if let Some(dest) = sized.filter(|_| !call.has("thin_pool")) {
        let message = "`--chunksize` and `--metadatasize` need `--thinpool`";
        sink.error("missing-option", message, call.span(dest));
    }
}

fn check_cache(call: &Call<'_, '_, '_>, sink: &mut Sink<'_>) {
    let (size, mode, volumes) = (call.is_nonzero("cache_size"), call.is_filled("cache_mode"), call.has_list("cache_pvs"));
    if !(size || mode || volumes) {
        return;
    }
    let span = ["cache_size", "cache_mode", "cache_pvs"].into_iter().find(|dest| call.has(dest)).map(|dest| call.span(dest));
    let span = span.unwrap_or(call.line.name.span);
    if exists(call) {
        sink.error("conflicting-options", "a volume that exists cannot be given a cache", span);
    } else if call.has("thin_volume") {
        sink.error("conflicting-options", "a thin volume cannot be given a cache", span);
    } else if !volumes {
        sink.error("missing-option", "a cache needs `--cachepvs`", span);
    } else if !size {
        sink.error("missing-option", "a cache needs `--cachesize`", span);
    } else if mode && !matches!(call.text("cache_mode"), "writeback" | "writethrough") {
        sink.error("invalid-value", "`--cachemode` is `writeback` or `writethrough`", call.span("cache_mode"));
    }
}
