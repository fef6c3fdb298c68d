//! `updates`.

use super::Call;
use crate::check::Sink;

pub(super) fn check(call: &Call<'_, '_, '_>, sink: &mut Sink<'_>) {
    if call.matched.all("updates").count() > 1 {
        sink.error("unexpected-argument", "`updates` takes one address", call.span("updates"));
    }
}
