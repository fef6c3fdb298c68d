//! Networks that will not come up.

pub(super) mod address_with_dhcp;
pub(super) mod device_on_unknown_device;
pub(super) mod first_network_inactive;
pub(super) mod gateway_outside_network;
pub(super) mod invalid_hostname;
pub(super) mod invalid_ip_address;
pub(super) mod invalid_mtu;
pub(super) mod invalid_netmask;
pub(super) mod invalid_vlan_id;
pub(super) mod ipv6_contradiction;
pub(super) mod no_ip_at_all;
pub(super) mod options_without_slaves;
pub(super) mod static_network_incomplete;
pub(super) mod two_default_routes;
pub(super) mod unknown_url_scheme;
pub(super) mod unlikely_device_name;
pub(super) mod unusable_address;
