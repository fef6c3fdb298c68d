//! `url`.

use super::Call;
use crate::check::Sink;

pub(super) fn check(call: &Call<'_, '_, '_>, sink: &mut Sink<'_>) {
    match sources(call, "url") {
        1 => {}
        0 => sink.error("missing-option", "`url` needs `--url`, `--mirrorlist` or `--metalink`", call.line.name.span),
        _ => {
            let message = "`url` takes one of `--url`, `--mirrorlist` and `--metalink`";
            sink.error("conflicting-options", message, call.line.name.span);
        }
    }
}

/// How many of the ways to name a repository are used; `address` is the plain one.
pub(super) fn sources(call: &Call<'_, '_, '_>, address: &str) -> usize {
    [address, "mirrorlist", "metalink"].into_iter().filter(|dest| call.is_filled(dest)).count()
}
