//! A running domain's interface addresses.
//!
//! Not by the `virt` crate: its wrapper of this call gives a part of the answer's memory never back, and health checks ask all the
//! time. Beside `events` and `load`, the one place with `unsafe`.

use std::ffi::CStr;
use std::net::IpAddr;
use std::ptr;

use virt::domain::Domain;
use virt::error::Error;
use virt_sys as sys;

/// Every address that `source` knows, on whatever interface.
pub(super) fn addresses(domain: &Domain, source: sys::virDomainInterfaceAddressesSource) -> Result<Vec<IpAddr>, Error> {
    let mut interfaces: *mut sys::virDomainInterfacePtr = ptr::null_mut();
    #[expect(unsafe_code, reason = "the virt crate's wrapper leaks")]
    // SAFETY: the domain outlives the call, and `interfaces` is a valid place for the pointer to the answer.
    let count = unsafe { sys::virDomainInterfaceAddresses(domain.as_ptr(), &raw mut interfaces, source, 0) };
    let Ok(count) = usize::try_from(count) else { return Err(Error::last_error()) };
    let mut found = Vec::new();
    for n in 0..count {
        #[expect(unsafe_code, reason = "see above")]
        // SAFETY: after success libvirt's array holds `count` interfaces, each with `naddrs` addresses whose text is a C string.
        // All of it is ours and is freed once: an interface with what it points to by libvirt's own function,
        // and the array below.
        unsafe {
            let interface = *interfaces.add(n);
            for address in 0..(*interface).naddrs as usize {
                let text = CStr::from_ptr((*(*interface).addrs.add(address)).addr);
                found.extend(text.to_str().ok().and_then(|text| text.parse::<IpAddr>().ok()));
            }
            sys::virDomainInterfaceFree(interface);
        }
    }
    #[expect(unsafe_code, reason = "see above")]
    // SAFETY: the array is from libvirt's allocator, which is that of the C library, and is not used again; null is fine.
    unsafe {
        nix::libc::free(interfaces.cast());
    }
    Ok(found)
}
