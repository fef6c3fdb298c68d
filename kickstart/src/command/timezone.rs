//! `timezone`.

use super::{Call, State};
use crate::check::Sink;
use crate::release::Release;

pub(super) fn check<'d>(call: &Call<'_, 'd, '_>, state: &mut State<'d>, sink: &mut Sink<'_>) {
    if call.line.arguments.is_empty() {
        sink.error("missing-argument", "`timezone` needs a time zone or an option", call.line.name.span);
        return;
    }
    if call.matched.all("timezone").count() > 1 {
        sink.error("unexpected-argument", "`timezone` takes one time zone", call.span("timezone"));
    }
    if call.has("ntpservers") {
        state.has_ntpservers = call.has_list("ntpservers");
    }
    if state.has_ntpservers && call.has("nontp") {
        sink.error("conflicting-options", "`--nontp` and `--ntpservers` exclude each other", call.span("nontp"));
    }
    if call.release() == Release::Rhel9 {
        warn_of_old_options(call, state, sink);
    }
}

/// RHEL 9 takes the options that RHEL 10 dropped, with a warning.
fn warn_of_old_options(call: &Call<'_, '_, '_>, state: &State<'_>, sink: &mut Sink<'_>) {
    if call.line.arguments.iter().any(|word| word.value == "--isUtc") {
        let message = "option `--isUtc` of `timezone` is deprecated in rhel9";
        sink.deprecated("deprecated-option", message, call.span("isUtc"), "write `--utc`");
    }
    if state.has_ntpservers {
        let message = "option `--ntpservers` of `timezone` is deprecated in rhel9";
        let instead = "write a line `timesource --ntp-server=SERVER` for each server";
        sink.deprecated("deprecated-option", message, call.span("ntpservers"), instead);
    }
    if call.has("nontp") {
        let message = "option `--nontp` of `timezone` is deprecated in rhel9";
        sink.deprecated("deprecated-option", message, call.span("nontp"), "write a line `timesource --ntp-disable`");
    }
}
