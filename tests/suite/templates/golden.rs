//! A few renderings as files, so that a change of a template is seen as a change of kickstarts. `REKINDLE_BLESS=1` writes them anew.

use std::fs;
use std::path::Path;

use rekindle::render::template_variables_markdown;
use rekindle::spec::{Filesystem, Firmware, Layout};
use rekindle_tests::specs::{DiskCase, NetworkCase, SpecCase};

use super::{render, render_hypervisor};

/// Compares with a file of the repository.
#[track_caller]
fn check_file(path: &Path, text: &str) {
    if std::env::var_os("REKINDLE_BLESS").is_some() {
        fs::create_dir_all(path.parent().expect("parent")).expect("directory");
        fs::write(path, text).expect("write");
        return;
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    if let Some(line) = text.lines().zip(expected.lines()).position(|(new, old)| new != old) {
        panic!(
            "{}:{}: is\n  {}\nand would be\n  {}\nIf that is meant: REKINDLE_BLESS=1",
            path.display(),
            line + 1,
            expected.lines().nth(line).unwrap_or_default(),
            text.lines().nth(line).unwrap_or_default()
        );
    }
    assert!(text == expected, "{} has another length. If that is meant: REKINDLE_BLESS=1", path.display());
}

#[track_caller]
fn check(name: &str, text: &str) {
    check_file(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/kickstarts").join(name), text);
}

#[test]
fn a_small_vm() {
    check("rhel9-small.ks", &render(&SpecCase::default()).text);
}

#[test]
fn a_vm_whose_data_outlives_it() {
    check("rhel9-kept.ks", &render(&SpecCase { network: NetworkCase::Dhcp, disks: DiskCase::Kept, ..SpecCase::default() }).text);
}

#[test]
fn a_vm_with_everything() {
    let case = SpecCase {
        release: "rhel10",
        firmware: Firmware::Uefi,
        layout: Layout::Lvm,
        filesystem: Filesystem::Xfs,
        network: NetworkCase::TwoNics,
        disks: DiskCase::Many,
        rich: true,
        ..SpecCase::default()
    };
    check("rhel10-everything.ks", &render(&case).text);
}

#[test]
fn a_vm_for_a_puppet_server() {
    check("rhel9-puppet-server.ks", &render(&SpecCase { rich: true, puppet_server: true, ..SpecCase::default() }).text);
}

#[test]
fn an_old_release() {
    let case =
        SpecCase { release: "rhel8", network: NetworkCase::Dual, disks: DiskCase::Huge, rich: true, ..SpecCase::default() };
    check("rhel8-huge.ks", &render(&case).text);
}

#[test]
fn a_hypervisor() {
    let case =
        SpecCase { release: "f43", firmware: Firmware::Uefi, filesystem: Filesystem::Xfs, rich: true, ..SpecCase::default() };
    check("f43-hypervisor.ks", &render_hypervisor(&case).text);
}

#[test]
fn the_reference_of_variables_is_up_to_date() {
    check_file(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/template-variables.md"), &template_variables_markdown());
}
