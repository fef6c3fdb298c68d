//! `cmdline`, `text` and `graphical`.

use super::Call;
use crate::check::Sink;

pub(super) fn check(call: &Call<'_, '_, '_>, sink: &mut Sink<'_>) {
    if call.line.name.value == "cmdline" && call.has("nonInteractive") {
        let message = "`cmdline` takes no `--non-interactive`: it never asks";
        sink.error("unexpected-argument", message, call.span("nonInteractive"));
    }
}
