//! Reading a report never panics, never takes long, and shows nothing that could act on a terminal; success has its word in the text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rekindle::observed::HandoffStatus;
use rekindle::world::puppet::read_forwarded;

fuzz_target!(|bytes: &[u8]| {
    let Ok((host, report)) = read_forwarded(bytes) else { return };
    let shown = |text: &str| text.chars().count() <= 601 && !text.chars().any(char::is_control);
    assert!(!host.is_empty() || !bytes.is_empty());
    assert!(shown(&host) && report.result.failures.iter().all(|text| shown(text)), "{report:?}");
    assert!(report.result.failures.len() <= 25, "{report:?}");
    assert!(report.environment.as_deref().is_none_or(shown) && report.transaction.as_deref().is_none_or(shown), "{report:?}");
    let text = String::from_utf8_lossy(bytes);
    match report.result.status {
        HandoffStatus::Failed => assert!(!report.result.failures.is_empty(), "a failure without a reason"),
        // Escapes can spell it in other ways; without any, the word itself is there.
        HandoffStatus::Changed | HandoffStatus::Unchanged => assert!(text.contains("changed") || text.contains('\\'), "{text}"),
    }
});
