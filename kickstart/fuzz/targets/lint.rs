//! Linting, mending and upgrading end, with findings that have a place; a safe change breaks nothing.
#![no_main]

use kickstart::{Applicability, Firmware, LintOptions, Release, check, fix, lint, report, upgrade};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &str)| {
    let (number, text) = input;
    let release = Release::ALL[usize::from(number) % Release::ALL.len()];
    let options = LintOptions {
        firmware: Some(if number & 1 == 0 { Firmware::Uefi } else { Firmware::Bios }),
        disk_mib: Some(20_480),
        disks: vec!["vda".to_owned()],
        ..LintOptions::default()
    };
    let found = lint(text, release, &options);
    for diagnostic in found.diagnostics() {
        assert!(text.get(diagnostic.span.start..diagnostic.span.end).is_some(), "{diagnostic:?}");
        assert!(diagnostic.line >= 1 && diagnostic.column >= 1, "{diagnostic:?}");
    }
    report::text::render("x.ks", text, found.diagnostics());
    let fixed = fix(text, release, &options, Applicability::Safe);
    assert!(found.is_ok() <= check(&fixed.text, release).is_ok(), "a safe change breaks it: {:?}", fixed.text);
    fix(text, release, &options, Applicability::Unsafe);
    let to = Release::ALL[usize::from(number / 16) % Release::ALL.len()];
    upgrade(text, release, to);
});
