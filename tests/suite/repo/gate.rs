//! What checks of VMs say about packages, and what moves on because of them: `plan::gate`, as tables.

use std::collections::BTreeMap;

use rekindle::observed::{
    Arrival, CheckResult, GuestEvent, GuestEventKind, HypervisorState, InstalledPackage, InstallerLog, Observed,
    ObservedRepository, ObservedVm, PackageCheck, Phase, PoolPackage, StageContent, StagePackage, VmRecord,
};
use rekindle::plan::gate::{Results, awaited, due, is_news, results};
use rekindle::plan::repo::Selection;
use rekindle::spec::{Digest, Nevra, Spec, StageSpec, Timestamp, Token};
use rekindle_tests::rpms::RpmLab;
use rekindle_tests::site::{name, site, tcp_check, vm};

const STAGES: [&str; 4] = ["dev", "testing", "rc", "stable"];

/// A digest that is as readable as one can be.
pub(super) fn digest(number: u8) -> Digest {
    format!("{number:02x}").repeat(32).parse().expect("a digest")
}

/// `NAME VERSION` of the pool; its header digest is `header-NUMBER`.
pub(super) fn package(number: u8, package_name: &str, version: &str) -> PoolPackage {
    PoolPackage {
        digest: digest(number),
        nevra: Nevra::new(package_name, 0, version, "1", "noarch").expect("a package"),
        size: 1,
        header: format!("header-{number}"),
        source: digest(number),
        signer: "k".to_owned(),
        summary: String::new(),
        built: 0,
        entered: Timestamp(0),
        by: "ci".to_owned(),
        parts: [0; 3],
        parts_at: (String::new(), 0),
    }
}

/// A repository in which each stage holds these packages of the pool, by number.
pub(super) fn repository(pool: &[PoolPackage], stages: &[(&str, &[u8])]) -> ObservedRepository {
    let content = |numbers: &[u8]| StageContent {
        generation: 1,
        packages: numbers.iter().map(|number| StagePackage { digest: digest(*number), since: Timestamp(0) }).collect(),
    };
    ObservedRepository {
        pool: pool.iter().map(|package| (package.digest.clone(), package.clone())).collect(),
        known: BTreeMap::new(),
        stages: stages.iter().map(|(stage, numbers)| (name(stage), content(numbers))).collect(),
    }
}

/// Four stages of which the first two push by themselves; `stable` has an approver. These VMs, each in its stage.
fn spec(vms: &[(&str, &str)]) -> Spec {
    let mut spec = site(vms.iter().map(|(vm_name, stage)| {
        let mut made = vm(vm_name);
        made.stage = name(stage);
        made.checks = vec![tcp_check("http", 80), tcp_check("smoke", 81)];
        made
    }));
    let sample = spec.stages.values().next().expect("a stage").clone();
    for stage in STAGES {
        let mut made = StageSpec { name: name(stage), ..sample.clone() };
        made.policy.auto_promote = stage != "stable";
        if stage == "stable" {
            made.promotion.approvers = vec!["alice".to_owned()];
        }
        spec.stages.insert(made.name.clone(), made);
    }
    spec.site.repository = Some(RpmLab::stages(&STAGES));
    spec
}

/// A report of packages with these header digests.
fn told(at: u64, headers: &[&str]) -> GuestEvent {
    let installed = |header: &&str| InstalledPackage {
        name: "shop-web".to_owned(),
        evr: "1-1".to_owned(),
        arch: "noarch".to_owned(),
        sha256_header: Some((*header).to_owned()),
    };
    let kind = GuestEventKind::Packages(headers.iter().map(installed).collect());
    GuestEvent { at: Timestamp(at), attempt: 1, kind }
}

/// A VM that has reported packages with these header digests at 100, and whose checks ended like this.
fn seen(vm_name: &str, phase: Phase, headers: &[&str], checks: &[(&str, u64, Option<&str>)]) -> ObservedVm {
    ObservedVm {
        record: VmRecord {
            vm: name(vm_name),
            attempt: 1,
            tries: 1,
            token: Token::new([1; 16]),
            began: Timestamp(0),
            phase,
            since: Timestamp(0),
            spec_digest: String::new(),
            site_revision: String::new(),
            failure: None,
            rebuild: None,
            ready_at: None,
            certnames: vec![],
        },
        events: vec![told(100, headers)],
        installer_log: InstallerLog::default(),
        console_tail: vec![],
        checks: checks
            .iter()
            .map(|(check, at, failure)| CheckResult {
                name: (*check).to_owned(),
                at: Timestamp(*at),
                failure: failure.map(str::to_owned),
                took: std::time::Duration::ZERO,
            })
            .collect(),
        certificates: vec![],
        puppet: None,
        puppetdb: None,
        kickstart_ready: true,
    }
}

fn observed(vms: Vec<ObservedVm>) -> Observed {
    Observed {
        hypervisor: HypervisorState::Unreachable { reason: "nobody asks".to_owned() },
        boot_files: BTreeMap::new(),
        vms: vms.into_iter().map(|vm| (vm.record.vm.clone(), vm)).collect(),
        errors: BTreeMap::new(),
    }
}

/// What a VM says about the packages of its stage, as `PACKAGE CHECK [FAILURE]`.
#[track_caller]
fn check_results(vm: ObservedVm, expected: &[&str]) {
    let pool = [package(1, "shop-web", "1"), package(2, "shop-web", "2"), package(3, "lib", "1")];
    let holds = repository(&pool, &[("dev", &[1, 2, 3]), ("testing", &[1])]);
    let found = results(&spec(&[("web1", "dev")]), &observed(vec![vm]), &holds);
    let said: Vec<String> = found
        .iter()
        .map(|result| {
            let nevra = &holds.pool[&result.digest].nevra;
            let failure = result.failure.as_ref().map(|why| format!(" {why}")).unwrap_or_default();
            format!("{}-{} {}{failure}", nevra.name(), nevra.version(), result.check)
        })
        .collect();
    assert_eq!(said, expected);
}

#[test]
fn a_check_counts_for_the_bytes_that_its_vm_has_reported_before_it_ran() {
    let whole = [("http", 101, None), ("smoke", 102, None)];
    check_results(seen("web1", Phase::Ready, &["header-2"], &whole), &["shop-web-2 http", "shop-web-2 smoke"]);
    check_results(
        seen("web1", Phase::Verifying, &["header-2", "header-3"], &[("http", 101, Some("refused"))]),
        &["shop-web-2 http refused", "lib-1 http refused"],
    );
    // What it said before it told its packages may be about the system before.
    check_results(seen("web1", Phase::Ready, &["header-2"], &[("http", 99, None)]), &[]);
    // Bytes that the repository does not know, and a system that does not serve yet.
    check_results(seen("web1", Phase::Ready, &["header-9"], &whole), &[]);
    check_results(seen("web1", Phase::Installing, &["header-2"], &whole), &[]);
    // A VM that the site no longer has.
    check_results(seen("gone", Phase::Ready, &["header-2"], &whole), &[]);
}

#[test]
fn a_vm_that_is_updated_in_place_says_nothing_of_the_new_bytes_until_checks_have_begun_after_it() {
    // It had 1 and the library, and got 2 at 200; then 1 again at 300.
    let updated = |until: u64, checks: &[(&str, u64, Option<&str>)]| {
        let mut vm = seen("web1", Phase::Ready, &["header-1", "header-3"], checks);
        let later = [told(200, &["header-2", "header-3"]), told(300, &["header-1", "header-3"])];
        vm.events.extend(later.into_iter().filter(|event| event.at.0 <= until));
        vm
    };
    check_results(updated(100, &[("http", 150, None)]), &["shop-web-1 http", "lib-1 http"]);
    // What has been found before says nothing of the new bytes, and still holds for those that stayed.
    check_results(updated(200, &[("http", 150, None)]), &["lib-1 http"]);
    check_results(updated(200, &[("http", 200, None)]), &["shop-web-2 http", "lib-1 http"]);
    check_results(updated(200, &[("http", 250, Some("refused"))]), &["shop-web-2 http refused", "lib-1 http refused"]);
    check_results(updated(300, &[("http", 250, None)]), &["lib-1 http"]);
    check_results(updated(300, &[("http", 350, None)]), &["shop-web-1 http", "lib-1 http"]);
    // One that began before the update and ended after it was about both.
    let mut during = updated(200, &[("http", 250, None)]);
    during.checks[0].took = std::time::Duration::from_millis(51);
    check_results(during.clone(), &["lib-1 http"]);
    during.checks[0].took = std::time::Duration::from_millis(50);
    check_results(during, &["shop-web-2 http", "lib-1 http"]);
}

#[test]
fn a_result_says_since_when_its_vm_had_the_bytes_and_how_they_came_there() {
    let pool = [package(1, "shop-web", "1"), package(2, "shop-web", "2"), package(3, "lib", "1")];
    let holds = repository(&pool, &[("dev", &[1, 2, 3])]);
    let mut vm = seen("web1", Phase::Ready, &["header-1", "header-3"], &[("http", 900, None)]);
    vm.events.push(told(200, &["header-2", "header-3"]));
    vm.events.push(told(300, &["header-2", "header-3", "header-9"]));
    let found = results(&spec(&[("web1", "dev")]), &observed(vec![vm]), &holds);
    let said: Vec<_> = found.iter().map(|result| (holds.pool[&result.digest].nevra.name(), result.runs)).collect();
    let (updated, installed) = ((Timestamp(200), Arrival::Updated), (Timestamp(100), Arrival::Installed));
    assert_eq!(said, [("shop-web", Some(updated)), ("lib", Some(installed))]);
}

pub(super) fn result(number: u8, stage: &str, vm_name: &str, check: &str, at: u64, failure: Option<&str>) -> PackageCheck {
    PackageCheck {
        digest: digest(number),
        stage: name(stage),
        role: name("web"),
        check: name(check),
        vm: name(vm_name),
        failure: failure.map(str::to_owned),
        at: Timestamp(at),
        runs: None,
    }
}

#[test]
fn news_is_the_first_result_of_a_vm_and_each_change_of_it() {
    let before = [result(1, "dev", "web1", "http", 10, None), result(1, "dev", "web2", "http", 20, Some("down"))];
    for (result, news) in [
        (result(1, "dev", "web1", "http", 30, None), false),
        (result(1, "dev", "web1", "http", 30, Some("down")), true),
        (result(1, "dev", "web2", "http", 30, Some("another reason")), false),
        (result(1, "dev", "web2", "http", 30, None), true),
        (result(1, "dev", "web2", "http", 20, None), false),
        (result(1, "dev", "web2", "smoke", 5, None), true),
        (result(1, "testing", "web1", "http", 5, None), true),
    ] {
        assert_eq!(is_news(&before, &result), news, "{result:?}");
    }
}

/// What is due, as `FROM→TO PACKAGE…`.
#[track_caller]
fn check_due(spec: &Spec, holds: &ObservedRepository, results: &[PackageCheck], expected: &[&str]) {
    let mut known = Results::new();
    for result in results {
        known.entry(result.digest.clone()).or_default().push(result.clone());
    }
    let said: Vec<String> = due(spec, holds, &known)
        .into_iter()
        .map(|request| {
            let Selection::Exact(packages) = request.selection else { panic!("not by name and digest") };
            assert!(packages.iter().all(|(_, digest)| digest.is_some()) && request.approved_by.is_none());
            let names: Vec<&str> = packages.iter().map(|(name, _)| name.trim_end_matches("-1.noarch")).collect();
            format!("{}→{} {}", request.from, request.to, names.join(" "))
        })
        .collect();
    assert_eq!(said, expected);
}

#[test]
fn a_package_moves_on_when_every_vm_of_the_stage_that_names_it_has_passed_all_its_checks_with_these_bytes() {
    let pool = [package(1, "shop-web", "1"), package(2, "shop-web", "2"), package(3, "lib", "1")];
    let two = spec(&[("web1", "dev"), ("web2", "dev")]);
    let holds = repository(&pool, &[("dev", &[1, 2, 3]), ("testing", &[1]), ("rc", &[]), ("stable", &[])]);
    let passed = |number: u8, vm_name: &str| {
        [result(number, "dev", vm_name, "http", 1, None), result(number, "dev", vm_name, "smoke", 2, None)]
    };
    let all: Vec<PackageCheck> = [passed(2, "web1"), passed(2, "web2")].concat();
    check_due(&two, &holds, &all, &["dev→testing shop-web-2"]);
    check_due(&two, &holds, &[], &[]);
    // One VM, one check or the last word of one is missing.
    check_due(&two, &holds, &passed(2, "web1"), &[]);
    check_due(&two, &holds, &all[..3], &[]);
    check_due(&two, &holds, &[all.clone(), vec![result(2, "dev", "web2", "smoke", 9, Some("down"))]].concat(), &[]);
    let again = [result(2, "dev", "web2", "smoke", 9, Some("down")), result(2, "dev", "web2", "smoke", 10, None)];
    check_due(&two, &holds, &[all.clone(), again.to_vec()].concat(), &["dev→testing shop-web-2"]);
    // Results of the older version, of another stage, and of a package that no role names.
    check_due(&two, &holds, &[passed(1, "web1"), passed(1, "web2")].concat(), &[]);
    let elsewhere: Vec<PackageCheck> = all.iter().map(|r| PackageCheck { stage: name("testing"), ..r.clone() }).collect();
    check_due(&two, &holds, &elsewhere, &[]);
    check_due(&two, &holds, &[passed(3, "web1"), passed(3, "web2")].concat(), &[]);
    // A VM of another stage has nothing to say, and one without checks has passed nothing.
    let far = spec(&[("web1", "dev"), ("web2", "stable")]);
    check_due(&far, &holds, &passed(2, "web1"), &["dev→testing shop-web-2"]);
    let mut unchecked = spec(&[("web1", "dev")]);
    unchecked.vms.values_mut().for_each(|vm| vm.checks.clear());
    check_due(&unchecked, &holds, &passed(2, "web1"), &[]);
    // It is there already, or something newer is.
    for there in [&[2][..], &[1, 2][..]] {
        let holds = repository(&pool, &[("dev", &[1, 2]), ("testing", there)]);
        check_due(&two, &holds, &all, &[]);
    }
    let newer = repository(&pool, &[("dev", &[1]), ("testing", &[2])]);
    check_due(&two, &newer, &[passed(1, "web1"), passed(1, "web2")].concat(), &[]);
}

#[test]
fn stages_push_only_where_they_are_told_to_and_never_where_somebody_has_to_approve() {
    let pool = [package(1, "shop-web", "1")];
    let stages = |with: &str| -> Vec<(&str, &[u8])> {
        STAGES.iter().map(|stage| (*stage, if *stage == with { &[1_u8][..] } else { &[][..] })).collect()
    };
    for (stage, push, expected) in [
        ("dev", true, &["dev→testing shop-web-1"][..]),
        ("testing", true, &["testing→rc shop-web-1"][..]),
        ("testing", false, &[][..]),
        // `stable` has an approver.
        ("rc", true, &[][..]),
        ("stable", true, &[][..]),
    ] {
        let mut spec = spec(&[("web1", stage)]);
        spec.stages.get_mut(stage).expect("a stage").policy.auto_promote = push;
        let results = [result(1, stage, "web1", "http", 1, None), result(1, stage, "web1", "smoke", 1, None)];
        check_due(&spec, &repository(&pool, &stages(stage)), &results, expected);
    }
    let mut without = spec(&[("web1", "dev")]);
    without.site.repository = None;
    let results = [result(1, "dev", "web1", "http", 1, None), result(1, "dev", "web1", "smoke", 1, None)];
    check_due(&without, &repository(&pool, &stages("dev")), &results, &[]);
}

/// Regression: a package that its target asks more of was in one request with others, and held them all back.
#[test]
fn a_package_that_the_next_stage_asks_more_of_holds_back_no_other() {
    let pool = [package(1, "shop-web", "1"), package(2, "shop-db", "1")];
    let mut site = spec(&[("web1", "dev"), ("db1", "dev")]);
    let db1 = site.vms.get_mut("db1").expect("a VM");
    db1.packages = vec![name("shop-db")];
    db1.checks = vec![tcp_check("http", 80)];
    site.stages.get_mut("testing").expect("a stage").promotion.checks = vec![name("smoke")];
    let holds = repository(&pool, &[("dev", &[1, 2]), ("testing", &[]), ("rc", &[]), ("stable", &[])]);
    let web = [result(1, "dev", "web1", "http", 1, None), result(1, "dev", "web1", "smoke", 2, None)];
    let db = [result(2, "dev", "db1", "http", 1, None)];
    check_due(&site, &holds, &[&web[..], &db[..]].concat(), &["dev→testing shop-web-1"]);
    check_awaited(&site, &holds, 2, &db, &["dev: stage `testing` asks for more: check `smoke` has not run for it in `dev`"]);
}

/// What package `number` waits for, as `STAGE: REASON`.
#[track_caller]
fn check_awaited(spec: &Spec, holds: &ObservedRepository, number: u8, results: &[PackageCheck], expected: &[&str]) {
    let own = spec.hypervisors.keys().next().expect("a hypervisor");
    let found = awaited(spec, own, holds, &holds.pool[&digest(number)], results);
    let said: Vec<String> =
        found.iter().flat_map(|(stage, reasons)| reasons.iter().map(move |reason| format!("{stage}: {reason}"))).collect();
    assert_eq!(said, expected);
    let moves = due(spec, holds, &Results::from([(digest(number), results.to_vec())])).into_iter().any(|request| {
        let Selection::Exact(packages) = &request.selection else { panic!("not by name and digest") };
        packages.iter().any(|(_, found)| *found == Some(digest(number)))
    });
    assert_eq!(moves, found.is_some_and(|(_, reasons)| reasons.is_empty()), "it moves exactly when it waits for nothing");
}

#[test]
fn a_package_that_does_not_move_on_says_what_it_waits_for() {
    let pool = [package(1, "shop-web", "1"), package(2, "shop-web", "2"), package(3, "lib", "1")];
    let mut site = spec(&[("web1", "dev"), ("web2", "dev"), ("web3", "dev"), ("web4", "rc")]);
    site.vms.get_mut("web3").expect("a VM").hypervisor = name("far");
    let holds = repository(&pool, &[("dev", &[1, 2, 3]), ("testing", &[1]), ("rc", &[]), ("stable", &[])]);
    let passed = |vm: &str| [result(2, "dev", vm, "http", 1, None), result(2, "dev", vm, "smoke", 2, None)];
    let part = [result(2, "dev", "web1", "http", 1, None), result(2, "dev", "web2", "http", 1, None)];
    let failed = [result(2, "dev", "web2", "smoke", 2, Some("refused"))];
    check_awaited(
        &site,
        &holds,
        2,
        &[&part[..], &failed[..]].concat(),
        &[
            "dev: check `smoke` has not run on VM `web1` with it",
            "dev: check `smoke` fails on VM `web2`: refused",
            "dev: VM `web3` is on hypervisor `far`, whose checks are not heard here: `rekindle repo promote` moves it",
        ],
    );
    check_awaited(&site, &holds, 2, &[passed("web1"), passed("web2"), passed("web3")].concat(), &[]);
    check_awaited(&site, &holds, 3, &[], &["dev: no VM of the stage names it: `rekindle repo promote` moves it"]);
    // Version 1 has gone on; where it is now, nobody uses it.
    check_awaited(&site, &holds, 1, &[], &["testing: no VM of the stage names it: `rekindle repo promote` moves it"]);
    let behind = repository(&pool, &[("dev", &[1]), ("testing", &[2]), ("rc", &[]), ("stable", &[])]);
    check_awaited(&site, &behind, 1, &[], &["dev: only the newest version moves on, and never behind a newer one"]);
    let mut alone = spec(&[("web1", "dev")]);
    check_awaited(&alone, &holds, 2, &[], &["dev: VM `web1` has not been checked with it: it is rebuilt or updated first"]);
    alone.vms.values_mut().for_each(|vm| vm.checks.clear());
    check_awaited(&alone, &holds, 2, &[], &["dev: VM `web1` has no checks: `rekindle repo promote` moves it"]);
    alone.stages.get_mut("dev").expect("a stage").policy.auto_promote = false;
    check_awaited(&alone, &holds, 2, &[], &["dev: its stage has no `auto_promote`: `rekindle repo promote` moves it"]);
    let last = repository(&pool, &[("dev", &[2]), ("testing", &[2]), ("rc", &[2]), ("stable", &[])]);
    let approval = "rc: stage `stable` asks for approval by alice: `rekindle repo promote … --approved-by`";
    check_awaited(&alone, &last, 2, &[], &[approval]);
    let there = repository(&pool, &[("dev", &[2]), ("testing", &[2]), ("rc", &[2]), ("stable", &[2])]);
    check_awaited(&alone, &there, 2, &[], &[]);
}
