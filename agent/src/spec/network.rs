//! Networks of the site and how a VM's NIC is on one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnetwork::{Ipv4Network, Ipv6Network};

use super::{Fqdn, InterfaceName, MacAddr, NetworkName};

/// How a libvirt network that we define reaches the outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forward {
    /// Address translation by the hypervisor.
    Nat,
    /// Plain routing by the hypervisor.
    Route,
    /// Guests and hypervisor only.
    Isolated,
}

/// Addresses that the libvirt network's DHCP server may hand out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DhcpRange {
    /// First address.
    pub start: Ipv4Addr,
    /// Last address.
    pub end: Ipv4Addr,
}

/// What carries a network on a hypervisor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NetworkKind {
    /// A bridge that exists already; we never touch it.
    Bridge {
        /// The bridge's interface name.
        bridge: InterfaceName,
    },
    /// A libvirt network that we define under the network's name.
    Libvirt {
        /// The bridge's interface name, which libvirt makes.
        bridge: InterfaceName,
        /// Reach.
        forward: Forward,
        /// DHCP; none: no server.
        dhcp: Option<DhcpRange>,
    },
}

/// A network of the site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkSpec {
    /// Its name.
    pub name: NetworkName,
    /// What carries it.
    pub kind: NetworkKind,
    /// IPv4 range, host bits zero.
    pub v4: Option<Ipv4Network>,
    /// IPv6 range, host bits zero.
    pub v6: Option<Ipv6Network>,
    /// IPv4 default route; on a libvirt network this is the hypervisor's own address.
    pub gateway4: Option<Ipv4Addr>,
    /// IPv6 default route.
    pub gateway6: Option<Ipv6Addr>,
    /// Name servers; empty: the site's.
    pub dns: Vec<IpAddr>,
    /// Search domain; none: the site's domain.
    pub domain: Option<Fqdn>,
    /// The hypervisor's address on this network, at which guests reach the install listener.
    pub install_address: Option<IpAddr>,
}

/// A NIC's IPv4 configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Address4 {
    /// No IPv4.
    None,
    /// By DHCP.
    Dhcp,
    /// A fixed address within the network's range.
    Static(Ipv4Addr),
}

/// A NIC's IPv6 configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Address6 {
    /// No IPv6.
    None,
    /// By router advertisements.
    Auto,
    /// By `DHCPv6`.
    Dhcp,
    /// A fixed address within the network's range.
    Static(Ipv6Addr),
}

/// One NIC of a VM. The first is the one it installs over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NicSpec {
    /// The network it is on.
    pub network: NetworkName,
    /// Its address; a function of the site, so that a rebuild from nothing gives the same one.
    pub mac: MacAddr,
    /// IPv4.
    pub v4: Address4,
    /// IPv6.
    pub v6: Address6,
}

impl NicSpec {
    /// The fixed address by which the VM is reached, if it has one; IPv4 first.
    pub fn static_address(&self) -> Option<IpAddr> {
        match (self.v4, self.v6) {
            (Address4::Static(four), _) => Some(four.into()),
            (_, Address6::Static(six)) => Some(six.into()),
            _ => None,
        }
    }
}
