//! libvirt's error codes → [`HypervisorError`].

use virt::error::{Error, ErrorDomain, ErrorNumber};

use super::super::hypervisor::HypervisorError;

/// What libvirt says where the disk or the memory has run out; it has no code for either.
const NO_SPACE: [&str; 4] =
    ["No space left on device", "Disk quota exceeded", "Cannot allocate memory", "cannot set up guest memory"];

/// What libvirt says while a volume is being made; it has no code for that.
const BUSY: &str = "has asynchronous jobs running";

/// The error for `action` on `name`, a `what` (`domain`, `volume`). `alive`: the connection still is after the failure.
pub(super) fn translate(
    uri: &str,
    alive: bool,
    what: &'static str,
    action: &'static str,
    name: &str,
    cause: &Error,
) -> HypervisorError {
    let reason = cause.message().to_owned();
    let lost = is_any(cause, &[ErrorNumber::Rpc, ErrorNumber::NoConnect, ErrorNumber::InvalidConn])
        || cause.domain().is(ErrorDomain::Rpc);
    if !alive || lost {
        HypervisorError::Unreachable { uri: uri.to_owned(), reason }
    } else if is_any(cause, &[ErrorNumber::NoMemory]) || NO_SPACE.iter().any(|words| reason.contains(words)) {
        HypervisorError::NoSpace { what, name: name.to_owned(), reason }
    } else if is_any(cause, &[ErrorNumber::OperationTimeout, ErrorNumber::ResourceBusy]) || reason.contains(BUSY) {
        HypervisorError::Busy { action, name: name.to_owned(), reason }
    } else {
        HypervisorError::Refused { action, name: name.to_owned(), reason }
    }
}

/// Whether `error` has one of these codes.
pub(super) fn is_any(error: &Error, codes: &[ErrorNumber]) -> bool {
    codes.iter().any(|code| error.code().is(*code))
}

/// `Ok(None)` for an answer of "there is no such thing".
pub(super) fn found<T>(answer: Result<T, Error>) -> Result<Option<T>, Error> {
    const ABSENT: [ErrorNumber; 5] = [
        ErrorNumber::NoDomain,
        ErrorNumber::NoNetwork,
        ErrorNumber::NoStoragePool,
        ErrorNumber::NoStorageVolume,
        ErrorNumber::NoDomainMetadata,
    ];
    match answer {
        Ok(thing) => Ok(Some(thing)),
        Err(error) if is_any(&error, &ABSENT) => Ok(None),
        Err(error) => Err(error),
    }
}
