//! `driverdisk`.

use super::Call;
use crate::check::Sink;

pub(super) fn check(call: &Call<'_, '_, '_>, sink: &mut Sink<'_>) {
    let partitions = call.matched.all("partition").count();
    if partitions > 1 {
        sink.error("unexpected-argument", "`driverdisk` takes one partition", call.span("partition"));
        return;
    }
    let places = [partitions > 0, call.is_filled("source"), call.is_filled("biospart")];
    match places.into_iter().filter(|given| *given).count() {
        1 => {}
        0 => {
            let message = "`driverdisk` needs a partition, `--source` or `--biospart`";
            sink.error("missing-option", message, call.line.name.span);
        }
        _ => {
            let message = "`driverdisk` takes one of a partition, `--source` and `--biospart`";
            sink.error("conflicting-options", message, call.line.name.span);
        }
    }
}
