//! Pools and their volumes.
//!
//! libvirt knows a pool's volumes from its last refresh, which opens every file of the directory. We refresh a pool when its
//! directory has changed since, and never spend more than a twentieth of the time on it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use camino::Utf8Path;
use virt::error::ErrorNumber;
use virt::storage_pool::StoragePool;
use virt::storage_vol::StorageVol;

use super::super::hypervisor::{Change, HypervisorError, Result};
use super::connection::Session;
use super::error::{found, is_any};
use super::xml::{pool_xml, read_pool, volume_xml, without_slash};
use crate::spec::{PoolName, PoolSpec, VolumeSpec};

/// Pool types whose volumes are files in a directory.
const FILE_POOLS: [&str; 3] = ["dir", "fs", "netfs"];
/// A refresh that took T comes again after T times this at the earliest.
const REFRESH_DUTY: u32 = 20;

/// When each pool was last refreshed.
#[derive(Debug, Default)]
pub(super) struct Refreshes(Mutex<HashMap<String, Refresh>>);

#[derive(Debug, Clone, Copy)]
struct Refresh {
    /// The directory's modification time just before.
    directory: SystemTime,
    ended: Instant,
    took: Duration,
}

impl Refreshes {
    /// Refreshes `pool` if its directory has changed since the last time and that was long enough ago. A directory that cannot
    /// be looked at (a hypervisor elsewhere) is left to libvirt.
    pub(super) fn refresh_if_changed(&self, pool: &StoragePool, name: &str, path: &Utf8Path) {
        let Ok(modified) = std::fs::metadata(path).and_then(|directory| directory.modified()) else { return };
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).copied();
        if last.is_some_and(|last| last.directory == modified || last.ended.elapsed() < last.took * REFRESH_DUTY) {
            return;
        }
        let began = Instant::now();
        // Refused while a volume is being made; the next pass tries again.
        if let Err(error) = pool.refresh(0) {
            tracing::debug!(pool = name, error = error.message(), "refresh");
            return;
        }
        let refresh = Refresh { directory: modified, ended: Instant::now(), took: began.elapsed() };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), refresh);
    }
}

/// See `Hypervisor::ensure_pool`.
pub(super) fn ensure(session: &Session, spec: &PoolSpec) -> Result<Change> {
    let name = spec.name.as_str();
    let mut change = Change::Unchanged;
    let existing = session.check("pool", "look up pool", name, found(session.connect.lookup_storage_pool_by_name(name)))?;
    let pool = if let Some(pool) = existing {
        let xml = session.check("pool", "read pool", name, pool.xml_desc(0))?;
        let (kind, path) = read_pool(&xml);
        if !FILE_POOLS.contains(&kind.as_str()) {
            return Err(conflict("pool", name, format!("its type is `{kind}`; name a pool of type `dir`")));
        }
        let wanted = without_slash(spec.path.as_str());
        if path.as_deref() != Some(wanted) {
            let path = path.map(|path| path.to_string()).unwrap_or_default();
            return Err(conflict("pool", name, format!("its directory is `{path}`, not `{wanted}`")));
        }
        pool
    } else {
        change = Change::Changed;
        session.check("pool", "define pool", name, session.connect.define_storage_pool_xml(&pool_xml(spec), 0))?
    };
    if !session.check("pool", "look at pool", name, pool.is_active())? {
        // Makes the directory; one that is there stays as it is.
        session.check("pool", "build pool", name, pool.build(0))?;
        session.check("pool", "start pool", name, pool.create(0))?;
        change = Change::Changed;
    }
    if !session.check("pool", "look at pool", name, pool.autostart())? {
        session.check("pool", "autostart pool", name, pool.set_autostart(true))?;
        change = Change::Changed;
    }
    Ok(change)
}

/// See `Hypervisor::create_volume`.
pub(super) fn create_volume(session: &Session, volume: &VolumeSpec) -> Result<Change> {
    let pool = existing_pool(session, &volume.pool, "create volume", &volume.name)?;
    if let Some(existing) = look_up(session, &pool, &volume.name)? {
        return same_size(session, &existing, volume);
    }
    match StorageVol::create_xml(&pool, &volume_xml(volume), 0) {
        Ok(_) => Ok(Change::Changed),
        // The file is there without libvirt knowing it: made by somebody else since its last look.
        Err(error) if is_any(&error, &[ErrorNumber::OperationInvalid, ErrorNumber::StorageVolExist]) => {
            session.check("pool", "refresh pool", volume.pool.as_str(), pool.refresh(0))?;
            match look_up(session, &pool, &volume.name)? {
                Some(existing) => same_size(session, &existing, volume),
                None => session.check("volume", "create volume", &volume.name, Err(error)),
            }
        }
        Err(error) => session.check("volume", "create volume", &volume.name, Err(error)),
    }
}

/// See `Hypervisor::delete_volume`.
pub(super) fn delete_volume(session: &Session, pool: &PoolName, volume: &str) -> Result<Change> {
    let name = pool.as_str();
    let answer = found(session.connect.lookup_storage_pool_by_name(name));
    let Some(pool) = session.check("pool", "look up pool", name, answer)? else { return Ok(Change::Unchanged) };
    let existing = match look_up(session, &pool, volume)? {
        Some(existing) => Some(existing),
        None if file_exists(&pool, volume) => {
            session.check("pool", "refresh pool", name, pool.refresh(0))?;
            look_up(session, &pool, volume)?
        }
        None => None,
    };
    let Some(existing) = existing else { return Ok(Change::Unchanged) };
    session.check("volume", "delete volume", volume, existing.delete(0))?;
    Ok(Change::Changed)
}

fn existing_pool(session: &Session, pool: &PoolName, action: &'static str, name: &str) -> Result<StoragePool> {
    let answer = found(session.connect.lookup_storage_pool_by_name(pool.as_str()));
    session.check("pool", "look up pool", pool.as_str(), answer)?.ok_or_else(|| HypervisorError::Refused {
        action,
        name: name.to_owned(),
        reason: format!("there is no pool `{pool}`"),
    })
}

/// The volume as libvirt knows it; where its file has gone without libvirt, libvirt is told and the answer is none.
fn look_up(session: &Session, pool: &StoragePool, volume: &str) -> Result<Option<StorageVol>> {
    let answer = found(pool.lookup_storage_vol_by_name(volume));
    let Some(existing) = session.check("volume", "look up volume", volume, answer)? else { return Ok(None) };
    if existing.info().is_ok() {
        return Ok(Some(existing));
    }
    session.check("volume", "look at volume", volume, pool.refresh(0))?;
    session.check("volume", "look up volume", volume, found(pool.lookup_storage_vol_by_name(volume)))
}

fn same_size(session: &Session, existing: &StorageVol, wanted: &VolumeSpec) -> Result<Change> {
    let info = session.check("volume", "look at volume", &wanted.name, existing.info())?;
    if info.capacity == wanted.capacity_bytes {
        return Ok(Change::Unchanged);
    }
    let reason = format!("its capacity is {} bytes, not {}", info.capacity, wanted.capacity_bytes);
    Err(conflict("volume", &wanted.name, reason))
}

fn file_exists(pool: &StoragePool, volume: &str) -> bool {
    pool.xml_desc(0).ok().and_then(|xml| read_pool(&xml).1).is_some_and(|directory| directory.join(volume).exists())
}

fn conflict(what: &'static str, name: &str, reason: String) -> HypervisorError {
    HypervisorError::Conflict { what, name: name.to_owned(), reason }
}
