//! The effects of the trait's calls on the state: what each refuses, and when there is nothing to do.

use camino::Utf8Path;
use uuid::Uuid;

use super::hypervisor::GuestLogs;
use super::state::{Content, Definition, QCOW2_EMPTY, SimDomain, SimNetwork, SimState, SimVolume};
use crate::observed::DomainState;
use crate::spec::{DomainNic, DomainSpec, NetworkKind, NetworkSpec, NicSource, NicSpec, PoolName, PoolSpec, VmName, VolumeSpec};
use crate::world::{Change, HypervisorError};
use crate::xml::parse_owner;

type Result<T, E = HypervisorError> = std::result::Result<T, E>;

pub(super) fn refused(action: &'static str, name: &str, reason: impl Into<String>) -> HypervisorError {
    HypervisorError::Refused { action, name: name.to_owned(), reason: reason.into() }
}

fn conflict(what: &'static str, name: &str, reason: impl Into<String>) -> HypervisorError {
    HypervisorError::Conflict { what, name: name.to_owned(), reason: reason.into() }
}

impl SimState {
    pub(super) fn ensure_pool(&mut self, pool: &PoolSpec, directory_bytes: u64) -> Result<Change> {
        let name = pool.name.as_str();
        match self.pools.get_mut(name) {
            Some(existing) if existing.path != pool.path => {
                Err(conflict("pool", name, format!("its path is `{}`, not `{}`", existing.path, pool.path)))
            }
            Some(existing) if existing.active => Ok(Change::Unchanged),
            Some(existing) => {
                existing.active = true;
                Ok(Change::Changed)
            }
            None => {
                if let Some((other, _)) = self.pools.iter().find(|(_, other)| other.path == pool.path) {
                    return Err(conflict("pool", name, format!("pool `{other}` has its path `{}`", pool.path)));
                }
                self.add_pool(name, &pool.path, directory_bytes);
                Ok(Change::Changed)
            }
        }
    }

    pub(super) fn ensure_network(&mut self, network: &NetworkSpec, hosts: &[(VmName, NicSpec)], digest: &str) -> Result<Change> {
        let name = network.name.as_str();
        let NetworkKind::Libvirt { bridge, dhcp, .. } = &network.kind else { return Ok(Change::Unchanged) };
        let guests = self.guests_on(name);
        if let Some(existing) = self.networks.get_mut(name) {
            match &existing.digest {
                None => return Err(conflict("network", name, "it does not carry our mark")),
                Some(old) if old == digest && existing.active => return Ok(Change::Unchanged),
                Some(old) if old == digest => {
                    existing.active = true;
                    return Ok(Change::Changed);
                }
                Some(_) if existing.active && guests > 0 && existing.frame.as_ref() != Some(network) => {
                    let reason = format!("{guests} guests are on it and the change needs a restart of it");
                    return Err(conflict("network", name, reason));
                }
                Some(_) => {}
            }
        }
        let defined = SimNetwork {
            active: true,
            digest: Some(digest.to_owned()),
            bridge: Some(bridge.as_str().to_owned()),
            hosts: hosts.iter().map(|(_, nic)| (nic.mac, nic.clone())).collect(),
            dhcp: *dhcp,
            frame: Some(network.clone()),
        };
        self.networks.insert(name.to_owned(), defined);
        Ok(Change::Changed)
    }

    pub(super) fn create_volume(&mut self, volume: &VolumeSpec) -> Result<Change> {
        let serial = self.next_serial();
        let pool = volume.pool.as_str();
        let Some(directory) = self.directory_mut(pool) else {
            return Err(refused("create volume", &volume.name, format!("pool `{pool}` is not there or not running")));
        };
        if let Some(existing) = directory.volumes.get(&volume.name) {
            if existing.capacity_bytes == volume.capacity_bytes {
                return Ok(Change::Unchanged);
            }
            let reason = format!("its capacity is {} bytes, not {}", existing.capacity_bytes, volume.capacity_bytes);
            return Err(conflict("volume", &volume.name, reason));
        }
        if directory.available_bytes() < QCOW2_EMPTY {
            let reason = format!("pool `{pool}` is full");
            return Err(HypervisorError::NoSpace { what: "volume", name: volume.name.clone(), reason });
        }
        let made =
            SimVolume { serial, capacity_bytes: volume.capacity_bytes, allocation_bytes: QCOW2_EMPTY, content: Content::Blank };
        directory.volumes.insert(volume.name.clone(), made);
        Ok(Change::Changed)
    }

    pub(super) fn delete_volume(&mut self, pool: &PoolName, volume: &str) -> Result<Change> {
        if self.pools.get(pool.as_str()).is_some_and(|pool| !pool.active) {
            return Err(refused("delete volume", volume, format!("pool `{pool}` is not running")));
        }
        let gone = self.directory_mut(pool.as_str()).and_then(|directory| directory.volumes.remove(volume));
        Ok(if gone.is_some() { Change::Changed } else { Change::Unchanged })
    }

    pub(super) fn define_domain(&mut self, domain: &DomainSpec, xml: &str) -> Result<Change> {
        let name = domain.name.as_str();
        check_xml(domain, xml).map_err(|reason| refused("define domain", name, reason))?;
        if let Some((existing, spec)) = self.owned(&domain.name, domain.uuid)? {
            if spec.owner.site != domain.owner.site {
                return Err(conflict("domain", name, format!("it belongs to site `{}`", spec.owner.site)));
            }
            if spec.owner == domain.owner && spec.boot == domain.boot {
                return Ok(Change::Unchanged);
            }
            existing.definition = Definition::Ours(Box::new(domain.clone()));
            return Ok(Change::Changed);
        }
        let defined = SimDomain {
            uuid: domain.uuid,
            definition: Definition::Ours(Box::new(domain.clone())),
            state: DomainState::ShutOff,
            reason: "",
            run: None,
        };
        self.domains.insert(name.to_owned(), defined);
        Ok(Change::Changed)
    }

    /// A domain of ours by name and UUID; none where neither is taken. Anything else under either is a conflict.
    pub(super) fn owned(&mut self, vm: &VmName, uuid: Uuid) -> Result<Option<(&mut SimDomain, DomainSpec)>> {
        let name = vm.as_str();
        if let Some((other, _)) = self.domains.iter().find(|(other, found)| found.uuid == uuid && *other != name) {
            return Err(conflict("domain", name, format!("domain `{other}` has its UUID {uuid}")));
        }
        let Some(domain) = self.domains.get_mut(name) else { return Ok(None) };
        match domain.ours().filter(|spec| domain.uuid == uuid && spec.owner.vm == *vm).cloned() {
            Some(spec) => Ok(Some((domain, spec))),
            None => Err(conflict("domain", name, "it does not carry our UUID and our mark")),
        }
    }

    /// How many running domains are plugged into a network.
    fn guests_on(&self, network: &str) -> usize {
        let on = |nic: &DomainNic| matches!(&nic.source, NicSource::Network(name) if name.as_str() == network);
        let running = self.domains.values().filter(|domain| domain.is_active());
        running.filter(|domain| domain.ours().is_some_and(|spec| spec.nics.iter().any(on))).count()
    }

    /// Whether everything that a domain needs to run is there.
    pub(super) fn can_start(&self, spec: &DomainSpec, memory_mib: u64, logs: GuestLogs) -> Result<()> {
        let name = spec.name.as_str();
        let refuse = |reason: String| Err(refused("start domain", name, reason));
        for disk in &spec.disks {
            if self.volume(disk.pool.as_str(), &disk.volume).is_none() {
                return refuse(format!("volume `{}` of pool `{}` is not there", disk.volume, disk.pool));
            }
        }
        for nic in &spec.nics {
            if let NicSource::Network(network) = &nic.source
                && !self.networks.get(network.as_str()).is_some_and(|network| network.active)
            {
                return refuse(format!("network `{network}` is not there or not active"));
            }
        }
        if logs == GuestLogs::Files {
            for path in [Some(&spec.console_log), spec.installer_log.as_ref()].into_iter().flatten() {
                if !path.parent().is_some_and(Utf8Path::is_dir) {
                    return refuse(format!("the directory of its log `{path}` is not there"));
                }
            }
        }
        let used = self.memory_used_mib();
        if used + spec.memory_mib > memory_mib {
            let reason = format!("{} MiB of {memory_mib} are in use, and it needs {}", used, spec.memory_mib);
            return Err(HypervisorError::NoSpace { what: "domain", name: name.to_owned(), reason });
        }
        Ok(())
    }
}

/// libvirt takes name, UUID and our mark from the XML: they must be those of the specification.
fn check_xml(domain: &DomainSpec, xml: &str) -> Result<(), String> {
    let document = roxmltree::Document::parse(xml).map_err(|error| format!("its XML is not well-formed: {error}"))?;
    let text = |tag: &str| {
        let found = document.root_element().children().find(|node| node.has_tag_name(tag));
        found.and_then(|node| node.text()).unwrap_or_default().trim().to_owned()
    };
    if text("name") != domain.name.as_str() || text("uuid") != domain.uuid.to_string() {
        return Err(format!("its XML names domain `{}` with UUID `{}`", text("name"), text("uuid")));
    }
    if parse_owner(xml).as_ref() != Some(&domain.owner) {
        return Err("its XML does not carry the mark of its specification".to_owned());
    }
    Ok(())
}
