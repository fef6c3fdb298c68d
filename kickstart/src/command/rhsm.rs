//! `rhsm`.

use super::Call;
use crate::check::Sink;

pub(super) fn check(call: &Call<'_, '_, '_>, sink: &mut Sink<'_>) {
    if let Some(key) = call.matched.all("activation_keys").find(|taken| taken.value == Some("")) {
        sink.error("invalid-value", "an activation key is empty", call.line.span(key.word));
    }
}
