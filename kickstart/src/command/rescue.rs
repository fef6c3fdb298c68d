//! `rescue`.

use super::Call;
use crate::check::Sink;

pub(super) fn check(call: &Call<'_, '_, '_>, sink: &mut Sink<'_>) {
    if call.has("nomount") && call.has("romount") {
        sink.error("conflicting-options", "`--nomount` and `--romount` exclude each other", call.span("romount"));
    }
}
