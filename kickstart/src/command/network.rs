//! `network`.

use super::{Call, State};
use crate::check::Sink;
use crate::python::parse_int;
use crate::release::Release;

/// Highest VLAN id.
const MOST_VLAN: i64 = 4095;

pub(super) fn check<'d>(call: &Call<'_, 'd, '_>, state: &mut State<'d>, sink: &mut Sink<'_>) {
    let device = call.text("device");
    state.define(sink, "network device", device, call.span("device"));
    check_bridge(call, sink);
    if call.text("bindto") == "mac" && call.is_filled("vlanid") && !call.is_filled("bondopts") {
        let message = "`--bindto=mac` is not for VLAN devices";
        sink.error("conflicting-options", message, call.span("bindto"));
    }
    if device.is_empty() {
        let needs_device = [
            ("ipv4_dns_search", call.is_filled("ipv4_dns_search"), "--ipv4-dns-search"),
            ("ipv6_dns_search", call.is_filled("ipv6_dns_search"), "--ipv6-dns-search"),
            ("ipv4_ignore_auto_dns", call.has("ipv4_ignore_auto_dns"), "--ipv4-ignore-auto-dns"),
            ("ipv6_ignore_auto_dns", call.has("ipv6_ignore_auto_dns"), "--ipv6-ignore-auto-dns"),
        ];
        if let Some((dest, _, option)) = needs_device.into_iter().find(|(_, given, _)| *given) {
            sink.error("missing-option", format!("`{option}` needs `--device`"), call.span(dest));
        }
    }
    if call.release() == Release::Rhel7
        && let Some(message) = bad_interface_name(call.text("interfacename"))
    {
        sink.error("invalid-value", message, call.span("interfacename"));
    }
}

fn check_bridge(call: &Call<'_, '_, '_>, sink: &mut Sink<'_>) {
    if !call.is_filled("bridgeopts") {
        return;
    }
    if !call.is_filled("bridgeslaves") {
        sink.error("missing-option", "`--bridgeopts` needs `--bridgeslaves`", call.span("bridgeopts"));
        return;
    }
    let is_pair = |option: &str| option.split_once('=').is_some_and(|(_, value)| !value.is_empty() && !value.contains('='));
    if !call.text("bridgeopts").split(',').all(is_pair) {
        sink.error("invalid-value", "`--bridgeopts` is `KEY=VALUE`, more of them between commas", call.span("bridgeopts"));
    }
}

/// What is wrong with the name of a VLAN interface, as RHEL 7 sees it.
fn bad_interface_name(name: &str) -> Option<&'static str> {
    let mut id = None;
    if let Some((prefix, number)) = name.split_once('.') {
        if prefix == "vlan" {
            return Some("an interface name `PREFIX.ID` has another prefix than `vlan`");
        }
        match parse_int(number) {
            Some(number) => id = Some(number),
            None => return Some("a VLAN id follows the dot in an interface name"),
        }
    }
    if let Some(number) = name.strip_prefix("vlan") {
        match parse_int(number) {
            Some(number) => id = Some(number),
            None => return Some("a VLAN id follows `vlan` in an interface name"),
        }
    }
    id.is_some_and(|id| !(0..=MOST_VLAN).contains(&id)).then_some("a VLAN id is between 0 and 4095")
}
