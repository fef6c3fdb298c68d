//! Who may move what where: `plan::repo`, as tables. The tests beside this one let real packages through the same decisions.

use std::collections::BTreeMap;

use rekindle::observed::PackageCheck;
use rekindle::plan::repo::{PromotionRequest, Selection, approval, plan_promotion, plan_snapshot};
use rekindle::spec::{ApprovalPolicy, PromotionPolicy, StageName};
use rekindle_tests::rpms::RpmLab;
use rekindle_tests::site::name;

use super::gate::{digest, package, repository, result};

fn policy(approvers: &[&str], approval: ApprovalPolicy) -> PromotionPolicy {
    let approvers = approvers.iter().map(|name| (*name).to_owned()).collect();
    PromotionPolicy { approvers, approval, ..PromotionPolicy::default() }
}

#[test]
fn an_approval_is_a_name_of_the_policy_and_where_it_says_so_the_name_of_the_login() {
    use ApprovalPolicy::{Login, Named};
    let stable: StageName = name("stable");
    for (approvers, kind, approved_by, login, refusal) in [
        (&[][..], Named, None, "bob", None),
        (&["alice", "carol"], Named, None, "alice", Some("it needs an approval")),
        (&["alice", "carol"], Named, Some("carol"), "bob", None),
        (&["alice"], Named, Some("mallory"), "alice", Some("`mallory` may not approve for it: alice may")),
        (&["alice"], Login, Some("alice"), "alice", None),
        (&["alice"], Login, Some("alice"), "mallory", Some("`mallory` asked")),
        (&["alice"], Login, Some("mallory"), "mallory", Some("may not approve")),
        (&["alice"], Login, None, "alice", Some("it needs an approval")),
    ] {
        let answer = approval(&policy(approvers, kind), &stable, approved_by, login).map_err(|refused| refused.reason);
        match (refusal, answer) {
            (None, answer) => assert_eq!(answer, Ok(()), "{approvers:?} {kind:?} {approved_by:?} {login}"),
            (Some(part), answer) => {
                let reason = answer.expect_err("refused");
                assert!(reason.contains(part), "{approvers:?} {kind:?} {approved_by:?} {login}: {reason}");
            }
        }
    }
}

#[test]
fn snapshots_of_an_operating_system_keep_to_the_order_and_the_approvers_of_the_stages() {
    let repository = RpmLab::stages(&["dev", "testing", "stable"]);
    for (ordered, from, to, approved_by, refusal) in [
        (true, Some("dev"), "testing", None, None),
        (true, Some("dev"), "stable", Some("alice"), Some("`testing` comes first")),
        (true, Some("testing"), "dev", None, Some("forward only; `rekindle repo os promote --snapshot")),
        (true, Some("testing"), "stable", None, Some("it needs an approval")),
        (true, Some("testing"), "stable", Some("alice"), None),
        // One that is named is a step back as well as forward.
        (true, None, "stable", Some("alice"), None),
        (true, None, "stable", None, Some("it needs an approval")),
        // Without an order of the site, and for stages that are not in it, only the approvers count.
        (false, Some("dev"), "stable", Some("alice"), None),
        (false, Some("dev"), "stable", None, Some("it needs an approval")),
        (true, Some("lab"), "testing", None, None),
    ] {
        let approvers = if to == "stable" { &["alice"][..] } else { &[] };
        let (from, to): (Option<StageName>, StageName) = (from.map(name), name(to));
        let policy = policy(approvers, ApprovalPolicy::Named);
        let answer = plan_snapshot(ordered.then_some(&repository), &policy, (from.as_ref(), &to), approved_by, "bob")
            .map_err(|r| r.reason);
        let said = answer.err().unwrap_or_default();
        assert_eq!(said.is_empty(), refusal.is_none(), "{from:?} {to}: {said}");
        assert!(said.contains(refusal.unwrap_or_default()), "{from:?} {to}: {said}");
    }
}

/// Whether `shop-web` 2, digest 2, moves from `dev` to `testing`, which asks for `http` and `smoke`.
#[track_caller]
fn check_checks(results: &[PackageCheck], refusal: Option<&str>) {
    let holds = repository(&[package(1, "shop-web", "1"), package(2, "shop-web", "2")], &[("dev", &[1, 2]), ("testing", &[1])]);
    let policy = PromotionPolicy { checks: vec![name("http"), name("smoke")], ..PromotionPolicy::default() };
    let mut checks: BTreeMap<_, Vec<PackageCheck>> = BTreeMap::new();
    for result in results {
        checks.entry(result.digest.clone()).or_default().push(result.clone());
    }
    for (selection, is_named) in [(Selection::Named(vec!["shop-web".to_owned()]), true), (Selection::Passed, false)] {
        let request = PromotionRequest { selection, from: name("dev"), to: name("testing"), approved_by: None };
        let planned = plan_promotion(&RpmLab::stages(&["dev", "testing"]), &policy, &holds, &checks, &request, "bob");
        let (moves, reasons) = match planned {
            Ok(plan) => (plan.moves, plan.stays),
            // What was named and may not move refuses the whole; where nothing was named, it stays.
            Err(refused) if is_named => (vec![], refused),
            Err(refused) => panic!("{refused:?}"),
        };
        match refusal {
            None => assert_eq!(moves, [digest(2)], "{reasons:?}"),
            Some(part) => assert!(moves.is_empty() && reasons[0].reason.contains(part), "{moves:?} {reasons:?}"),
        }
    }
}

#[test]
fn a_promotion_needs_every_required_check_to_have_passed_for_exactly_these_bytes_in_the_stage_before() {
    let passed = |check: &str| result(2, "dev", "web1", check, 1, None);
    check_checks(&[passed("http"), passed("smoke")], None);
    check_checks(&[], Some("check `http` has not run for it in `dev`"));
    check_checks(&[passed("http")], Some("check `smoke` has not run for it in `dev`"));
    check_checks(
        &[passed("http"), result(2, "dev", "web1", "smoke", 1, Some("down"))],
        Some("check `smoke` failed on VM `web1`: down"),
    );
    // The last word of each VM counts: one that came round, and one that fell over.
    check_checks(&[passed("http"), result(2, "dev", "web1", "smoke", 1, Some("down")), passed("smoke")], None);
    let other = result(2, "dev", "web2", "smoke", 2, Some("late"));
    check_checks(&[passed("http"), passed("smoke"), other], Some("failed on VM `web2`: late"));
    // Other bytes, and another stage.
    let old = |check: &str| result(1, "dev", "web1", check, 1, None);
    check_checks(&[old("http"), old("smoke")], Some("has not run"));
    let far = |check: &str| result(2, "testing", "web1", check, 1, None);
    check_checks(&[far("http"), far("smoke")], Some("has not run"));
}

/// What a manifest with these lines (package, digest) moves from `dev`, which holds `shop-web` 1, 2, 3 and `shop-db` 1, to `testing`,
/// which holds `shop-web` 2.
#[track_caller]
fn check_manifest(lines: &[(&str, Option<u8>)], expected: Result<&[u8], &str>) {
    let pool =
        [package(1, "shop-web", "1"), package(2, "shop-web", "2"), package(3, "shop-web", "3"), package(4, "shop-db", "1")];
    let holds = repository(&pool, &[("dev", &[1, 2, 3, 4]), ("testing", &[2])]);
    let lines = lines.iter().map(|(name, number)| ((*name).to_owned(), number.map(digest))).collect();
    let request =
        PromotionRequest { selection: Selection::Exact(lines), from: name("dev"), to: name("testing"), approved_by: None };
    let repository = RpmLab::stages(&["dev", "testing"]);
    let planned = plan_promotion(&repository, &PromotionPolicy::default(), &holds, &BTreeMap::new(), &request, "bob");
    match (planned, expected) {
        (Ok(plan), Ok(numbers)) => {
            let mut moves = plan.moves;
            moves.sort();
            assert_eq!(moves, numbers.iter().map(|number| digest(*number)).collect::<Vec<_>>(), "{:?}", plan.stays);
        }
        (Err(refused), Err(part)) => assert!(refused[0].reason.contains(part), "{refused:?}"),
        (planned, expected) => panic!("{planned:?}, not {expected:?}"),
    }
}

#[test]
fn a_manifest_of_a_stage_moves_what_is_newer_and_leaves_the_old_versions_that_the_stage_still_holds() {
    let all = [
        ("shop-web-1-1.noarch", Some(1)),
        ("shop-web-2-1.noarch", Some(2)),
        ("shop-web-3-1.noarch", Some(3)),
        ("shop-db-1-1.noarch", Some(4)),
    ];
    check_manifest(&all, Ok(&[3, 4]));
    // Nothing newer beside it: whoever wrote that wants a step back.
    check_manifest(&all[..1], Err("2-1, which is newer"));
    check_manifest(&[all[0], all[3]], Err("2-1, which is newer"));
    // What is in it is what is meant, and that all of it is there.
    check_manifest(&[all[1], all[1]], Ok(&[]));
    check_manifest(&[("shop-db-1-1.noarch", None)], Ok(&[4]));
    check_manifest(&[("shop-db-1-1.noarch", Some(3))], Err("it has other bytes than the manifest says"));
    check_manifest(&[("shop-db", None)], Err("names each package in full: `shop-db-1-1.noarch`"));
    check_manifest(&[("shop-api", None)], Err("it is not in `dev`"));
}

#[test]
fn a_pattern_moves_the_newest_of_each_package_that_it_fits() {
    let pool = [package(1, "shop-web", "1"), package(2, "shop-web", "2"), package(3, "shop-db", "1"), package(4, "tool", "1")];
    let holds = repository(&pool, &[("dev", &[1, 2, 3, 4])]);
    let repository = RpmLab::stages(&["dev", "testing"]);
    for (wanted, numbers) in
        [("shop-*", &[2, 3][..]), ("*", &[2, 3, 4]), ("shop-w?b", &[2]), ("*.noarch", &[2, 3, 4]), ("x*", &[])]
    {
        let selection = Selection::Named(vec![wanted.to_owned()]);
        let request = PromotionRequest { selection, from: name("dev"), to: name("testing"), approved_by: None };
        let planned = plan_promotion(&repository, &PromotionPolicy::default(), &holds, &BTreeMap::new(), &request, "bob");
        let mut moves = planned.map(|plan| plan.moves).unwrap_or_default();
        moves.sort();
        assert_eq!(moves, numbers.iter().map(|number| digest(*number)).collect::<Vec<_>>(), "{wanted}");
    }
}
