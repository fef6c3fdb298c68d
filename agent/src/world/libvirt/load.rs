//! libvirt's libraries, loaded when the first connection is opened and not when the program starts.
//!
//! libvirt brings some fifty libraries with it, which take longer to load than most commands take to run, and a machine that only
//! checks kickstarts or asks an agent has none of them. So this file defines the functions of libvirt that the program calls, each
//! a jump through a table, and fills the table from the libraries. The linker then has no need of the libraries. Called by
//! `connection` before anything of libvirt; whoever comes by another way ends the process with a message. A function that is
//! missing below is no error: the program is linked with libvirt again, and a test says so
//! (`the_program_starts_without_libvirt`).
#![expect(unsafe_code, reason = "jumps into C and the dynamic loader")]

use std::ffi::{CStr, c_void};
use std::sync::atomic::{AtomicPtr, Ordering};

/// Where the functions are.
const LIBRARIES: [&CStr; 2] = [c"libvirt.so.0", c"libvirt-qemu.so.0"];

macro_rules! functions {
    ($($name:ident)*) => {
        /// The names, in the order of the table.
        const NAMES: [&str; functions!(@count $($name)*)] = [$(stringify!($name)),*];

        functions!(@jumps 0; $($name)*);
    };
    (@count $($name:ident)*) => { [$(stringify!($name)),*].len() };
    (@jumps $at:expr; ) => {};
    (@jumps $at:expr; $name:ident $($rest:ident)*) => {
        #[cfg(target_arch = "x86_64")]
        std::arch::global_asm!(
            ".text",
            ".p2align 2",
            concat!(".globl ", stringify!($name)),
            concat!(".type ", stringify!($name), ",@function"),
            concat!(stringify!($name), ":"),
            "jmp qword ptr [rip + {table} + {offset}]",
            table = sym TABLE,
            offset = const ($at) * size_of::<usize>(),
        );
        #[cfg(target_arch = "aarch64")]
        std::arch::global_asm!(
            ".text",
            ".p2align 2",
            concat!(".globl ", stringify!($name)),
            concat!(".type ", stringify!($name), ",%function"),
            concat!(stringify!($name), ":"),
            "adrp x16, {table} + {offset}",
            "add x16, x16, :lo12:{table} + {offset}",
            "ldr x16, [x16]",
            "br x16",
            table = sym TABLE,
            offset = const ($at) * size_of::<usize>(),
        );
        functions!(@jumps $at + 1; $($rest)*);
    };
}

functions! {
    virConnectClose
    virConnectDomainEventDeregisterAny
    virConnectDomainEventRegisterAny
    virConnectIsAlive
    virConnectListAllDomains
    virConnectListAllNetworks
    virConnectListAllStoragePools
    virConnectOpen
    virConnectSetKeepAlive
    virDomainCreate
    virDomainCreateXML
    virDomainDefineXML
    virDomainDestroy
    virDomainFree
    virDomainGetInfo
    virDomainGetMetadata
    virDomainGetName
    virDomainGetState
    virDomainGetUUID
    virDomainGetXMLDesc
    virDomainInterfaceAddresses
    virDomainInterfaceFree
    virDomainIsActive
    virDomainLookupByName
    virDomainLookupByUUID
    virDomainPMWakeup
    virDomainQemuAgentCommand
    virDomainResume
    virDomainShutdown
    virDomainUndefine
    virDomainUndefineFlags
    virEventRegisterDefaultImpl
    virEventRunDefaultImpl
    virGetLastError
    virNetworkCreate
    virNetworkDefineXML
    virNetworkDestroy
    virNetworkFree
    virNetworkGetAutostart
    virNetworkGetBridgeName
    virNetworkGetName
    virNetworkGetXMLDesc
    virNetworkIsActive
    virNetworkLookupByName
    virNetworkSetAutostart
    virNetworkUpdate
    virNodeGetInfo
    virSetErrorFunc
    virStoragePoolBuild
    virStoragePoolCreate
    virStoragePoolDefineXML
    virStoragePoolFree
    virStoragePoolGetAutostart
    virStoragePoolGetInfo
    virStoragePoolGetName
    virStoragePoolGetXMLDesc
    virStoragePoolIsActive
    virStoragePoolListAllVolumes
    virStoragePoolLookupByName
    virStoragePoolRefresh
    virStoragePoolSetAutostart
    virStorageVolCreateXML
    virStorageVolDelete
    virStorageVolFree
    virStorageVolGetInfo
    virStorageVolGetKey
    virStorageVolGetName
    virStorageVolGetPath
    virStorageVolLookupByName
}

/// Where each jump goes.
static TABLE: [AtomicPtr<c_void>; NAMES.len()] = [const { AtomicPtr::new(not_loaded as *mut c_void) }; NAMES.len()];

/// Where every jump goes before [`load`].
extern "C" fn not_loaded() {
    tracing::error!("libvirt was called before it was loaded");
    std::process::abort();
}

// One of the jumps above.
unsafe extern "C" {
    fn virConnectOpen();
}

/// Loads the libraries and fills the table; again, it does nothing new. Our own driver needs no such call before it; who uses the
/// `virt` crate beside it does.
///
/// # Errors
/// What the loader says where libvirt is not installed or lacks a function.
pub fn load() -> Result<(), String> {
    // Without a use of one of them the linker would leave them out and take libvirt's own.
    std::hint::black_box(virConnectOpen as *const c_void);
    let mut opened = Vec::new();
    for library in LIBRARIES {
        opened.push(open(library)?);
    }
    for (name, entry) in NAMES.iter().zip(&TABLE) {
        let name = format!("{name}\0");
        let found = opened.iter().map(|library| find(*library, &name)).find(|found| !found.is_null());
        let Some(found) = found else {
            return Err(format!("this libvirt is too old: it has no `{}`", name.trim_end_matches('\0')));
        };
        entry.store(found, Ordering::Release);
    }
    Ok(())
}

fn open(library: &CStr) -> Result<*mut c_void, String> {
    // SAFETY: the name ends with NUL; libvirt's initialisers may run at any time. It is never closed.
    let handle = unsafe { libc::dlopen(library.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
    if !handle.is_null() {
        return Ok(handle);
    }
    // SAFETY: the text belongs to the loader and is copied before the next call to it.
    let reason = unsafe {
        let text = libc::dlerror();
        if text.is_null() { library.to_string_lossy().into_owned() } else { CStr::from_ptr(text).to_string_lossy().into_owned() }
    };
    Err(format!("libvirt's library cannot be loaded ({reason}); is libvirt installed?"))
}

/// The function's address; null where the library has none of that name.
fn find(library: *mut c_void, name: &str) -> *mut c_void {
    // SAFETY: the handle is one of `open`, the name ends with NUL.
    unsafe { libc::dlsym(library, name.as_ptr().cast()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_is_found_in_the_library() {
        load().unwrap();
        load().unwrap();
        assert!(NAMES.is_sorted() && TABLE.iter().all(|entry| entry.load(Ordering::Acquire) != not_loaded as *mut c_void));
    }
}
