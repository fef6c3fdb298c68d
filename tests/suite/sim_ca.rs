//! The simulator's CA under the contract of the trait; puppetserver is under it in `e2e_puppet`.

use rekindle::world::sim::{GuestCa as _, SimCa, Submitted};
use rekindle_tests::ca_contract::{Answer, Ground, ca_contract};
use rekindle_tests::puppetserver::spec_at;

#[test]
fn the_simulators_ca_keeps_the_contract() {
    let ca = SimCa::default();
    let keys = std::cell::RefCell::new(0);
    let submit = |name: &str| {
        if name.starts_with("pending") {
            ca.leave_request(name);
            return Answer::Taken;
        }
        let key = keys.replace_with(|last| *last + 1).to_string();
        if matches!(ca.submit(name, &key), Submitted::Signed(_)) { Answer::Taken } else { Answer::NameInUse }
    };
    ca_contract(&Ground { ca: &ca, server: &spec_at([127, 0, 0, 1].into(), 1), submit: &submit });
    assert!(ca.certificates().is_empty(), "the contract leaves {:?} behind", ca.certificates());
}
