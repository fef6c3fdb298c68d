//! `repo`.

use super::url::sources;
use super::{Call, State};
use crate::check::Sink;

pub(super) fn check<'d>(call: &Call<'_, 'd, '_>, state: &mut State<'d>, sink: &mut Sink<'_>) {
    if sources(call, "baseurl") > 1 {
        let message = "`repo` takes one of `--baseurl`, `--mirrorlist` and `--metalink`";
        sink.error("conflicting-options", message, call.line.name.span);
    }
    state.define(sink, "repository", call.text("name"), call.span("name"));
}
