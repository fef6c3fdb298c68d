//! Whether guests of a domain type really execute: a guest is run for a second and has to end by its own doing.
//!
//! The guest has no disk. Its firmware finds nothing to boot, resets after no wait (`rebootTimeout`), and a reset ends the
//! domain (`on_reboot`): all of it the work of the guest's CPU. A host whose `/dev/kvm` opens and hangs never gets there.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use virt::domain::Domain;
use virt::error::ErrorNumber;
use virt_sys as sys;

use super::super::hypervisor::{HypervisorError, Result};
use super::connection::Session;
use super::error::is_any;
use crate::spec::DomainType;

/// Between two looks at the guest.
const POLL: Duration = Duration::from_millis(50);

/// See `Hypervisor::probe`. False also where libvirt will not start such a guest at all.
pub(super) fn probe(session: &Session, domain_type: DomainType, deadline: Duration) -> Result<bool> {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    let name = format!("rekindle-probe-{}-{}", std::process::id(), RUNS.fetch_add(1, Ordering::Relaxed));
    let began = Instant::now();
    // Should this process die, libvirt removes the guest.
    let created = session.connect.create_domain_xml(&probe_xml(&name, domain_type), sys::VIR_DOMAIN_START_AUTODESTROY);
    let guest = match session.check("domain", "start domain", &name, created) {
        Ok(guest) => guest,
        Err(HypervisorError::Refused { reason, .. }) => {
            tracing::info!(domain_type = domain_type.as_str(), reason, "the probe guest does not start");
            return Ok(false);
        }
        Err(error) => return Err(error),
    };
    let ended = wait_for_end(session, &guest, &name, began + deadline);
    if !matches!(ended, Ok(true)) {
        // Gone by itself in the meantime is fine too.
        if let Err(error) = guest.destroy() {
            tracing::debug!(domain = name, error = error.message(), "remove the probe guest");
        }
    }
    let ended = ended?;
    tracing::info!(domain_type = domain_type.as_str(), works = ended, took_ms = began.elapsed().as_millis(), "probe guest");
    Ok(ended)
}

/// Whether the transient `guest` is gone before `deadline`.
fn wait_for_end(session: &Session, guest: &Domain, name: &str, deadline: Instant) -> Result<bool> {
    loop {
        match guest.is_active() {
            Ok(true) => {}
            Ok(false) => return Ok(true),
            Err(error) if is_any(&error, &[ErrorNumber::NoDomain]) => return Ok(true),
            Err(error) => return session.check("domain", "look at domain", name, Err(error)),
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(false);
        }
        thread::sleep(POLL.min(left));
    }
}

fn probe_xml(name: &str, domain_type: DomainType) -> String {
    format!(
        "<domain type=\"{}\"><name>{name}</name><title>Rekindle's probe: ends by itself</title>\
         <memory unit=\"MiB\">32</memory><vcpu>1</vcpu>\
         <os><type arch=\"x86_64\" machine=\"q35\">hvm</type><boot dev=\"hd\"/><bios rebootTimeout=\"0\"/></os>\
         <features><acpi/></features>\
         <on_poweroff>destroy</on_poweroff><on_reboot>destroy</on_reboot><on_crash>destroy</on_crash>\
         <devices><controller type=\"usb\" model=\"none\"/><memballoon model=\"none\"/></devices></domain>",
        domain_type.as_str()
    )
}
