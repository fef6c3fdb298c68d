//! `services`.

use super::{Call, State};
use crate::check::Sink;

pub(super) fn check<'d>(call: &Call<'_, 'd, '_>, state: &mut State<'d>, sink: &mut Sink<'_>) {
    let memory = &mut state.services;
    if call.has("disabled") {
        memory.disabled = call.has_list("disabled");
    }
    if call.has("enabled") {
        memory.enabled = call.has_list("enabled");
    }
    if !memory.disabled && !memory.enabled {
        sink.error("missing-option", "`services` needs `--enabled` or `--disabled` with a service", call.line.name.span);
    }
}
