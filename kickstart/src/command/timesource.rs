//! `timesource`.

use super::Call;
use crate::check::Sink;

pub(super) fn check(call: &Call<'_, '_, '_>, sink: &mut Sink<'_>) {
    let ways = [call.is_filled("ntp_server"), call.is_filled("ntp_pool"), call.has("ntp_disable")];
    match ways.into_iter().filter(|way| *way).count() {
        1 => {}
        0 => {
            let message = "`timesource` needs `--ntp-server`, `--ntp-pool` or `--ntp-disable`";
            sink.error("missing-option", message, call.line.name.span);
        }
        _ => {
            let message = "`timesource` takes one of `--ntp-server`, `--ntp-pool` and `--ntp-disable`; write a line for each";
            sink.error("conflicting-options", message, call.line.name.span);
        }
    }
}
