//! Who may move what where: `plan::repo`, as tables. The tests beside this one let real packages through the same decisions.

use rekindle::plan::repo::{approval, plan_snapshot};
use rekindle::spec::{ApprovalPolicy, PromotionPolicy, StageName};
use rekindle_tests::rpms::RpmLab;
use rekindle_tests::site::name;

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
    let repository = RpmLab::new().policy(&["dev", "testing", "stable"]);
    for (ordered, from, to, approved_by, refusal) in [
        (true, Some("dev"), "testing", None, None),
        (true, Some("dev"), "stable", Some("alice"), Some("`testing` comes first")),
        (true, Some("testing"), "dev", None, Some("forward only")),
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
