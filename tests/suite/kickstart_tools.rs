//! `rekindle ks` as a program: what it needs of a machine, and what it does with files that are no kickstarts.

use std::process::Command;

use rekindle_tests::lab;

/// The table of commands and options is data that a script prints from pykickstart.
#[test]
fn the_grammar_is_what_its_script_prints() {
    let tests = env!("CARGO_MANIFEST_DIR");
    let kickstart = format!("{tests}/../kickstart");
    let venv = Command::new(format!("{tests}/kickstart/venv.sh")).output().expect("venv.sh");
    assert!(venv.status.success(), "{}", String::from_utf8_lossy(&venv.stderr));
    let output = Command::new(String::from_utf8_lossy(&venv.stdout).trim())
        .arg(format!("{kickstart}/resources/grammar/introspect.py"))
        .args(["--check", &format!("{kickstart}/src/grammar/table.rs")])
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .expect("Python");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

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
