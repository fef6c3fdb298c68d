//! Everything there is, in one sweep. What vanishes during the sweep is left out, not an error.

use std::collections::{BTreeMap, HashSet};
use std::io::Read;
use std::os::unix::fs::MetadataExt;

use camino::{Utf8Path, Utf8PathBuf};
use nix::sys::statvfs::statvfs;
use virt::connect::Connect;
use virt::domain::{Domain, DomainState as State, DomainStateReason as Reason};
use virt::network::Network;
use virt::storage_pool::StoragePool;
use virt_sys as sys;

use super::super::hypervisor::Result;
use super::connection::Session;
use super::domains::owner;
use super::error::found;
use super::networks::definition;
use super::pools::Refreshes;
use super::xml::read_pool;
use crate::observed::{DomainState, ObservedDomain, ObservedHost, ObservedNetwork, ObservedPool, ObservedVolume};
use crate::spec::DomainType;
use crate::xml::parse_network_digest;

/// See `Hypervisor::observe`. `domain_type` is what the probe found, if it ran.
pub(super) fn observe(session: &Session, refreshes: &Refreshes, domain_type: Option<DomainType>) -> Result<ObservedHost> {
    let connect: &Connect = &session.connect;
    let uri = &session.uri;
    let node = session.check("host", "look at host", uri, connect.node_info())?;
    let mut host = ObservedHost {
        memory_mib: node.memory >> 10,
        cpus: node.cpus,
        domain_type,
        pools: BTreeMap::new(),
        networks: BTreeMap::new(),
        domains: BTreeMap::new(),
    };

    for pool in session.check("pool", "list pools", uri, connect.list_all_storage_pools(0))? {
        let name = session.check("pool", "list pools", uri, pool.name())?;
        let observed = session.check("pool", "look at pool", &name, found(observe_pool(&pool, &name, refreshes)))?;
        if let Some(observed) = observed {
            host.pools.insert(name, observed);
        }
    }
    for network in session.check("network", "list networks", uri, connect.list_all_networks(0))? {
        let name = session.check("network", "list networks", uri, network.name())?;
        let observed = session.check("network", "look at network", &name, found(observe_network(&network)))?;
        if let Some(observed) = observed {
            host.networks.insert(name, observed);
        }
    }
    // One list instead of one question for each domain.
    let autostarted = connect.list_all_domains(sys::VIR_CONNECT_LIST_DOMAINS_AUTOSTART);
    let autostarted: HashSet<String> =
        session.check("domain", "list domains", uri, autostarted)?.iter().filter_map(|domain| domain.name().ok()).collect();
    for domain in session.check("domain", "list domains", uri, connect.list_all_domains(0))? {
        let name = session.check("domain", "list domains", uri, domain.name())?;
        if let Some(mut observed) = observe_domain(session, &domain, &name)? {
            observed.autostart = autostarted.contains(&name);
            host.domains.insert(name, observed);
        }
    }
    Ok(host)
}

fn observe_domain(session: &Session, domain: &Domain, name: &str) -> Result<Option<ObservedDomain>> {
    let uuid = session.check("domain", "look at domain", name, domain.uuid())?;
    let Some(info) = session.check("domain", "look at domain", name, found(domain.info()))? else { return Ok(None) };
    let owner = owner(session, domain, name)?;
    let state = info.state.unwrap_or(State::NoState);
    // Why it runs is of no interest, and most domains run.
    let (state, reason) = if plain_state(state) == DomainState::Running {
        (DomainState::Running, String::new())
    } else {
        match session.check("domain", "look at domain", name, domain.state())? {
            (now, virt::domain::DomainStateReasonEnum::Known(reason)) => read_state(now.unwrap_or(state), &reason),
            (_, virt::domain::DomainStateReasonEnum::Unknown(_)) => (plain_state(state), String::new()),
        }
    };
    Ok(Some(ObservedDomain {
        uuid,
        owner,
        state,
        reason,
        memory_mib: info.max_mem >> 10,
        vcpus: info.nr_virt_cpu,
        autostart: false,
    }))
}

fn plain_state(state: State) -> DomainState {
    match state {
        State::NoState | State::Running | State::Blocked | State::Shutdown => DomainState::Running,
        State::Paused | State::PMSuspended => DomainState::Paused,
        State::Shutoff => DomainState::ShutOff,
        State::Crashed => DomainState::Crashed,
    }
}

/// A domain that is off because it crashed counts as crashed: `on_crash` is `destroy`.
fn read_state(state: State, reason: &Reason) -> (DomainState, String) {
    use virt::domain::DomainShutoffReason::Crashed;
    let words = reason.to_string();
    match reason {
        Reason::Shutoff(why) if why.is(Crashed) => (DomainState::Crashed, words),
        _ => (plain_state(state), words),
    }
}

fn observe_network(network: &Network) -> std::result::Result<ObservedNetwork, virt::error::Error> {
    Ok(ObservedNetwork {
        active: network.is_active()?,
        digest: parse_network_digest(&definition(network)?),
        // Networks without a bridge of their own (macvtap, hostdev) have no name for it.
        bridge: network.bridge_name().ok(),
    })
}

fn observe_pool(pool: &StoragePool, name: &str, refreshes: &Refreshes) -> std::result::Result<ObservedPool, virt::error::Error> {
    let active = pool.is_active()?;
    let (kind, path) = read_pool(&pool.xml_desc(0)?);
    let info = pool.info()?;
    let mut observed = ObservedPool {
        active,
        path: path.clone(),
        capacity_bytes: info.capacity,
        available_bytes: info.available,
        volumes: BTreeMap::new(),
    };
    if !active {
        return Ok(observed);
    }
    if let Some(path) = path.as_deref().filter(|_| kind == "dir") {
        refreshes.refresh_if_changed(pool, name, path);
        // libvirt's figures are those of its last refresh; guests write all the time.
        if let Some((capacity, available)) = space(path) {
            observed.capacity_bytes = capacity;
            observed.available_bytes = available;
        }
    }
    for volume in pool.list_all_volumes(0)? {
        let Ok(name) = volume.name() else { continue };
        // For files the key is the path, and libvirt's client knows it without asking.
        let Ok(path) = (if kind == "dir" { volume.key() } else { volume.path() }) else { continue };
        let path = Utf8PathBuf::from(path);
        // A volume whose file has gone is no volume.
        let sizes = sizes_in_header(&path).or_else(|| volume.info().ok().map(|info| (info.capacity, info.allocation)));
        let Some((capacity_bytes, allocation_bytes)) = sizes else { continue };
        observed.volumes.insert(name, ObservedVolume { path, capacity_bytes, allocation_bytes });
    }
    Ok(observed)
}

/// Capacity and allocation of a qcow2 file, from the file itself: libvirt takes a fifth of a millisecond to do the same, which
/// makes seconds of a pool with many volumes. None for anything else, and on a hypervisor elsewhere.
fn sizes_in_header(path: &Utf8Path) -> Option<(u64, u64)> {
    /// "QFI" 0xfb, version, backing file's offset and length, cluster bits; then the size that a guest sees, big-endian.
    const MAGIC: [u8; 4] = *b"QFI\xfb";
    const SIZE_AT: usize = 24;
    let metadata = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?;
    let mut header = [0; SIZE_AT + 8];
    std::fs::File::open(path).ok()?.read_exact(&mut header).ok()?;
    let (start, size) = header.split_at(SIZE_AT);
    let capacity = u64::from_be_bytes(size.try_into().ok()?);
    start.starts_with(&MAGIC).then(|| (capacity, metadata.blocks() * 512))
}

/// Bytes in all and bytes free of the file system at `path`, if it can be looked at from here.
fn space(path: &Utf8Path) -> Option<(u64, u64)> {
    let stats = statvfs(path.as_std_path()).ok()?;
    let unit = stats.fragment_size();
    Some((stats.blocks() * unit, stats.blocks_available() * unit))
}
