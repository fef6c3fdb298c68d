//! `harddrive`.

use super::{Call, State};
use crate::check::Sink;
use crate::release::Release;

pub(super) fn check<'d>(call: &Call<'_, 'd, '_>, state: &mut State<'d>, sink: &mut Sink<'_>) {
    // Later releases have only `--partition`, and their option table demands it.
    if !matches!(call.release(), Release::Rhel7 | Release::Rhel8) {
        return;
    }
    let memory = &mut state.harddrive;
    memory.biospart |= call.has("biospart");
    memory.partition |= call.has("partition");
    if memory.biospart == memory.partition {
        let code = if memory.biospart { "conflicting-options" } else { "missing-option" };
        sink.error(code, "`harddrive` takes one of `--partition` and `--biospart`", call.line.name.span);
    }
}
