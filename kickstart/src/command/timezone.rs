//! `timezone`.

use super::{Call, State};
use crate::check::Sink;
use crate::diagnostic::{Applicability, Fix};
use crate::release::Release;
use crate::source::Span;

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
    if let Some(word) = call.line.arguments.iter().find(|word| word.value == "--isUtc") {
        let message = "option `--isUtc` of `timezone` is deprecated in rhel9";
        sink.deprecated("deprecated-option", message, word.span, "write `--utc`");
        sink.fix(Fix::replace(word.span, "--utc", Applicability::Safe));
    }
    if state.has_ntpservers {
        let message = "option `--ntpservers` of `timezone` is deprecated in rhel9";
        let instead = "write a line `timesource --ntp-server=SERVER` for each server";
        sink.deprecated("deprecated-option", message, call.span("ntpservers"), instead);
        let servers = call.text("ntpservers").split(',').map(str::trim).filter(|server| !server.is_empty());
        let lines = servers.flat_map(|server| ["timesource --ntp-server=", server, "\n"]).collect();
        move_to_timesource(call, "ntpservers", lines, sink);
    }
    if call.has("nontp") {
        let message = "option `--nontp` of `timezone` is deprecated in rhel9";
        sink.deprecated("deprecated-option", message, call.span("nontp"), "write a line `timesource --ntp-disable`");
        move_to_timesource(call, "nontp", "timesource --ntp-disable\n".to_owned(), sink);
    }
}

/// Adds the change that takes option `dest` out of the line and puts `lines` after it.
fn move_to_timesource(call: &Call<'_, '_, '_>, dest: &str, lines: String, sink: &mut Sink<'_>) {
    let Some(taken) = call.matched.last(dest) else { return };
    let word = &call.line.arguments[taken.word];
    let line = sink.line_span();
    // A value in a word of its own, or a name that needs quotes, is left to a person.
    let is_simple = (taken.value.is_none() || word.value.contains('=')) && !lines.contains(['\'', '"', '\\', '#', '$']);
    if is_simple && sink.line_text().ends_with('\n') && call.line.arguments.len() > 1 {
        let fix = Fix::remove_word(sink.text(), word.span, Applicability::Safe);
        sink.fix(fix.and(Span::new(line.end, line.end), lines));
    }
}
