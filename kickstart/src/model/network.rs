//! Interfaces and their addresses.

use super::noun::noun;

noun! {
    /// `network`: one interface, or the host's name alone.
    Network: "network" [] {
        /// The interface: a name, a MAC address, `link` or `bootif`.
        device: text = "device",
        /// `dhcp`, `static`, `bootp` or `ibft`.
        boot_proto: text = "bootProto",
        /// The IPv4 address.
        ip: text = "ip",
        /// The IPv4 netmask.
        netmask: text = "netmask",
        /// The IPv4 router.
        gateway: text = "gateway",
        /// The IPv6 address with its prefix, `auto` or `dhcp`.
        ipv6: text = "ipv6",
        /// The IPv6 router.
        ipv6_gateway: text = "ipv6gateway",
        /// Name servers.
        name_servers: list = "nameserver",
        /// The host's name.
        host_name: text = "hostname",
        /// Bytes of the largest packet.
        mtu: text = "mtu",
        /// Interfaces of the bond that this is.
        bond_slaves: list = "bondslaves",
        /// Options of the bond.
        bond_options: text = "bondopts",
        /// Interfaces of the bridge that this is.
        bridge_slaves: list = "bridgeslaves",
        /// The number of the VLAN that this is.
        vlan: text = "vlanid",
        /// Name of the VLAN's interface.
        interface_name: text = "interfacename",
        /// `--activate` or `--no-activate`: whether it is brought up while installing.
        activate: which = "activate",
        /// Brought up when the machine starts: `yes` or `no`.
        on_boot: text = "onboot",
        /// No default route through it.
        no_default_route: switch = "nodefroute",
        /// No IPv4.
        no_ipv4: switch = "noipv4",
        /// No IPv6.
        no_ipv6: switch = "noipv6",
    }
}
