//! A package's way from its upload to where it is: `plan::journey`, as a table.

use std::collections::BTreeMap;
use std::time::Duration;

use rekindle::observed::{Action, Arrival, PackageCheck, Publication, StagePackage};
use rekindle::plan::journey::{BY, journey};
use rekindle::spec::{Digest, StageName, Timestamp};
use rekindle_tests::site::name;

fn digest(letter: char) -> Digest {
    letter.to_string().repeat(64).parse().expect("a digest")
}

/// A publication that took half a second and brought `came`.
fn publication(stage: &str, at: u64, by: &str, action: Action, came: &[char]) -> Publication {
    Publication {
        stage: name(stage),
        generation: 1,
        at: Timestamp(at),
        by: by.to_owned(),
        login: by.to_owned(),
        action,
        approved_by: None,
        note: String::new(),
        added: came.iter().map(|letter| StagePackage { digest: digest(*letter), since: Timestamp(at) }).collect(),
        removed: vec![],
        took: Duration::from_millis(500),
    }
}

fn check(stage: &str, check: &str, at: u64, failure: Option<&str>) -> PackageCheck {
    PackageCheck {
        digest: digest('a'),
        stage: name(stage),
        role: name("web"),
        check: name(check),
        vm: name("web1"),
        failure: failure.map(str::to_owned),
        at: Timestamp(at),
        runs: None,
    }
}

/// The way of package `a`: `TIME STAGE WHAT OURS`, times in milliseconds.
#[track_caller]
fn check_journey(publications: Vec<Publication>, checks: &[PackageCheck], expected: &[&str]) {
    let mut histories: BTreeMap<StageName, Vec<Publication>> = BTreeMap::new();
    for publication in publications {
        histories.entry(publication.stage.clone()).or_default().push(publication);
    }
    let said: Vec<String> = journey(&digest('a'), &histories, checks)
        .into_iter()
        .map(|step| format!("{} {} {} {}", step.at.0, step.stage, step.what, step.ours.as_millis()))
        .collect();
    assert_eq!(said, expected);
}

#[test]
fn the_way_of_a_package_has_its_publications_and_checks_in_their_order_with_our_share() {
    let from = |stage: &str| Action::Promote { from: name(stage) };
    check_journey(
        vec![
            publication("dev", 1000, "ci", Action::Add, &['a', 'b']),
            publication("dev", 3000, "ci", Action::Add, &['c']),
            publication("testing", 21_000, BY, from("dev"), &['a']),
            publication("rc", 40_000, "alice", from("testing"), &['a']),
        ],
        &[
            check("dev", "http", 10_000, Some("refused")),
            check("dev", "http", 11_000, Some("refused")),
            check("dev", "http", 18_000, None),
            check("dev", "smoke", 20_000, None),
            check("dev", "smoke", 20_500, None),
            check("testing", "http", 30_000, None),
        ],
        &[
            "1500 dev uploaded by ci 500",
            // The same failure twice is one; what passes for the first time is told, and what passes again is not.
            "10000 dev check http on web1 (role web) failed: refused 0",
            "18000 dev check http on web1 (role web) passed 0",
            "20000 dev check smoke on web1 (role web) passed 0",
            // We decided half a second after the last check of the stage before, and published for half a second.
            "21500 testing promoted from dev by rekindle 1000",
            "30000 testing check http on web1 (role web) passed 0",
            // Where a person promotes, the time before is theirs.
            "40500 rc promoted from testing by alice 500",
        ],
    );
}

#[test]
fn the_way_says_when_a_vm_was_installed_with_it_or_updated_to_it() {
    let on = |vm: &str, stage: &str, at: u64, runs: Option<(u64, Arrival)>| PackageCheck {
        vm: name(vm),
        runs: runs.map(|(since, arrival)| (Timestamp(since), arrival)),
        ..check(stage, "http", at, None)
    };
    check_journey(
        vec![
            publication("dev", 1000, "ci", Action::Add, &['a']),
            publication("testing", 21_000, BY, Action::Promote { from: name("dev") }, &['a']),
        ],
        &[
            on("web1", "dev", 20_000, Some((5000, Arrival::Updated))),
            // Rebuilt since; the first time is told. One that had it before it entered was not on the way; old records do not say.
            on("web1", "dev", 90_000, Some((80_000, Arrival::Installed))),
            on("web2", "dev", 20_500, Some((900, Arrival::Installed))),
            on("web3", "testing", 29_000, None),
            on("web4", "testing", 30_000, Some((25_000, Arrival::Installed))),
        ],
        &[
            "1500 dev uploaded by ci 500",
            "5000 dev web1 was updated to it in place 0",
            "20000 dev check http on web1 (role web) passed 0",
            "20500 dev check http on web2 (role web) passed 0",
            "21500 testing promoted from dev by rekindle 1000",
            "25000 testing web4 was installed with it 0",
            "29000 testing check http on web3 (role web) passed 0",
            "30000 testing check http on web4 (role web) passed 0",
        ],
    );
}

#[test]
fn a_check_after_a_promotion_did_not_decide_it_and_without_checks_nothing_was_waited_for() {
    let from = |stage: &str| Action::Promote { from: name(stage) };
    check_journey(
        vec![publication("testing", 5000, BY, from("dev"), &['a'])],
        &[check("dev", "http", 9000, None)],
        &["5500 testing promoted from dev by rekindle 500", "9000 dev check http on web1 (role web) passed 0"],
    );
    check_journey(
        vec![publication("testing", 5000, "bob", Action::Rollback { to: 3 }, &['a'])],
        &[],
        &["5500 testing rollback by bob 500"],
    );
    check_journey(vec![publication("dev", 5000, "ci", Action::Add, &['b'])], &[], &[]);
}
