//! libvirt networks that we define: a bridge with DHCP.

use virt::error::{Error, ErrorNumber};
use virt::network::Network;
use virt_sys as sys;

use super::super::hypervisor::{Change, HypervisorError, Result};
use super::connection::Session;
use super::error::{found, is_any};
use super::xml::{DhcpHost, NetworkXml, read_network};
use crate::spec::{NetworkKind, NetworkSpec, NicSpec, VmName};
use crate::xml::parse_network_digest;

/// See `Hypervisor::ensure_network`. DHCP entries are changed while the network runs; what needs a restart of the network is
/// only done while no guest is plugged in, and is a conflict otherwise.
pub(super) fn ensure(session: &Session, spec: &NetworkSpec, hosts: &[(VmName, NicSpec)], digest: &str) -> Result<Change> {
    let NetworkKind::Libvirt { bridge, forward, dhcp } = &spec.kind else { return Ok(Change::Unchanged) };
    let wanted = NetworkXml { network: spec, bridge, forward: *forward, dhcp: *dhcp, hosts, digest };
    let name = spec.name.as_str();
    let mut change = Change::Unchanged;

    let existing = session.check("network", "look up network", name, found(session.connect.lookup_network_by_name(name)))?;
    let network = if let Some(network) = existing {
        let xml = session.check("network", "read network", name, definition(&network))?;
        match parse_network_digest(&xml) {
            None => return Err(conflict(name, "it does not carry our metadata; rename it or the site's network")),
            Some(current) if current == digest => {}
            Some(_) => {
                redefine(session, &network, &xml, &wanted)?;
                change = Change::Changed;
            }
        }
        network
    } else {
        change = Change::Changed;
        session.check("network", "define network", name, session.connect.define_network_xml(&wanted.render(None)))?
    };
    if !session.check("network", "look at network", name, network.is_active())? {
        session.check("network", "start network", name, network.create())?;
        change = Change::Changed;
    }
    if !session.check("network", "look at network", name, network.autostart())? {
        session.check("network", "autostart network", name, network.set_autostart(true))?;
        change = Change::Changed;
    }
    Ok(change)
}

/// The definition of a network, which is not always what runs.
pub(super) fn definition(network: &Network) -> std::result::Result<String, Error> {
    match network.xml_desc(sys::VIR_NETWORK_XML_INACTIVE) {
        // Drivers without the difference do not know the flag.
        Err(error) if is_any(&error, &[ErrorNumber::InvalidArg]) => network.xml_desc(0),
        answer => answer,
    }
}

/// Replaces the definition `old` of `network`, the running network first: killed in between, the next pass still sees the old
/// digest and does the rest.
fn redefine(session: &Session, network: &Network, old: &str, wanted: &NetworkXml<'_>) -> Result<()> {
    let name = wanted.network.name.as_str();
    let xml = wanted.render(Some(old));
    if session.check("network", "look at network", name, network.is_active())? {
        let live = session.check("network", "read network", name, network.xml_desc(0))?;
        let (live, defined) = read_network(&live).zip(read_network(&xml)).ok_or_else(|| HypervisorError::Refused {
            action: "read network",
            name: name.to_owned(),
            reason: "its definition is not XML".to_owned(),
        })?;
        if live.frame == defined.frame {
            update_hosts(session, network, name, &live.hosts, &defined.hosts)?;
        } else if live.connections == 0 {
            session.check("network", "stop network", name, network.destroy())?;
        } else {
            let guests = live.connections;
            return Err(conflict(
                name,
                &format!("{guests} guests are on it and the change needs a restart of it; stop them first"),
            ));
        }
    }
    session.check("network", "define network", name, session.connect.define_network_xml(&xml))?;
    Ok(())
}

/// Brings the running network's DHCP entries from `live` to `wanted`.
fn update_hosts(session: &Session, network: &Network, name: &str, live: &[DhcpHost], wanted: &[DhcpHost]) -> Result<()> {
    let update = |command, host: &DhcpHost| {
        let section = sys::VIR_NETWORK_SECTION_IP_DHCP_HOST;
        let answer = network.update(command, section, -1, &host.element(), sys::VIR_NETWORK_UPDATE_AFFECT_LIVE);
        session.check("network", "update network", name, answer)
    };
    // What goes, goes first: an address may pass from one VM to another.
    for host in live.iter().filter(|host| !wanted.contains(host)) {
        update(sys::VIR_NETWORK_UPDATE_COMMAND_DELETE, host)?;
    }
    for host in wanted.iter().filter(|host| !live.contains(host)) {
        update(sys::VIR_NETWORK_UPDATE_COMMAND_ADD_LAST, host)?;
    }
    Ok(())
}

fn conflict(name: &str, reason: &str) -> HypervisorError {
    HypervisorError::Conflict { what: "network", name: name.to_owned(), reason: reason.to_owned() }
}
