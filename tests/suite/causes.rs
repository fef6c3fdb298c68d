//! Every cause of a failure is explained to people.

use rekindle::observed::Cause;

#[test]
fn every_cause_has_a_row_in_the_manual() {
    let manual = include_str!("../../docs/failures.md");
    let missing: Vec<&str> =
        Cause::ALL.iter().map(|cause| cause.as_str()).filter(|name| !manual.contains(&format!("| `{name}` |"))).collect();
    assert!(missing.is_empty(), "docs/failures.md does not explain {missing:?}");
}
