//! Parsing never panics, whatever the bytes; what it reports has a place in the text.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let text = match kickstart::decode(bytes) {
        Ok(text) => text,
        Err(found) => {
            assert!(found.line >= 1 && found.column >= 1);
            return;
        }
    };
    let (document, diagnostics) = kickstart::parse(text);
    for found in &diagnostics {
        assert!(text.get(found.span.start..found.span.end).is_some(), "{found:?}");
        assert!(found.line >= 1 && found.column >= 1, "{found:?}");
    }
    for (_, words) in document.commands() {
        for word in words {
            assert!(text.get(word.span.start..word.span.end).is_some(), "{word:?}");
        }
    }
});
