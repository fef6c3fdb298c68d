//! `zfcp`.

use super::{Call, State};
use crate::check::Sink;
use crate::release::Release;

pub(super) fn check<'d>(call: &Call<'_, 'd, '_>, state: &mut State<'d>, sink: &mut Sink<'_>) {
    let (device, port, unit) = (call.text("devnum"), call.text("wwpn"), call.text("fcplun"));
    state.define(sink, "zFCP device", format!("{device} {port} {unit}"), call.span("devnum"));
    if matches!(call.release(), Release::Rhel7 | Release::Rhel8) {
        return;
    }
    if device.is_empty() || port.is_empty() != unit.is_empty() {
        let message = "`zfcp` takes `--devnum` alone or with both `--wwpn` and `--fcplun`";
        sink.error("missing-option", message, call.line.name.span);
    }
}
