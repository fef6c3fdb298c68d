//! `nvdimm`.

use super::{Call, State};
use crate::check::Sink;

pub(super) fn check<'d>(call: &Call<'_, 'd, '_>, state: &mut State<'d>, sink: &mut Sink<'_>) {
    let (namespace, devices) = (call.text("namespace"), call.text("blockdevs"));
    let has_devices = call.has_list("blockdevs");
    let span = call.line.name.span;
    if !namespace.is_empty() && has_devices {
        sink.error("conflicting-options", "`--namespace` and `--blockdevs` exclude each other", span);
        return;
    }
    let action = call.text("action");
    if !namespace.is_empty() || has_devices {
        let devices: Vec<&str> = devices.split(',').map(str::trim).filter(|device| !device.is_empty()).collect();
        state.define(sink, "nvdimm action", format!("{action} {namespace} {}", devices.join(",")), span);
    }
    if action == "reconfigure" {
        if namespace.is_empty() {
            sink.error("missing-option", "`nvdimm reconfigure` needs `--namespace`", span);
        } else if !call.is_nonzero("sectorsize") {
            // The mode is `sector` unless another is named, and no other is known.
            sink.error("missing-option", "`nvdimm reconfigure` needs `--sectorsize`", span);
        }
    } else if namespace.is_empty() && !has_devices {
        sink.error("missing-option", "`nvdimm use` needs `--namespace` or `--blockdevs`", span);
    }
}
