//! Many clients while much is published: none of them sees anything but a whole repository.
//!
//! In a sandbox, because there each client can have an address of its own, as guests have.

use std::sync::atomic::{AtomicUsize, Ordering};

use rekindle::execute::repo::{Asked, add, promote};
use rekindle::plan::repo::{PromotionRequest, Selection};
use rekindle::spec::{PromotionPolicy, Timestamp};
use rekindle::world::repo::Repository;
use rekindle_tests::rpms::{DnfRepo, RpmLab};
use rekindle_tests::sandbox;
use rekindle_tests::served::Served;

const CLIENTS: usize = 50;
/// As many real dnf at one time as still end in time on two cores.
const AT_ONCE: usize = 5;
const PROMOTIONS: usize = 200;

#[test]
fn fifty_dnf_clients_install_while_two_hundred_promotions_run_and_none_fails() {
    sandbox::within(|| {
        let lab = RpmLab::new();
        let mut packages = lab.build_many("app", "1", PROMOTIONS, 100);
        packages.push(lab.build("tool", "1", "one"));
        lab.sign(&packages, &lab.signer);
        let policy = lab.policy(&["dev", "testing"]);
        let stages = policy.stages.clone();
        let root = lab.dir.join("repository");
        let own = Repository::open(&root, &policy, &lab.gnupg()).expect("the repository");
        let now = |second: u64| Timestamp(1_795_000_000_000 + second * 1000);
        let asked = |second| Asked { by: "test".to_owned(), login: "test".to_owned(), note: String::new(), now: now(second) };
        let open = PromotionPolicy::default();
        add(&own, &open, &stages[0], &packages, &asked(0)).expect("they enter");
        let move_on = |name: String, second| {
            let selection = Selection::Named(vec![name]);
            let request = PromotionRequest { selection, from: stages[0].clone(), to: stages[1].clone(), approved_by: None };
            promote(&own, &open, &request, &asked(second)).unwrap_or_else(|fault| panic!("{fault}"))
        };
        move_on("tool".to_owned(), 1);
        // Without a source of its own for the whole range, a client's address is the one that it connects to.
        lab.must("ip", &["route", "replace", "local", "127.0.0.0/8", "dev", "lo", "table", "local", "scope", "host"]);
        let served = Served::start_on([0, 0, 0, 0], &[("site", &Repository::served_directory(&root, &stages[1]))]);
        let (next, done, during) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        let failures = std::sync::Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                scope.spawn(|| {
                    loop {
                        let client = next.fetch_add(1, Ordering::SeqCst);
                        if client >= CLIENTS {
                            return;
                        }
                        let url = format!("http://127.0.1.{}:{}/repo/dev/site", client + 1, served.address.port());
                        let dnf = lab.dnf(&format!("client{client}"), &DnfRepo::at(&url, &lab.signer.public));
                        let ran = dnf.run(&["install", "tool"]);
                        if !ran.ok() || !dnf.root.join("usr/share/tool/text").exists() {
                            failures.lock().expect("the failures").push(format!("client {client}: {}", ran.text));
                        }
                        done.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
            for number in 0..PROMOTIONS {
                let promoted = move_on(format!("app-{number}"), number as u64 + 2);
                assert_eq!(promoted.moved.len(), 1, "app-{number}");
                if done.load(Ordering::SeqCst) < CLIENTS {
                    during.fetch_add(1, Ordering::SeqCst);
                }
            }
        });
        let failures = failures.into_inner().expect("the failures");
        println!("{CLIENTS} clients, {} of {PROMOTIONS} promotions while they ran", during.load(Ordering::SeqCst));
        assert_eq!(failures, Vec::<String>::new());
    });
}
