//! Mode `server` with a real puppetserver and its CA, in a sandbox of its own.
//!
//! puppetserver takes half a minute of the whole machine to start, so everything that needs it is one test, part after part, the
//! guest last.

mod client;
mod faults;
mod guest;
mod load;

use std::io::Write as _;
use std::time::Instant;

use rekindle_tests::lab::{self, Lab};
use rekindle_tests::puppetlab::{REPORTS, setup};
use rekindle_tests::puppetserver::PuppetServer;
use rekindle_tests::sandbox;
use rekindle_tests::say::say;
use rekindle_tests::stages::Stages;

#[test]
fn a_real_puppet_ca_serves_agents_that_rebuild() {
    sandbox::within(|| {
        let lab = Lab::new(&["puppet1"]);
        let stages = Stages::new(&lab, &[("dev", "[policy]\nauto_promote = true\n"), ("testing", "")]);
        stages.have_everywhere("1.0");
        let rekindle = format!("{} --config {}/agent.toml", lab::binary(), lab.path);
        let settings = format!("\n[puppet_reports]\nlisten = \"{REPORTS}\"\n");
        let mut file = std::fs::File::options().append(true).open(lab.path.join("agent.toml")).expect("agent.toml");
        file.write_all(settings.as_bytes()).expect("agent.toml");
        let mut server = part("a puppetserver starts", || PuppetServer::start(&setup(&lab.path, &rekindle)));
        part("the CA keeps the contract that the simulator's keeps", || client::the_ca_keeps_the_contract(&server));
        part("what the CA answers when it does not do as asked", || client::answers_of_the_ca_are_named(&server));
        part("load: a hundred VMs rebuilt at once", || load::a_hundred_rebuilt_at_once_get_new_certificates(&server));
        part("why not `PUT /clean`", || load::what_cleaning_together_loses(&server));
        part("faults: rebuilds wait and finish", || faults::rebuilds_wait_for_a_ca_that_fails_and_finish(&mut server));
        part("a guest enrols, and does it again when it is rebuilt", || {
            guest::a_guest_enrols_and_does_it_again_when_it_is_rebuilt(&lab, &server, &stages);
        });
    });
}

/// A part of it, with a title and how long it took.
fn part<T>(title: &str, run: impl FnOnce() -> T) -> T {
    say(format_args!("\n== {title}"));
    let begin = Instant::now();
    let result = run();
    say(format_args!("   ({:.0} s)", begin.elapsed().as_secs_f32()));
    result
}
