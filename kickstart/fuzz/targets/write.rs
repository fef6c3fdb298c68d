//! What is parsed is written back byte for byte.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    assert_eq!(kickstart::parse(text).0.write(), text);
});
