//! `keyboard`.

use super::{Call, State};
use crate::check::Sink;

pub(super) fn check<'d>(call: &Call<'_, 'd, '_>, state: &mut State<'d>, sink: &mut Sink<'_>) {
    if call.has("x_layouts") {
        state.has_xlayouts = call.has_list("x_layouts");
    }
    let maps = call.matched.all("kbd").count();
    if maps > 1 {
        sink.error("unexpected-argument", "`keyboard` takes one argument", call.span("kbd"));
    } else if maps == 0 && !call.is_filled("vc_keymap") && !state.has_xlayouts {
        let message = "`keyboard` needs a keymap, `--vckeymap` or `--xlayouts`";
        sink.error("missing-option", message, call.line.name.span);
    }
}
