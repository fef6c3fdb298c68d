//! The store: what cannot be observed, in one SQLite file (WAL).
//!
//! Intent is written here before its effect: the record of an attempt exists before its first volume, a consent before the
//! first deletion. `reconcile` and the execution of steps write; `collect` reads. Each write is one transaction that is on
//! disk when the call returns.

mod codec;
mod packages;
mod schema;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};
use rusqlite::{Connection, OptionalExtension, params};

use crate::observed::{GuestEvent, Phase, PuppetRuns, VmRecord};
use crate::spec::{Timestamp, VmName};

/// The most events kept for one attempt: a guest that never stops calling must not fill the disk.
const EVENTS_PER_ATTEMPT: u32 = 1000;

/// Why the store could not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file cannot be opened or written.
    #[error("store `{path}`: {action}")]
    Sqlite {
        /// The file.
        path: Utf8PathBuf,
        /// What was tried.
        action: &'static str,
        /// SQLite's words.
        #[source]
        source: rusqlite::Error,
    },
    /// The file was written by a newer version of the agent.
    #[error("store `{path}` has schema version {found}, this agent knows {known}: it was written by a newer agent")]
    Newer {
        /// The file.
        path: Utf8PathBuf,
        /// Version in the file.
        found: u32,
        /// Newest version known here.
        known: u32,
    },
    /// A row does not say what this version expects.
    #[error("store `{path}`: a row of {table} cannot be read: {reason}")]
    Corrupt {
        /// The file.
        path: Utf8PathBuf,
        /// The table.
        table: &'static str,
        /// Which part.
        reason: String,
    },
}

/// What became of a Puppet run that was heard of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunNoted {
    /// It is the last one now.
    New,
    /// It was known, or is older than the last one.
    Known,
    /// Nothing was kept: the attempt has more events than are.
    TooMuch,
}

/// One step of a VM's timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimelineEntry {
    /// The attempt.
    pub attempt: u32,
    /// The phase that began.
    pub phase: Phase,
    /// When.
    pub at: Timestamp,
    /// Why, for `Failed`.
    pub note: Option<String>,
}

/// The store. Cheap to share behind an `Arc`; calls block for the time of one SQLite transaction.
#[derive(Debug)]
pub struct Store {
    path: Utf8PathBuf,
    connection: Mutex<Connection>,
    changed: Mutex<BTreeSet<VmName>>,
}

/// Adds an event, unless the attempt has too many.
fn insert_event(connection: &Connection, vm: &VmName, event: &GuestEvent) -> rusqlite::Result<bool> {
    let count: u32 = connection.query_row(
        "SELECT count(*) FROM event WHERE vm = ?1 AND attempt = ?2",
        params![vm.as_str(), event.attempt],
        |row| row.get(0),
    )?;
    if count >= EVENTS_PER_ATTEMPT {
        return Ok(false);
    }
    connection.execute(
        "INSERT INTO event (vm, attempt, at, kind) VALUES (?1, ?2, ?3, ?4)",
        params![vm.as_str(), event.attempt, event.at.0 as i64, codec::event_to_json(&event.kind)],
    )?;
    Ok(true)
}

impl Store {
    /// Opens or creates the store at `path`, for this process alone to write.
    pub fn open(path: &Utf8Path) -> Result<Self, StoreError> {
        Self::prepare(path, Connection::open(path))
    }

    /// Opens an existing store for reading only, beside an agent that may be writing.
    pub fn open_read_only(path: &Utf8Path) -> Result<Self, StoreError> {
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY | rusqlite::OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(|source| StoreError::Sqlite {
            path: path.to_owned(),
            action: "open for reading",
            source,
        })?;
        Ok(Self { path: path.to_owned(), connection: Mutex::new(connection), changed: Mutex::default() })
    }

    /// A store that ends with the process, for the simulator and tests.
    pub fn in_memory() -> Result<Self, StoreError> {
        Self::prepare(Utf8Path::new(":memory:"), Connection::open_in_memory())
    }

    fn prepare(path: &Utf8Path, connection: rusqlite::Result<Connection>) -> Result<Self, StoreError> {
        let connection = connection.map_err(|source| StoreError::Sqlite { path: path.to_owned(), action: "open", source })?;
        let store = Self { path: path.to_owned(), connection: Mutex::new(connection), changed: Mutex::default() };
        schema::migrate(&store)?;
        Ok(store)
    }

    /// The VMs that something was written about since the last call: this process is the only writer.
    pub fn take_changed(&self) -> BTreeSet<VmName> {
        std::mem::take(&mut *self.changed.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note_change(&self, vm: &VmName) {
        self.changed.lock().unwrap_or_else(PoisonError::into_inner).insert(vm.clone());
    }

    /// One record.
    pub fn record(&self, vm: &VmName) -> Result<Option<VmRecord>, StoreError> {
        let rows: Vec<(String, String)> =
            self.query("read a record", "SELECT vm, record FROM vm WHERE vm = ?1", &[vm.as_str()])?;
        rows.first().map(|(vm, text)| codec::record_from_json(vm, text).map_err(|reason| self.corrupt("vm", reason))).transpose()
    }

    /// Every record, by VM.
    pub fn records(&self) -> Result<BTreeMap<VmName, VmRecord>, StoreError> {
        let rows: Vec<(String, String)> = self.query("read records", "SELECT vm, record FROM vm", &[])?;
        rows.into_iter()
            .map(|(vm, text)| {
                let record = codec::record_from_json(&vm, &text).map_err(|reason| self.corrupt("vm", reason))?;
                Ok((record.vm.clone(), record))
            })
            .collect()
    }

    /// Stores `record` and, where its phase or attempt is new, an entry in the timeline.
    pub fn put_record(&self, record: &VmRecord) -> Result<(), StoreError> {
        let action = "write a record";
        let mut connection = self.lock();
        let transaction = connection.transaction().map_err(|e| self.sqlite(action, e))?;
        let write = || -> rusqlite::Result<()> {
            let before: Option<(u32, String)> = transaction
                .query_row(
                    "SELECT attempt, phase FROM timeline WHERE vm = ?1 ORDER BY id DESC LIMIT 1",
                    [record.vm.as_str()],
                    |row| Ok((row.get(0)?, row.get(1)?)),
                )
                .optional()?;
            if before != Some((record.attempt, record.phase.as_str().to_owned())) {
                let note = (record.phase == Phase::Failed)
                    .then_some(record.failure.as_ref())
                    .flatten()
                    .map(|failure| format!("{}: {}", failure.cause.as_str(), failure.detail));
                transaction.execute(
                    "INSERT INTO timeline (vm, attempt, phase, at, note) VALUES (?1, ?2, ?3, ?4, ?5)",
                    params![record.vm.as_str(), record.attempt, record.phase.as_str(), record.since.0 as i64, note],
                )?;
            }
            transaction.execute(
                "INSERT INTO vm (vm, token, record) VALUES (?1, ?2, ?3)
                 ON CONFLICT (vm) DO UPDATE SET token = excluded.token, record = excluded.record",
                params![record.vm.as_str(), record.token.reveal(), codec::record_to_json(record)],
            )?;
            Ok(())
        };
        write().map_err(|e| self.sqlite(action, e))?;
        transaction.commit().map_err(|e| self.sqlite(action, e))?;
        self.note_change(&record.vm);
        Ok(())
    }

    /// Forgets a VM, its events and its kickstarts; its timeline stays.
    pub fn remove_record(&self, vm: &VmName) -> Result<(), StoreError> {
        let action = "remove a record";
        let mut connection = self.lock();
        let transaction = connection.transaction().map_err(|e| self.sqlite(action, e))?;
        for statement in [
            "DELETE FROM vm WHERE vm = ?1",
            "DELETE FROM event WHERE vm = ?1",
            "DELETE FROM kickstart WHERE vm = ?1",
            "DELETE FROM puppet_run WHERE vm = ?1",
        ] {
            transaction.execute(statement, [vm.as_str()]).map_err(|e| self.sqlite(action, e))?;
        }
        transaction.commit().map_err(|e| self.sqlite(action, e))?;
        self.note_change(vm);
        Ok(())
    }

    /// The record that `token` belongs to.
    pub fn record_by_token(&self, token: &str) -> Result<Option<VmRecord>, StoreError> {
        let rows: Vec<(String, String)> =
            self.query("look up a token", "SELECT vm, record FROM vm WHERE token = ?1", &[token])?;
        rows.first().map(|(vm, text)| codec::record_from_json(vm, text).map_err(|reason| self.corrupt("vm", reason))).transpose()
    }

    /// Adds what a guest told us. Past a limit for one attempt, nothing more is kept; `false` says so.
    pub fn add_event(&self, vm: &VmName, event: &GuestEvent) -> Result<bool, StoreError> {
        let kept = insert_event(&self.lock(), vm, event).map_err(|e| self.sqlite("write an event", e))?;
        self.note_change(vm);
        Ok(kept)
    }

    /// Removes what a VM told us in attempts before this one.
    pub fn forget_events(&self, vm: &VmName, before: u32) -> Result<(), StoreError> {
        let statement = "DELETE FROM event WHERE vm = ?1 AND attempt < ?2";
        self.execute("remove old events", statement, params![vm.as_str(), before])
    }

    /// What a VM told us in one attempt, oldest first.
    pub fn events(&self, vm: &VmName, attempt: u32) -> Result<Vec<GuestEvent>, StoreError> {
        let connection = self.lock();
        let read = || -> rusqlite::Result<Vec<(i64, String)>> {
            connection
                .prepare_cached("SELECT at, kind FROM event WHERE vm = ?1 AND attempt = ?2 ORDER BY id")?
                .query_map(params![vm.as_str(), attempt], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        };
        let rows = read().map_err(|e| self.sqlite("read events", e))?;
        rows.into_iter()
            .map(|(at, kind)| {
                let kind = codec::event_from_json(&kind).map_err(|reason| self.corrupt("event", reason))?;
                Ok(GuestEvent { at: Timestamp(at as u64), attempt, kind })
            })
            .collect()
    }

    /// Keeps `run`, which counts one report, as a VM's last one and counts it with those before it in the same attempt, unless it is
    /// there already or is older than the last. `handoff` is the event that is kept with it, both or neither.
    pub fn note_run(&self, vm: &VmName, run: &PuppetRuns, handoff: Option<&GuestEvent>) -> Result<RunNoted, StoreError> {
        let action = "write a Puppet run";
        let mut connection = self.lock();
        let transaction = connection.transaction().map_err(|e| self.sqlite(action, e))?;
        let before: Option<String> = transaction
            .query_row("SELECT run FROM puppet_run WHERE vm = ?1", [vm.as_str()], |row| row.get(0))
            .optional()
            .map_err(|e| self.sqlite(action, e))?;
        let before =
            before.map(|text| codec::run_from_json(&text).map_err(|reason| self.corrupt("puppet_run", reason))).transpose()?;
        let run = match before.filter(|before| before.attempt == run.attempt) {
            Some(before) => {
                let same = before.last.transaction.is_some() && before.last.transaction == run.last.transaction;
                if same || before.last == run.last || before.last.began > run.last.began {
                    return Ok(RunNoted::Known);
                }
                before.with(run.heard, run.last.clone(), run.via)
            }
            None => run.clone(),
        };
        let statement = "INSERT INTO puppet_run (vm, run) VALUES (?1, ?2) ON CONFLICT (vm) DO UPDATE SET run = excluded.run";
        transaction.execute(statement, params![vm.as_str(), codec::run_to_json(&run)]).map_err(|e| self.sqlite(action, e))?;
        if let Some(event) = handoff
            && !insert_event(&transaction, vm, event).map_err(|e| self.sqlite(action, e))?
        {
            return Ok(RunNoted::TooMuch);
        }
        transaction.commit().map_err(|e| self.sqlite(action, e))?;
        drop(connection);
        self.note_change(vm);
        Ok(RunNoted::New)
    }

    /// A VM's last Puppet run, if it was in this attempt.
    pub fn run(&self, vm: &VmName, attempt: u32) -> Result<Option<PuppetRuns>, StoreError> {
        let rows: Vec<(String, String)> =
            self.query("read a Puppet run", "SELECT vm, run FROM puppet_run WHERE vm = ?1", &[vm.as_str()])?;
        let run = rows.first().map(|(_, text)| codec::run_from_json(text).map_err(|reason| self.corrupt("puppet_run", reason)));
        Ok(run.transpose()?.filter(|run| run.attempt == attempt))
    }

    /// Every phase that a VM has been in, oldest first.
    pub fn timeline(&self, vm: &VmName) -> Result<Vec<TimelineEntry>, StoreError> {
        let connection = self.lock();
        type Row = (u32, String, i64, Option<String>);
        let read = || -> rusqlite::Result<Vec<Row>> {
            connection
                .prepare_cached("SELECT attempt, phase, at, note FROM timeline WHERE vm = ?1 ORDER BY id")?
                .query_map([vm.as_str()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?
                .collect()
        };
        let rows = read().map_err(|e| self.sqlite("read a timeline", e))?;
        rows.into_iter()
            .map(|(attempt, phase, at, note)| {
                let phase = Phase::parse(&phase).ok_or_else(|| self.corrupt("timeline", format!("phase `{phase}`")))?;
                Ok(TimelineEntry { attempt, phase, at: Timestamp(at as u64), note })
            })
            .collect()
    }

    /// Keeps the kickstart that an attempt is served: what was checked is what the guest gets.
    pub fn put_kickstart(&self, vm: &VmName, attempt: u32, text: &str) -> Result<(), StoreError> {
        self.execute(
            "write a kickstart",
            "INSERT INTO kickstart (vm, attempt, text) VALUES (?1, ?2, ?3)
             ON CONFLICT (vm) DO UPDATE SET attempt = excluded.attempt, text = excluded.text",
            params![vm.as_str(), attempt, text],
        )?;
        self.note_change(vm);
        Ok(())
    }

    /// The kickstart of a VM's attempt, if it has been rendered.
    pub fn kickstart(&self, vm: &VmName, attempt: u32) -> Result<Option<String>, StoreError> {
        let connection = self.lock();
        connection
            .query_row("SELECT text FROM kickstart WHERE vm = ?1 AND attempt = ?2", params![vm.as_str(), attempt], |row| {
                row.get(0)
            })
            .optional()
            .map_err(|e| self.sqlite("read a kickstart", e))
    }

    /// The VMs and attempts whose kickstart is ready.
    pub fn kickstarts(&self) -> Result<BTreeMap<String, u32>, StoreError> {
        let connection = self.lock();
        let read = || -> rusqlite::Result<BTreeMap<String, u32>> {
            connection
                .prepare_cached("SELECT vm, attempt FROM kickstart")?
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        };
        read().map_err(|e| self.sqlite("read kickstarts", e))
    }

    /// A fact about this hypervisor that is dear to find out (the domain type probe, for one).
    pub fn fact(&self, name: &str) -> Result<Option<String>, StoreError> {
        let connection = self.lock();
        connection
            .query_row("SELECT value FROM fact WHERE name = ?1", [name], |row| row.get(0))
            .optional()
            .map_err(|e| self.sqlite("read a fact", e))
    }

    /// Stores such a fact.
    pub fn put_fact(&self, name: &str, value: &str) -> Result<(), StoreError> {
        self.execute(
            "write a fact",
            "INSERT INTO fact (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            params![name, value],
        )
    }

    fn execute(&self, action: &'static str, statement: &str, params: &[&dyn rusqlite::ToSql]) -> Result<(), StoreError> {
        self.lock().execute(statement, params).map(drop).map_err(|e| self.sqlite(action, e))
    }

    fn query(&self, action: &'static str, statement: &str, params: &[&str]) -> Result<Vec<(String, String)>, StoreError> {
        let connection = self.lock();
        let read = || -> rusqlite::Result<Vec<(String, String)>> {
            connection
                .prepare_cached(statement)?
                .query_map(rusqlite::params_from_iter(params), |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        };
        read().map_err(|e| self.sqlite(action, e))
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        // A panic while the lock was held cannot have left a transaction open: it is rolled back when dropped.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sqlite(&self, action: &'static str, source: rusqlite::Error) -> StoreError {
        StoreError::Sqlite { path: self.path.clone(), action, source }
    }

    fn corrupt(&self, table: &'static str, reason: String) -> StoreError {
        StoreError::Corrupt { path: self.path.clone(), table, reason }
    }
}
