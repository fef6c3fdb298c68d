//! Every combination of template, release, firmware, layout, network and disks is rendered, and accepted by the real
//! `ksvalidator`; its scripts can be read by the shells that will run them.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use rekindle::spec::{Filesystem, Firmware, Layout};
use rekindle_tests::specs::{DiskCase, NetworkCase, SpecCase};

use super::{render, render_hypervisor, scripts_of};

/// Both firmwares, layouts and amounts of everything else, for one release.
fn variants(release: &'static str) -> impl Iterator<Item = (String, SpecCase)> {
    let firmwares = [(Firmware::Bios, "bios"), (Firmware::Uefi, "uefi")];
    let layouts = [(Layout::Plain, "plain"), (Layout::Lvm, "lvm")];
    firmwares.into_iter().flat_map(move |(firmware, firmware_name)| {
        layouts.into_iter().flat_map(move |(layout, layout_name)| {
            [(false, "bare"), (true, "rich")].into_iter().map(move |(rich, rich_name)| {
                let filesystem = if rich { Filesystem::Xfs } else { Filesystem::Ext4 };
                let puppet_server = rich && firmware == Firmware::Uefi;
                let case = SpecCase { release, firmware, layout, filesystem, rich, puppet_server, ..SpecCase::default() };
                (format!("{release}--{firmware_name}-{layout_name}-{rich_name}"), case)
            })
        })
    })
}

/// The kickstarts of all VMs and hypervisors of one release, by file name.
fn kickstarts(release: &'static str) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for (name, case) in variants(release) {
        all.push((format!("{name}-hypervisor.ks"), render_hypervisor(&case).text));
        for network in NetworkCase::ALL {
            for disks in DiskCase::ALL {
                let case = SpecCase { network, disks, ..case.clone() };
                all.push((format!("{name}-{network:?}-{disks:?}.ks"), render(&case).text));
            }
        }
    }
    all
}

/// Runs a program to its end and gives its standard output.
#[track_caller]
fn output(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[track_caller]
fn check(release: &'static str) {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("kickstart");
    let directory = tempfile::tempdir().expect("temporary directory");
    let kickstarts = kickstarts(release);
    for (name, text) in &kickstarts {
        std::fs::write(directory.path().join(name), text).expect("write");
    }
    let python = output(&mut Command::new(tools.join("venv.sh")));
    let report = output(Command::new(python.trim()).arg(tools.join("validate.py")).arg(directory.path()));
    let (refused, count) = report.trim_end().rsplit_once('\n').unwrap_or(("", report.trim_end()));
    let first: Vec<&str> = refused.lines().take(10).collect();
    assert!(refused.is_empty(), "{} problems, first:\n{}", refused.lines().count(), first.join("\n"));
    assert_eq!(count, format!("{} files", 2 * 2 * 2 * (6 * 4 + 1)));
    check_shell(&kickstarts, directory.path());
}

/// Both shells that an installer or an installed system may have can read every script.
#[track_caller]
fn check_shell(kickstarts: &[(String, String)], directory: &Path) {
    let distinct: BTreeSet<String> = kickstarts.iter().flat_map(|(_, text)| scripts_of(text)).map(|(_, script)| script).collect();
    assert!(distinct.len() > 10, "{} scripts", distinct.len());
    let files = distinct.iter().enumerate().map(|(number, script)| {
        let path = directory.join(format!("{number}.sh"));
        std::fs::write(&path, script).expect("write");
        path
    });
    let files: Vec<_> = files.collect();
    for shell in ["dash", "bash"] {
        let read_all = "for script; do \"$0\" -n \"$script\" || exit 1; done";
        output(Command::new(shell).args(["-c", read_all, shell]).args(&files));
    }
}

#[test]
fn ksvalidator_accepts_every_rhel8_kickstart() {
    check("rhel8");
}

#[test]
fn ksvalidator_accepts_every_rhel9_kickstart() {
    check("rhel9");
}

#[test]
fn ksvalidator_accepts_every_rhel10_kickstart() {
    check("rhel10");
}

#[test]
fn ksvalidator_accepts_every_f42_kickstart() {
    check("f42");
}

#[test]
fn ksvalidator_accepts_every_f43_kickstart() {
    check("f43");
}

#[test]
fn ksvalidator_accepts_every_f44_kickstart() {
    check("f44");
}
