//! Commands with one simple demand: a name given once, no arguments, or nothing but a warning.

use super::{Call, State};
use crate::check::Sink;
use crate::release::Release;

/// The name in option `dest` must not have been given before.
pub(super) fn check_once<'d>(
    call: &Call<'_, 'd, '_>,
    state: &mut State<'d>,
    sink: &mut Sink<'_>,
    dest: &str,
    what: &'static str,
) {
    state.define(sink, what, call.text(dest), call.span(dest));
}

/// `cdrom` and `hmc` stand alone.
pub(super) fn check_bare(call: &Call<'_, '_, '_>, sink: &mut Sink<'_>) {
    if !call.line.arguments.is_empty() {
        let message = format!("`{}` takes no arguments", call.line.row.name);
        sink.error("unexpected-argument", message, call.line.span(0));
    }
}

/// `auth` and `authconfig` are on their way out from RHEL 8 on.
pub(super) fn check_auth(call: &Call<'_, '_, '_>, sink: &mut Sink<'_>) {
    if matches!(call.release(), Release::Rhel8 | Release::Rhel9) {
        let message = format!("command `{}` is deprecated in {}", call.line.row.name, call.release());
        sink.deprecated("deprecated-command", message, call.line.name.span, "use `authselect`");
    }
}
