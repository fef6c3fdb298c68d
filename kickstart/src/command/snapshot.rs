//! `snapshot`.

use super::{Call, State};
use crate::check::Sink;

pub(super) fn check<'d>(call: &Call<'_, 'd, '_>, state: &mut State<'d>, sink: &mut Sink<'_>) {
    state.define(sink, "snapshot", call.text("name"), call.span("name"));
    let is_volume = |origin: &str| {
        origin.split_once('/').is_some_and(|(group, volume)| !group.is_empty() && !volume.is_empty() && !volume.contains('/'))
    };
    if !is_volume(call.text("origin")) {
        sink.error("invalid-value", "a snapshot is of `GROUP/VOLUME`", call.span("origin"));
    }
}
