//! One connection to libvirt, opened when needed and opened again when it died.
//!
//! Keep-alive needs libvirt's event loop; one thread runs it for the whole process, from the first connection on. With it a
//! libvirtd that hangs is found out in about 20 s: stuck calls then fail and the next call connects anew.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use virt::connect::Connect;

use super::super::hypervisor::{HypervisorError, Result};
use super::{error, load};

/// Seconds between keep-alive messages.
const KEEPALIVE_INTERVAL: i32 = 5;
/// Messages without an answer until the connection counts as dead.
const KEEPALIVE_COUNT: u32 = 3;

/// Where libvirt is, and the connection to it while there is one.
#[derive(Debug)]
pub(super) struct Connection {
    uri: Arc<str>,
    current: Mutex<Option<Arc<Connect>>>,
}

/// An open connection for the length of one call.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub(super) uri: Arc<str>,
    pub(super) connect: Arc<Connect>,
}

impl Connection {
    pub(super) fn new(uri: &str) -> Self {
        Self { uri: uri.into(), current: Mutex::new(None) }
    }

    pub(super) fn uri(&self) -> &str {
        &self.uri
    }

    /// The living connection, or a new one.
    pub(super) fn open(&self) -> Result<Session> {
        // A poisoned lock means that another call panicked while connecting; what it guards is whole or absent.
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connect) = current.as_ref() {
            if connect.is_alive().unwrap_or(false) {
                return Ok(Session { uri: self.uri.clone(), connect: connect.clone() });
            }
            tracing::info!(uri = %self.uri, "the connection to libvirt is gone; connecting again");
            *current = None;
        }
        let connect = Arc::new(connect(&self.uri)?);
        *current = Some(connect.clone());
        Ok(Session { uri: self.uri.clone(), connect })
    }
}

/// A new connection with keep-alive.
pub(super) fn connect(uri: &str) -> Result<Connect> {
    run_event_loop().map_err(|reason| HypervisorError::Unreachable { uri: uri.to_owned(), reason })?;
    let connect = Connect::open(Some(uri))
        .map_err(|error| HypervisorError::Unreachable { uri: uri.to_owned(), reason: error.message().to_owned() })?;
    // Drivers within the process, such as libvirt's own test driver, have no connection to keep alive.
    if let Err(error) = connect.set_keep_alive(KEEPALIVE_INTERVAL, KEEPALIVE_COUNT) {
        tracing::debug!(uri, error = error.message(), "no keep-alive");
    }
    Ok(connect)
}

/// Registers and runs libvirt's event loop; it must be there before the first connection. Also silences libvirt's own error
/// printer, as every error is returned and logged once by us.
fn run_event_loop() -> std::result::Result<(), String> {
    static LOOP: OnceLock<std::result::Result<(), String>> = OnceLock::new();
    LOOP.get_or_init(|| {
        load::load()?;
        virt::error::clear_error_callback();
        virt::event::event_register_default_impl().map_err(|error| error.message().to_owned())?;
        thread::Builder::new()
            .name("libvirt-loop".to_owned())
            .spawn(|| {
                loop {
                    if let Err(error) = virt::event::event_run_default_impl() {
                        tracing::warn!(error = error.message(), "libvirt's event loop");
                        // It does not fail in practice; were it to, this keeps it from spinning.
                        thread::sleep(Duration::from_secs(1));
                    }
                }
            })
            .map_err(|error| format!("cannot start the event loop: {error}"))?;
        Ok(())
    })
    .clone()
}

impl Session {
    /// Turns libvirt's answer to `action` on `name` (a `what`) into ours.
    pub(super) fn check<T>(
        &self,
        what: &'static str,
        action: &'static str,
        name: &str,
        answer: std::result::Result<T, virt::error::Error>,
    ) -> Result<T> {
        answer.map_err(|cause| {
            let alive = self.connect.is_alive().unwrap_or(false);
            error::translate(&self.uri, alive, what, action, name, &cause)
        })
    }
}
