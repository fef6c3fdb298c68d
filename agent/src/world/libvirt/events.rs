//! Lifecycle events of all domains, on a connection of their own.
//!
//! ```text
//! thread: connect → register → wait until the connection is dead → (backoff) → connect …
//!                      └─ libvirt's event loop calls `on_lifecycle` → every sink
//! ```
//!
//! Events lost between two connections do not matter: each new connection after the first is an event of its own, and the next
//! pass looks for itself. Beside `interfaces` and `load`, the one place with `unsafe`: the `virt` crate has no wrapper for events.

use std::ffi::{CStr, c_int, c_void};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use virt::connect::Connect;
use virt::error::Error;
use virt_sys as sys;

use super::super::hypervisor::DomainEvent;
use super::connection::connect;

/// How often the connection is asked whether it lives.
const CHECK: Duration = Duration::from_millis(500);
/// Longest pause between two tries to connect.
const BACKOFF_MAX: Duration = Duration::from_secs(15);

type Sink = Box<dyn Fn(DomainEvent) + Send + Sync>;

/// Who gets events. The thread lives as long as this does.
#[derive(Default)]
pub(super) struct Events {
    sinks: Arc<Sinks>,
    running: Mutex<bool>,
}

#[derive(Default)]
struct Sinks(Mutex<Vec<Arc<Sink>>>);

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").finish_non_exhaustive()
    }
}

impl Events {
    /// Adds a sink; the first one starts the thread.
    pub(super) fn subscribe(&self, uri: &str, sink: Sink) {
        self.sinks.0.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::new(sink));
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if *running {
            return;
        }
        let (uri, sinks) = (uri.to_owned(), Arc::downgrade(&self.sinks));
        match thread::Builder::new().name("libvirt-events".to_owned()).spawn(move || listen(&uri, &sinks)) {
            Ok(_) => *running = true,
            // The loop looks for itself every so often; without events it is only slower to notice.
            Err(error) => tracing::warn!(%error, "cannot listen to libvirt's events"),
        }
    }
}

impl Sinks {
    fn send(&self, event: &DomainEvent) {
        // Called without the lock: a sink may take its time, or subscribe.
        let sinks = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for sink in sinks {
            sink(event.clone());
        }
    }
}

/// Connects and stays connected until nobody listens any more.
fn listen(uri: &str, sinks: &Weak<Sinks>) {
    let mut backoff = CHECK;
    let mut connected_before = false;
    while sinks.strong_count() > 0 {
        match connect(uri).map_err(|error| error.to_string()).and_then(|connection| {
            let registration = register(&connection, sinks).map_err(|error| error.message().to_owned())?;
            Ok((connection, registration))
        }) {
            Ok((connection, registration)) => {
                backoff = CHECK;
                if connected_before && let Some(sinks) = sinks.upgrade() {
                    sinks.send(&DomainEvent { domain: String::new(), event: "reconnected" });
                }
                connected_before = true;
                while sinks.strong_count() > 0 && connection.is_alive().unwrap_or(false) {
                    thread::sleep(CHECK);
                }
                deregister(&connection, &registration);
            }
            Err(reason) => {
                tracing::debug!(uri, reason, "no events");
                thread::sleep(backoff);
                backoff = (backoff * 2).min(BACKOFF_MAX);
            }
        }
    }
}

/// libvirt's number of a registered callback.
struct Registration(c_int);

fn register(connection: &Connect, sinks: &Weak<Sinks>) -> Result<Registration, Error> {
    let opaque = Box::into_raw(Box::new(sinks.clone())).cast::<c_void>();
    #[expect(unsafe_code, reason = "the virt crate has no wrapper for domain events")]
    // SAFETY: the connection outlives the call. libvirt calls a lifecycle callback with the arguments of
    // `virConnectDomainEventCallback`, whatever type it was registered as; that is the documented use of this function
    // (VIR_DOMAIN_EVENT_CALLBACK). `opaque` is a `Box<Weak<Sinks>>` that only `on_lifecycle` reads and only `free_sinks` frees,
    // and libvirt calls the latter once, after the last call of the former.
    let number = unsafe {
        let callback = std::mem::transmute::<
            unsafe extern "C" fn(sys::virConnectPtr, sys::virDomainPtr, c_int, c_int, *mut c_void) -> c_int,
            unsafe extern "C" fn(sys::virConnectPtr, sys::virDomainPtr, *mut c_void),
        >(on_lifecycle);
        sys::virConnectDomainEventRegisterAny(
            connection.as_ptr(),
            std::ptr::null_mut(),
            sys::VIR_DOMAIN_EVENT_ID_LIFECYCLE.cast_signed(),
            Some(callback),
            opaque,
            Some(free_sinks),
        )
    };
    if number >= 0 {
        return Ok(Registration(number));
    }
    let error = Error::last_error();
    #[expect(unsafe_code, reason = "see above")]
    // SAFETY: after a failed registration libvirt has not kept `opaque` and never calls `free_sinks`; it is freed here, once.
    unsafe {
        free_sinks(opaque);
    }
    Err(error)
}

fn deregister(connection: &Connect, registration: &Registration) {
    #[expect(unsafe_code, reason = "the virt crate has no wrapper for domain events")]
    // SAFETY: the number came from this connection, which is still open on our side, and is not used again.
    let answer = unsafe { sys::virConnectDomainEventDeregisterAny(connection.as_ptr(), registration.0) };
    if answer < 0 {
        tracing::debug!(error = Error::last_error().message(), "deregister events");
    }
}

/// Called by libvirt's event loop for each lifecycle event.
#[expect(unsafe_code, reason = "a C callback")]
unsafe extern "C" fn on_lifecycle(
    _connection: sys::virConnectPtr,
    domain: sys::virDomainPtr,
    event: c_int,
    _detail: c_int,
    opaque: *mut c_void,
) -> c_int {
    // SAFETY: `opaque` is the `Weak<Sinks>` of `register`, alive until `free_sinks`; `domain` is valid during the call, and its
    // name is a C string that belongs to it.
    let (sinks, name) = unsafe {
        let name = sys::virDomainGetName(domain);
        let name = if name.is_null() { String::new() } else { CStr::from_ptr(name).to_string_lossy().into_owned() };
        (&*opaque.cast::<Weak<Sinks>>(), name)
    };
    // No panic may pass into C.
    let sent = catch_unwind(AssertUnwindSafe(|| {
        if let Some(sinks) = sinks.upgrade() {
            sinks.send(&DomainEvent { domain: name, event: event_name(event) });
        }
    }));
    if sent.is_err() {
        tracing::error!("a receiver of libvirt's events panicked");
    }
    0
}

/// Called by libvirt once a callback is gone.
#[expect(unsafe_code, reason = "a C callback")]
unsafe extern "C" fn free_sinks(opaque: *mut c_void) {
    // SAFETY: `opaque` came from `Box::into_raw` of this very type, and libvirt calls this once.
    drop(unsafe { Box::from_raw(opaque.cast::<Weak<Sinks>>()) });
}

fn event_name(event: c_int) -> &'static str {
    const NAMES: [(sys::virDomainEventType, &str); 9] = [
        (sys::VIR_DOMAIN_EVENT_DEFINED, "defined"),
        (sys::VIR_DOMAIN_EVENT_UNDEFINED, "undefined"),
        (sys::VIR_DOMAIN_EVENT_STARTED, "started"),
        (sys::VIR_DOMAIN_EVENT_SUSPENDED, "suspended"),
        (sys::VIR_DOMAIN_EVENT_RESUMED, "resumed"),
        (sys::VIR_DOMAIN_EVENT_STOPPED, "stopped"),
        (sys::VIR_DOMAIN_EVENT_SHUTDOWN, "shutdown"),
        (sys::VIR_DOMAIN_EVENT_PMSUSPENDED, "pmsuspended"),
        (sys::VIR_DOMAIN_EVENT_CRASHED, "crashed"),
    ];
    NAMES.into_iter().find(|(number, _)| c_int::try_from(*number) == Ok(event)).map_or("unknown", |(_, name)| name)
}
