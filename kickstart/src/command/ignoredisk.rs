//! `ignoredisk`.

use super::{Call, State};
use crate::check::Sink;
use crate::release::Release;

pub(super) fn check<'d>(call: &Call<'_, 'd, '_>, state: &mut State<'d>, sink: &mut Sink<'_>) {
    let memory = &mut state.ignoredisk;
    if call.has("ignoredisk") {
        memory.drives = call.has_list("ignoredisk");
    }
    if call.has("onlyuse") {
        memory.only_use = call.has_list("onlyuse");
    }
    // RHEL 8 takes `--interactive` with a warning and for nothing.
    let interactive = call.has("interactive") && call.release() == Release::Rhel7;
    let ways = [memory.drives, memory.only_use, interactive];
    match ways.into_iter().filter(|way| *way).count() {
        1 => {}
        0 => sink.error("missing-option", "`ignoredisk` needs `--drives` or `--only-use`", call.line.name.span),
        _ => sink.error("conflicting-options", "`ignoredisk` takes one of `--drives` and `--only-use`", call.line.name.span),
    }
    if interactive {
        memory.drives = false;
    }
}
