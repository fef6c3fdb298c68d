//! Domains: define, start, stop, undefine. Every call first makes sure that the domain is ours.

use uuid::Uuid;
use virt::domain::{Domain, DomainState as State};
use virt::error::ErrorNumber;
use virt_sys as sys;

use super::super::hypervisor::{Change, HypervisorError, Result};
use super::connection::Session;
use super::error::{found, is_any};
use super::xml::read_direct_boot;
use crate::spec::{DomainSpec, Owner, Stop, VmName};
use crate::xml::{NAMESPACE, parse_owner_answer};

/// What goes with a definition: saved memory, snapshot and checkpoint records, NVRAM.
const UNDEFINE_ALL: sys::virDomainUndefineFlagsValues = sys::VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
    | sys::VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
    | sys::VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA
    | sys::VIR_DOMAIN_UNDEFINE_NVRAM;

/// See `Hypervisor::define_domain`.
pub(super) fn define(session: &Session, domain: &DomainSpec, xml: &str) -> Result<Change> {
    let name = domain.name.as_str();
    if let Some((existing, owner)) = ours(session, &domain.name, domain.uuid)? {
        if owner.site != domain.owner.site {
            return Err(conflict(name, format!("it belongs to site `{}`", owner.site)));
        }
        if owner == domain.owner {
            let flags = sys::VIR_DOMAIN_XML_INACTIVE | sys::VIR_DOMAIN_XML_SECURE;
            let current = session.check("domain", "read domain", name, existing.xml_desc(flags))?;
            if read_direct_boot(&current) == read_direct_boot(xml) {
                return Ok(Change::Unchanged);
            }
        }
    }
    session.check("domain", "define domain", name, session.connect.define_domain_xml(xml))?;
    Ok(Change::Changed)
}

/// See `Hypervisor::start_domain`.
pub(super) fn start(session: &Session, vm: &VmName, uuid: Uuid) -> Result<Change> {
    let name = vm.as_str();
    let Some((domain, _)) = ours(session, vm, uuid)? else { return Err(absent("start domain", name)) };
    let result = match state(session, &domain, name)? {
        State::Running | State::Blocked | State::NoState => return Ok(Change::Unchanged),
        State::Paused => session.check("domain", "resume domain", name, domain.resume()).map(drop),
        State::PMSuspended => session.check("domain", "wake domain", name, domain.pm_wakeup(0)).map(drop),
        State::Shutdown | State::Crashed => {
            // Still there but on its way out; it has to be gone before it can start.
            session.check("domain", "stop domain", name, domain.destroy())?;
            session.check("domain", "start domain", name, domain.create()).map(drop)
        }
        State::Shutoff => session.check("domain", "start domain", name, domain.create()).map(drop),
    };
    match result {
        Ok(()) => Ok(Change::Changed),
        // Somebody else was at it, such as an agent killed in the middle of its own start, whose call goes on without it: a
        // domain that is being started looks paused. What counts is that it runs.
        Err(_) if matches!(state(session, &domain, name), Ok(State::Running | State::Blocked)) => Ok(Change::Unchanged),
        Err(error) => Err(error),
    }
}

/// See `Hypervisor::stop_domain`.
pub(super) fn stop(session: &Session, vm: &VmName, uuid: Uuid, how: Stop) -> Result<Change> {
    let name = vm.as_str();
    let Some((domain, _)) = ours(session, vm, uuid)? else { return Ok(Change::Unchanged) };
    if state(session, &domain, name)? == State::Shutoff {
        return Ok(Change::Unchanged);
    }
    let answer = match how {
        Stop::Ask => domain.shutdown(),
        Stop::Now => domain.destroy(),
    };
    match answer {
        Ok(()) => Ok(Change::Changed),
        // It went off between the two calls.
        Err(error) if is_any(&error, &[ErrorNumber::OperationInvalid, ErrorNumber::NoDomain]) => {
            if found(domain.info()).is_ok_and(|info| info.is_none_or(|info| info.state.is(State::Shutoff))) {
                Ok(Change::Unchanged)
            } else {
                session.check("domain", "stop domain", name, Err(error))
            }
        }
        Err(error) => session.check("domain", "stop domain", name, Err(error)),
    }
}

/// See `Hypervisor::undefine_domain`.
pub(super) fn undefine(session: &Session, vm: &VmName, uuid: Uuid) -> Result<Change> {
    let name = vm.as_str();
    let Some((domain, _)) = ours(session, vm, uuid)? else { return Ok(Change::Unchanged) };
    // libvirt would make a running domain transient instead, and it would vanish when it goes off.
    if state(session, &domain, name)? != State::Shutoff {
        return Err(HypervisorError::Refused {
            action: "undefine domain",
            name: name.to_owned(),
            reason: "it is not off; stop it first".to_owned(),
        });
    }
    match domain.undefine_flags(UNDEFINE_ALL) {
        Err(error) if is_any(&error, &[ErrorNumber::NoDomain]) => return Ok(Change::Unchanged),
        // Drivers that know no NVRAM know no flag for it either.
        Err(error) if is_any(&error, &[ErrorNumber::InvalidArg, ErrorNumber::ArgumentUnsupported]) => {
            session.check("domain", "undefine domain", name, domain.undefine())?;
        }
        answer => session.check("domain", "undefine domain", name, answer)?,
    }
    Ok(Change::Changed)
}

/// The domain `vm` and our mark on it; none where there is no domain of that name and UUID. Anything else under either is a
/// conflict: somebody else's domain, or ours for another VM.
pub(super) fn ours(session: &Session, vm: &VmName, uuid: Uuid) -> Result<Option<(Domain, Owner)>> {
    let name = vm.as_str();
    let by_name = found(session.connect.lookup_domain_by_name(name));
    let Some(domain) = session.check("domain", "look up domain", name, by_name)? else {
        let by_uuid = found(session.connect.lookup_domain_by_uuid(uuid));
        return match session.check("domain", "look up domain", name, by_uuid)? {
            None => Ok(None),
            Some(other) => {
                let other = other.name().unwrap_or_default();
                Err(conflict(name, format!("domain `{other}` has its UUID {uuid}; rename or undefine that one")))
            }
        };
    };
    let actual = session.check("domain", "look up domain", name, domain.uuid())?;
    if actual != uuid {
        return Err(conflict(name, format!("its UUID is {actual}, ours would be {uuid}; rename or undefine it")));
    }
    match owner(session, &domain, name)? {
        Some(owner) if owner.vm == *vm => Ok(Some((domain, owner))),
        Some(owner) => Err(conflict(name, format!("its owner metadata names VM `{}`", owner.vm))),
        None => Err(conflict(name, "it does not carry our owner metadata".to_owned())),
    }
}

/// Our mark on the definition (not on the running instance, where the two differ); none: not ours, or gone.
pub(super) fn owner(session: &Session, domain: &Domain, name: &str) -> Result<Option<Owner>> {
    let element =
        match domain.metadata(sys::VIR_DOMAIN_METADATA_ELEMENT.cast_signed(), Some(NAMESPACE), sys::VIR_DOMAIN_AFFECT_CONFIG) {
            // A transient domain has no definition, and none of ours is transient.
            Err(error) if is_any(&error, &[ErrorNumber::OperationInvalid, ErrorNumber::InvalidArg]) => None,
            answer => session.check("domain", "read domain", name, found(answer))?,
        };
    Ok(element.as_deref().and_then(parse_owner_answer))
}

fn state(session: &Session, domain: &Domain, name: &str) -> Result<State> {
    let info = session.check("domain", "look at domain", name, domain.info())?;
    Ok(info.state.unwrap_or(State::NoState))
}

fn absent(action: &'static str, name: &str) -> HypervisorError {
    HypervisorError::Refused { action, name: name.to_owned(), reason: "there is no such domain".to_owned() }
}

fn conflict(name: &str, reason: String) -> HypervisorError {
    HypervisorError::Conflict { what: "domain", name: name.to_owned(), reason }
}
