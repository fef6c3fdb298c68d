//! The store's tables, and how an older file becomes a newer one.

use rusqlite::Connection;

use super::{Store, StoreError};

/// One entry a version: the statements that lead to it from the version before.
const MIGRATIONS: &[&str] = &["
    CREATE TABLE vm (vm TEXT PRIMARY KEY, token TEXT NOT NULL UNIQUE, record TEXT NOT NULL);
    CREATE TABLE event (id INTEGER PRIMARY KEY, vm TEXT NOT NULL, attempt INTEGER NOT NULL, at INTEGER NOT NULL, kind TEXT NOT NULL);
    CREATE INDEX event_of_attempt ON event (vm, attempt);
    CREATE TABLE timeline (id INTEGER PRIMARY KEY, vm TEXT NOT NULL, attempt INTEGER NOT NULL, phase TEXT NOT NULL,
                           at INTEGER NOT NULL, note TEXT);
    CREATE INDEX timeline_of_vm ON timeline (vm);
    CREATE TABLE kickstart (vm TEXT PRIMARY KEY, attempt INTEGER NOT NULL, text TEXT NOT NULL);
    CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT NOT NULL);
", "
    CREATE TABLE puppet_run (vm TEXT PRIMARY KEY, run TEXT NOT NULL);
"];

pub(super) fn migrate(store: &Store) -> Result<(), StoreError> {
    let mut connection = store.lock();
    let sqlite = |source| store.sqlite("prepare its tables", source);
    // WAL lets `rekindle status` read beside the agent; FULL means that a commit survives a power failure, which is the point
    // of storing intent first.
    let pragmas = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000; PRAGMA cache_size = -2048;";
    connection.execute_batch(pragmas).map_err(sqlite)?;
    let found = version(&connection).map_err(sqlite)?;
    let known = MIGRATIONS.len() as u32;
    if found > known {
        return Err(StoreError::Newer { path: store.path.clone(), found, known });
    }
    if found == known {
        return Ok(());
    }
    let transaction = connection.transaction().map_err(sqlite)?;
    for statements in &MIGRATIONS[found as usize..] {
        transaction.execute_batch(statements).map_err(sqlite)?;
    }
    transaction.pragma_update(None, "user_version", known).map_err(sqlite)?;
    transaction.commit().map_err(sqlite)
}

fn version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}
