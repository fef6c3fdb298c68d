//! XML that we hand to libvirt besides domains (pools, volumes, networks), and what we read out of libvirt's.

use std::fmt::{self, Write};

use camino::{Utf8Path, Utf8PathBuf};
use roxmltree::{Document, Node};

use crate::spec::{Address4, DhcpRange, Forward, InterfaceName, NetworkSpec, NicSpec, PoolSpec, VmName, VolumeSpec};
use crate::xml::{Text, network_element};

/// A pool of type `dir`.
pub(super) fn pool_xml(pool: &PoolSpec) -> String {
    format!(
        "<pool type=\"dir\"><name>{}</name><target><path>{}</path></target></pool>",
        Text(pool.name.as_str()),
        Text(pool.path.as_str())
    )
}

/// Type and directory of a pool.
pub(super) fn read_pool(xml: &str) -> (String, Option<Utf8PathBuf>) {
    let Ok(document) = Document::parse(xml) else { return (String::new(), None) };
    let root = document.root_element();
    let path = child(root, "target").and_then(|target| child(target, "path")).and_then(|path| path.text());
    (root.attribute("type").unwrap_or_default().to_owned(), path.map(|path| without_slash(path).to_owned()))
}

/// `path` as libvirt keeps it: without a trailing slash.
pub(super) fn without_slash(path: &str) -> &Utf8Path {
    match path.trim_end_matches('/') {
        "" => Utf8Path::new(path),
        trimmed => Utf8Path::new(trimmed),
    }
}

/// A qcow2 volume that takes no space yet.
pub(super) fn volume_xml(volume: &VolumeSpec) -> String {
    format!(
        "<volume><name>{}</name><capacity unit=\"bytes\">{}</capacity><allocation>0</allocation>\
         <target><format type=\"qcow2\"/><compat>1.1</compat></target></volume>",
        Text(&volume.name),
        volume.capacity_bytes
    )
}

/// A libvirt network that we define.
pub(super) struct NetworkXml<'a> {
    pub(super) network: &'a NetworkSpec,
    pub(super) bridge: &'a InterfaceName,
    pub(super) forward: Forward,
    pub(super) dhcp: Option<DhcpRange>,
    pub(super) hosts: &'a [(VmName, NicSpec)],
    pub(super) digest: &'a str,
}

impl NetworkXml<'_> {
    /// The definition. UUID and the bridge's address are those of the definition that it replaces, if any.
    pub(super) fn render(&self, replaces: Option<&str>) -> String {
        let mut xml = String::with_capacity(1024);
        // A String takes everything that is written to it.
        let written = self.write(&mut xml, replaces.and_then(|old| Document::parse(old).ok()).as_ref());
        debug_assert!(written.is_ok());
        xml
    }

    fn write(&self, out: &mut String, replaces: Option<&Document<'_>>) -> fmt::Result {
        let old = |name| replaces.and_then(|old| child(old.root_element(), name));
        write!(out, "<network><name>{}</name>", Text(self.network.name.as_str()))?;
        if let Some(uuid) = old("uuid").and_then(|uuid| uuid.text()) {
            write!(out, "<uuid>{}</uuid>", Text(uuid))?;
        }
        write!(out, "<metadata>{}</metadata>", network_element(self.digest))?;
        match self.forward {
            Forward::Nat => write!(out, "<forward mode=\"nat\"/>")?,
            Forward::Route => write!(out, "<forward mode=\"route\"/>")?,
            Forward::Isolated => {}
        }
        write!(out, "<bridge name=\"{}\" stp=\"off\" delay=\"0\"/>", Text(self.bridge.as_str()))?;
        if let Some(address) = old("mac").and_then(|mac| mac.attribute("address")) {
            write!(out, "<mac address=\"{}\"/>", Text(address))?;
        }
        if let Some(domain) = &self.network.domain {
            write!(out, "<domain name=\"{}\"/>", Text(domain.as_str()))?;
        }
        if !self.network.dns.is_empty() {
            write!(out, "<dns>")?;
            for server in &self.network.dns {
                write!(out, "<forwarder addr=\"{server}\"/>")?;
            }
            write!(out, "</dns>")?;
        }
        if let (Some(range), Some(address)) = (self.network.v4, self.network.gateway4) {
            write!(out, "<ip address=\"{address}\" prefix=\"{}\">", range.prefix())?;
            if let Some(dhcp) = self.dhcp {
                write!(out, "<dhcp><range start=\"{}\" end=\"{}\"/>", dhcp.start, dhcp.end)?;
                for host in dhcp_hosts(self.hosts) {
                    out.push_str(&host.element());
                }
                write!(out, "</dhcp>")?;
            }
            write!(out, "</ip>")?;
        }
        if let (Some(range), Some(address)) = (self.network.v6, self.network.gateway6) {
            write!(out, "<ip family=\"ipv6\" address=\"{address}\" prefix=\"{}\"/>", range.prefix())?;
        }
        write!(out, "</network>")
    }
}

/// One fixed address of a network's DHCP server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DhcpHost {
    pub(super) mac: String,
    pub(super) name: String,
    pub(super) ip: String,
}

impl DhcpHost {
    /// As libvirt's `<host>`.
    pub(super) fn element(&self) -> String {
        format!("<host mac=\"{}\" name=\"{}\" ip=\"{}\"/>", Text(&self.mac), Text(&self.name), Text(&self.ip))
    }
}

/// Only fixed IPv4 addresses can be DHCP entries; a NIC that asks for any address gets one of the range.
fn dhcp_hosts(hosts: &[(VmName, NicSpec)]) -> impl Iterator<Item = DhcpHost> {
    hosts.iter().filter_map(|(vm, nic)| match nic.v4 {
        Address4::Static(ip) => Some(DhcpHost { mac: nic.mac.to_string(), name: vm.to_string(), ip: ip.to_string() }),
        Address4::None | Address4::Dhcp => None,
    })
}

/// What a network definition of libvirt says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ReadNetwork {
    /// Everything but DHCP entries, metadata and what libvirt adds by itself, sorted: what a restart is needed for.
    pub(super) frame: Vec<String>,
    /// DHCP entries.
    pub(super) hosts: Vec<DhcpHost>,
    /// Guests plugged in.
    pub(super) connections: u32,
}

/// Reads a network definition; none where libvirt's XML is none.
pub(super) fn read_network(xml: &str) -> Option<ReadNetwork> {
    let document = Document::parse(xml).ok()?;
    let root = document.root_element();
    let connections = root.attribute("connections").and_then(|n| n.parse().ok()).unwrap_or(0);
    let hosts = root
        .children()
        .filter(|node| node.has_tag_name("ip"))
        .flat_map(|ip| ip.children().filter(|node| node.has_tag_name("dhcp")))
        .flat_map(|dhcp| dhcp.children().filter(|node| node.has_tag_name("host")))
        .map(|host| {
            let text = |name| host.attribute(name).unwrap_or_default().to_owned();
            DhcpHost { mac: text("mac"), name: text("name"), ip: text("ip") }
        })
        .collect();
    let mut frame = Vec::new();
    for node in root.children().filter(|node| !["metadata", "uuid", "mac"].iter().any(|name| node.has_tag_name(*name))) {
        flatten(node, "", &mut frame);
    }
    frame.sort();
    Some(ReadNetwork { frame, hosts, connections })
}

/// Every element and attribute below `node` as one line each, without DHCP entries, `connections` counters and the port range
/// that a running network with address translation shows.
fn flatten(node: Node<'_, '_>, path: &str, lines: &mut Vec<String>) {
    let skipped = (node.has_tag_name("host") && path.ends_with("/dhcp")) || (node.has_tag_name("nat") && path == "/forward");
    if !node.is_element() || skipped {
        return;
    }
    let path = format!("{path}/{}", node.tag_name().name());
    let text = node.text().map(str::trim).unwrap_or_default();
    lines.push(format!("{path}={text}"));
    for attribute in node.attributes().filter(|a| a.name() != "connections") {
        lines.push(format!("{path}@{}={}", attribute.name(), attribute.value()));
    }
    for inner in node.children() {
        flatten(inner, &path, lines);
    }
}

/// The kernel, initrd and command line of a domain definition; none where it boots otherwise.
pub(super) fn read_direct_boot(xml: &str) -> Option<[String; 3]> {
    let document = Document::parse(xml).ok()?;
    let os = child(document.root_element(), "os")?;
    let text = |name| child(os, name).and_then(|node| node.text()).unwrap_or_default().to_owned();
    let kernel = text("kernel");
    (!kernel.is_empty()).then(|| [kernel, text("initrd"), text("cmdline")])
}

/// Whether the guest agent's port is open on the guest's side.
pub(super) fn agent_connected(xml: &str) -> bool {
    let Ok(document) = Document::parse(xml) else { return false };
    document.descendants().any(|node| {
        node.has_tag_name("target")
            && node.attribute("name") == Some("org.qemu.guest_agent.0")
            && node.attribute("state") == Some("connected")
    })
}

fn child<'a, 'input>(node: Node<'a, 'input>, name: &str) -> Option<Node<'a, 'input>> {
    node.children().find(|child| child.has_tag_name(name))
}
