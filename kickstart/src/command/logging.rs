//! `logging`.

use super::{Call, State};
use crate::check::Sink;

pub(super) fn check<'d>(call: &Call<'_, 'd, '_>, state: &mut State<'d>, sink: &mut Sink<'_>) {
    let memory = &mut state.logging;
    if call.has("host") {
        memory.host = call.is_filled("host");
    }
    if call.has("port") {
        memory.port = call.is_filled("port");
    }
    if memory.port && !memory.host {
        sink.error("missing-option", "`--port` needs `--host`", call.span("port"));
    }
}
