//! `device`, `dmraid` and `multipath`, which only RHEL 7 still reads.

use super::{Call, State};
use crate::check::Sink;

pub(super) fn check<'d>(call: &Call<'_, 'd, '_>, state: &mut State<'d>, sink: &mut Sink<'_>) {
    let [word] = call.matched.extras[..] else {
        sink.error("missing-argument", "`device` needs one argument: the name of a module", call.line.name.span);
        return;
    };
    let name = call.line.arguments[word].value.as_ref();
    if name.starts_with('-') {
        crate::check::report_extras(call.line, &[word], sink);
        return;
    }
    state.define(sink, "module", name, call.line.span(word));
}

pub(super) fn check_dmraid<'d>(call: &Call<'_, 'd, '_>, state: &mut State<'d>, sink: &mut Sink<'_>) {
    let name = call.text("name").rsplit('/').next().unwrap_or_default();
    let devices: Vec<&str> = call.matched.all("devices").filter_map(|taken| taken.value).collect();
    state.define(sink, "DM RAID device", format!("{name} {}", devices.join(" ")), call.span("name"));
}

pub(super) fn check_multipath<'d>(call: &Call<'_, 'd, '_>, state: &mut State<'d>, sink: &mut Sink<'_>) {
    state.define(sink, "multipath member", call.text("device"), call.span("device"));
}
