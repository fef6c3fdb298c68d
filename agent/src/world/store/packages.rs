//! What installed systems say that they have, as often as it changes.

use rusqlite::params;

use super::{Store, StoreError, codec};
use crate::observed::{GuestEventKind, InstalledPackage};
use crate::spec::{Timestamp, VmName};

/// Lists kept of one attempt.
const LISTS: usize = 20;

impl Store {
    /// Adds the packages that a VM says it has, unless it has said the same before; `false`: it has. Of an attempt the first list
    /// and the newest are kept, so that a VM that is updated for years does not fill the store.
    pub fn note_packages(
        &self,
        vm: &VmName,
        attempt: u32,
        at: Timestamp,
        list: Vec<InstalledPackage>,
    ) -> Result<bool, StoreError> {
        let action = "write a list of packages";
        let kind = codec::event_to_json(&GuestEventKind::Packages(list));
        let mut connection = self.lock();
        let mut write = || -> rusqlite::Result<bool> {
            let transaction = connection.transaction()?;
            let lists: Vec<(i64, String)> = transaction
                .prepare_cached(
                    "SELECT id, kind FROM event WHERE vm = ?1 AND attempt = ?2 AND json_extract(kind, '$.event') = 'packages' ORDER BY id",
                )?
                .query_map(params![vm.as_str(), attempt], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<Result<_, _>>()?;
            if lists.last().is_some_and(|(_, last)| *last == kind) {
                return Ok(false);
            }
            for (id, _) in lists.iter().skip(1).rev().skip(LISTS - 2) {
                transaction.execute("DELETE FROM event WHERE id = ?1", [id])?;
            }
            transaction.execute(
                "INSERT INTO event (vm, attempt, at, kind) VALUES (?1, ?2, ?3, ?4)",
                params![vm.as_str(), attempt, at.0 as i64, kind],
            )?;
            transaction.commit()?;
            Ok(true)
        };
        let is_new = write().map_err(|e| self.sqlite(action, e))?;
        drop(connection);
        if is_new {
            self.note_change(vm);
        }
        Ok(is_new)
    }
}
