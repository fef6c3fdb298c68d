//! `eula`.

use super::Call;
use crate::check::Sink;

pub(super) fn check(call: &Call<'_, '_, '_>, sink: &mut Sink<'_>) {
    if !call.has("agreed") {
        sink.error("missing-option", "`eula` needs `--agreed`", call.line.name.span);
    }
}
