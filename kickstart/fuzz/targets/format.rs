//! Formatting twice changes nothing more, and changes neither verdict nor meaning.
#![no_main]

use kickstart::{Release, check, format};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &str)| {
    let (number, text) = input;
    let release = Release::ALL[usize::from(number) % Release::ALL.len()];
    let once = format(text, release);
    assert_eq!(format(&once, release), once, "formatting twice changes it twice");
    let mut codes = [text, &once].map(|text| check(text, release).errors().map(|found| found.code).collect::<Vec<_>>());
    codes.iter_mut().for_each(|codes| codes.sort_unstable());
    assert_eq!(codes[0], codes[1], "formatting changes the verdict: {once:?}");
});
