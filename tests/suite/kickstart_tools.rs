//! `rekindle ks` as a program: what it needs of a machine, and what it does with files that are no kickstarts.

use std::process::Command;

use rekindle_tests::lab;

/// The loader starts what a program is linked with before its first line runs, and refuses to start it where a library is missing.
#[test]
fn the_program_starts_without_libvirt() {
    let output = Command::new("ldd").arg(lab::binary()).output().expect("ldd");
    let libraries = String::from_utf8_lossy(&output.stdout);
    assert!(libraries.contains("libc.so"), "{libraries}");
    assert!(
        !libraries.contains("libvirt"),
        "the program is linked with libvirt: a function that it calls is missing in agent/src/world/libvirt/load.rs\n\
         (`nm -D --undefined-only {} | grep ' vir'` names it)",
        lab::binary()
    );
}
