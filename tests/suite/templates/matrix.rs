//! Every combination is rendered, and accepted by the real `ksvalidator`.

use std::path::Path;
use std::process::Command;

use rekindle::spec::{Filesystem, Firmware, Layout};
use rekindle_tests::specs::{DiskCase, NetworkCase, SpecCase};

use super::render;

/// Releases that the shipped templates are for.
const RELEASES: [&str; 6] = ["rhel8", "rhel9", "rhel10", "f42", "f43", "f44"];

fn cases() -> impl Iterator<Item = (String, SpecCase)> {
    RELEASES.into_iter().flat_map(|release| {
        [(Firmware::Bios, "bios"), (Firmware::Uefi, "uefi")].into_iter().flat_map(move |(firmware, firmware_name)| {
            [(Layout::Plain, "plain"), (Layout::Lvm, "lvm")].into_iter().flat_map(move |(layout, layout_name)| {
                NetworkCase::ALL.into_iter().flat_map(move |network| {
                    DiskCase::ALL.into_iter().flat_map(move |disks| {
                        [(false, "bare"), (true, "rich")].into_iter().map(move |(rich, rich_name)| {
                            let filesystem = if rich { Filesystem::Xfs } else { Filesystem::Ext4 };
                            let case =
                                SpecCase { release, firmware, layout, filesystem, network, disks, rich, template: "server" };
                            let name = format!("{release}--{firmware_name}-{layout_name}-{network:?}-{disks:?}-{rich_name}.ks");
                            (name, case)
                        })
                    })
                })
            })
        })
    })
}

/// Runs a program to its end and gives its standard output.
#[track_caller]
fn output(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn ksvalidator_accepts_every_combination() {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("kickstart");
    let directory = tempfile::tempdir().expect("temporary directory");
    let mut rendered = 0;
    for (name, case) in cases() {
        std::fs::write(directory.path().join(name), render(&case).text).expect("write");
        rendered += 1;
    }
    let python = output(&mut Command::new(scripts.join("venv.sh")));
    let report = output(Command::new(python.trim()).arg(scripts.join("validate.py")).arg(directory.path()));
    let (refused, count) = report.trim_end().rsplit_once('\n').unwrap_or(("", report.trim_end()));
    let first: Vec<&str> = refused.lines().take(10).collect();
    assert!(refused.is_empty(), "{} problems, first:\n{}", refused.lines().count(), first.join("\n"));
    assert_eq!(count, format!("{rendered} files"));
}
