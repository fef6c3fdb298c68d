//! Which tokens have been used, and what was made of requests: one SQLite file on the CA's host.
//!
//! A token is redeemed before `rekindle puppet autosign` says yes, so that a kill in between costs nothing: the same key may come
//! again with it (the CA asks once more after the VM's next try), another key may not. Several of these run at once; SQLite makes
//! them take turns.

use std::collections::BTreeMap;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, TransactionBehavior, params};

use super::autosign::{Admissible, Refusal};
use crate::spec::{Fqdn, Timestamp};

/// How long used tokens are kept beyond their end, for those who ask later what happened.
const KEPT_SECONDS: u64 = 30 * 86_400;

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS used (token TEXT PRIMARY KEY, certname TEXT NOT NULL, key TEXT NOT NULL, attempt INTEGER NOT NULL,
                                     expires INTEGER NOT NULL, at INTEGER NOT NULL);
    CREATE INDEX IF NOT EXISTS used_by ON used (certname);
    CREATE TABLE IF NOT EXISTS verdict (kind TEXT PRIMARY KEY, count INTEGER NOT NULL);
";

/// Why the file could not be used: then nothing is signed.
#[derive(Debug, thiserror::Error)]
#[error("{action} the used tokens in `{path}`")]
pub struct UsedTokensError {
    /// The file.
    pub path: Utf8PathBuf,
    /// What was tried.
    pub action: &'static str,
    /// SQLite's words.
    #[source]
    pub source: rusqlite::Error,
}

/// How a token was redeemed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redeemed {
    /// For the first time.
    First,
    /// By the same key as before.
    Again,
}

/// The used tokens.
#[derive(Debug)]
pub struct UsedTokens {
    path: Utf8PathBuf,
    connection: Connection,
}

impl UsedTokens {
    /// Where they are kept where nobody says otherwise: in a directory of the state directory.
    pub const DIRECTORY: &str = "puppet";
    /// The file in that directory.
    pub const FILE: &str = "tokens.db";

    /// The verdicts counted in `path`, without a trace of the look; none: nobody has judged there, or it is not for us.
    pub fn counts_in(path: &Utf8Path) -> BTreeMap<String, u64> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let Ok(connection) = Connection::open_with_flags(path, flags) else { return BTreeMap::new() };
        Self { path: path.to_owned(), connection }.counts().unwrap_or_default()
    }

    /// Opens or creates the file, for its owner alone.
    pub fn open(path: &Utf8Path) -> Result<Self, UsedTokensError> {
        let fault = |source| UsedTokensError { path: path.to_owned(), action: "open", source };
        let connection = Connection::open(path).map_err(fault)?;
        connection.busy_timeout(Duration::from_secs(20)).map_err(fault)?;
        // FULL: what is redeemed stays redeemed, whatever the power does.
        connection.execute_batch("PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL;").map_err(fault)?;
        connection.execute_batch(TABLES).map_err(fault)?;
        Ok(Self { path: path.to_owned(), connection })
    }

    /// Redeems the token of a request that is admissible otherwise. What it returns is on disk.
    pub fn redeem(
        &mut self,
        certname: &Fqdn,
        request: &Admissible,
        now: Timestamp,
    ) -> Result<Result<Redeemed, Refusal>, UsedTokensError> {
        let (certname, seconds) = (certname.as_str(), now.0 / 1000);
        let mut write = || -> rusqlite::Result<Result<Redeemed, Refusal>> {
            let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            transaction.execute("DELETE FROM used WHERE expires < ?1", [seconds.saturating_sub(KEPT_SECONDS).cast_signed()])?;
            let used: Option<String> = transaction
                .query_row("SELECT key FROM used WHERE token = ?1", [&request.token_digest], |row| row.get(0))
                .optional()?;
            if let Some(key) = used {
                let same = key == request.key_fingerprint;
                return Ok(if same { Ok(Redeemed::Again) } else { Err(Refusal::Replayed) });
            }
            let later: Option<i64> = transaction
                .query_row(
                    "SELECT 1 FROM used WHERE certname = ?1 AND expires > ?2 LIMIT 1",
                    params![certname, request.expires.cast_signed()],
                    |row| row.get(0),
                )
                .optional()?;
            if later.is_some() {
                return Ok(Err(Refusal::Superseded));
            }
            transaction.execute(
                "INSERT INTO used (token, certname, key, attempt, expires, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![
                    request.token_digest,
                    certname,
                    request.key_fingerprint,
                    request.attempt,
                    request.expires.cast_signed(),
                    seconds.cast_signed()
                ],
            )?;
            transaction.commit()?;
            Ok(Ok(Redeemed::First))
        };
        write().map_err(|source| UsedTokensError { path: self.path.clone(), action: "write", source })
    }

    /// Counts one verdict: `signed`, or the kind of a refusal.
    pub fn count(&mut self, kind: &str) -> Result<(), UsedTokensError> {
        let statement = "INSERT INTO verdict (kind, count) VALUES (?1, 1) ON CONFLICT (kind) DO UPDATE SET count = count + 1";
        let done = self.connection.execute(statement, [kind]);
        done.map(drop).map_err(|source| UsedTokensError { path: self.path.clone(), action: "count in", source })
    }

    /// Every kind of verdict, with how many there have been.
    pub fn counts(&self) -> Result<BTreeMap<String, u64>, UsedTokensError> {
        let read = || -> rusqlite::Result<BTreeMap<String, u64>> {
            self.connection
                .prepare("SELECT kind, count FROM verdict")?
                .query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned())))?
                .collect()
        };
        read().map_err(|source| UsedTokensError { path: self.path.clone(), action: "read", source })
    }
}
