//! `ostreesetup`.

use super::Call;
use crate::check::Sink;

pub(super) fn check(call: &Call<'_, '_, '_>, sink: &mut Sink<'_>) {
    let url = call.text("url");
    if !["file:", "http:", "https:"].iter().any(|scheme| url.starts_with(scheme)) {
        sink.error("invalid-value", "`--url` starts with file:, http: or https:", call.span("url"));
    }
}
