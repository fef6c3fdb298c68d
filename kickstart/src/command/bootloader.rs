//! `bootloader`.

use super::Call;
use crate::check::Sink;

pub(super) fn check(call: &Call<'_, '_, '_>, sink: &mut Sink<'_>) {
    if call.text("bootDrive").contains(',') {
        sink.error("invalid-value", "`--boot-drive` takes one drive", call.span("bootDrive"));
    }
    if call.has("sdboot") && call.has("extlinux") {
        sink.error("conflicting-options", "`--sdboot` and `--extlinux` exclude each other", call.span("extlinux"));
    }
}
