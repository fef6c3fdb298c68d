//! `install` and `method`, which only old releases still read.

use super::Call;
use crate::check::Sink;

pub(super) fn check(call: &Call<'_, '_, '_>, sink: &mut Sink<'_>) {
    if call.has("root_device") && !call.is_filled("root_device") {
        sink.error("invalid-value", "`--root-device` is empty", call.span("root_device"));
    }
}

/// `method` is the name for what `url`, `nfs`, `cdrom` and `harddrive` set; it is no line of its own.
pub(super) fn check_method(call: &Call<'_, '_, '_>, sink: &mut Sink<'_>) {
    sink.error("unknown-command", "`method` is not a command: use `url`, `nfs`, `cdrom` or `harddrive`", call.line.name.span);
}
