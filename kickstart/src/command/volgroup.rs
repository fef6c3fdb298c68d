//! `volgroup`.

use super::{Call, State};
use crate::check::Sink;

pub(super) fn check<'d>(call: &Call<'_, 'd, '_>, state: &mut State<'d>, sink: &mut Sink<'_>) {
    let names = call.matched.all("name").count();
    // Words after the options are volumes; without such words, the ones after the name are.
    let has_volumes = call.has("partitions") || !call.matched.extras.is_empty() || names > 1;
    let exists = call.has("preexist") || call.has("format");
    let Some(name) = call.matched.all("name").next() else {
        sink.error("missing-argument", "`volgroup` needs a name", call.line.name.span);
        return;
    };
    if !has_volumes && !exists {
        sink.error("missing-argument", "`volgroup` needs the physical volumes it is made of", call.line.name.span);
    } else if has_volumes && exists {
        sink.error("unexpected-argument", "a volume group that exists takes no physical volumes", call.line.name.span);
    }
    state.define(sink, "volume group", name.value.unwrap_or_default(), call.line.span(name.word));
    for (dest, option) in [("reserved_space", "--reserved-space"), ("reserved_percent", "--reserved-percent")] {
        if call.is_void(dest) {
            sink.error("invalid-integer", format!("`{option}` takes a whole number"), call.span(dest));
            return;
        }
    }
    if call.matched.number("reserved_space").is_some_and(|space| space < 0) {
        sink.error("invalid-value", "`--reserved-space` is not negative", call.span("reserved_space"));
    }
    if call.matched.number("reserved_percent").is_some_and(|percent| !(1..=99).contains(&percent)) {
        sink.error("invalid-value", "`--reserved-percent` is between 1 and 99", call.span("reserved_percent"));
    }
}
