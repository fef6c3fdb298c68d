//! `raid`.

use super::filesystem::{check_mkfs, check_pbkdf, unsupported_btrfs};
use super::{Call, State};
use crate::check::Sink;
use crate::release::Release;

pub(super) fn check<'d>(call: &Call<'_, 'd, '_>, state: &mut State<'d>, sink: &mut Sink<'_>) {
    let extras = &call.matched.extras;
    if let Some(option) = extras.iter().find(|word| call.line.arguments[**word].value.starts_with('-')) {
        crate::check::report_extras(call.line, &[*option], sink);
        return;
    }
    let has_members = call.has("partitions") || !extras.is_empty();
    let exists = call.has("preexist") || call.has("format");
    if !has_members && !exists {
        sink.error("missing-argument", "`raid` needs the partitions it is made of", call.line.name.span);
    } else if has_members && exists {
        sink.error("unexpected-argument", "a RAID device that exists takes no partitions", call.line.name.span);
    }
    let device = call.text("device");
    // From Fedora 43 and RHEL 10 on, `md0` and `0` are two names.
    let is_literal = matches!(call.release(), Release::Rhel10 | Release::F43 | Release::F44);
    let device = if is_literal { device } else { device.strip_prefix("md").unwrap_or(device) };
    state.define(sink, "RAID device", device, call.span("device"));
    if exists && device.is_empty() {
        sink.error("invalid-value", "a RAID device that exists needs its name in `--device`", call.span("device"));
    }
    if !exists && !call.has("level") {
        sink.error("missing-option", "`raid` needs `--level`", call.line.name.span);
    }
    check_mkfs(call, sink);
    check_pbkdf(call, sink);
    if matches!(call.release(), Release::Rhel8 | Release::Rhel9) && call.text("fstype") == "btrfs" {
        unsupported_btrfs(call, "fstype", sink);
    }
}
