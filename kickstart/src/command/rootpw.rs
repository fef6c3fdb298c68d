//! `rootpw` and `sshpw`.

use super::{Call, State};
use crate::check::Sink;

pub(super) fn check(call: &Call<'_, '_, '_>, sink: &mut Sink<'_>) {
    if !call.is_filled("password") && !call.has("lock") {
        sink.error("missing-argument", "`rootpw` needs a password, or `--lock`", call.line.name.span);
    }
}

pub(super) fn check_sshpw<'d>(call: &Call<'_, 'd, '_>, state: &mut State<'d>, sink: &mut Sink<'_>) {
    if !call.has("password") {
        sink.error("missing-argument", "`sshpw` needs a password", call.line.name.span);
    }
    state.define(sink, "installer user", call.text("username"), call.span("username"));
}
