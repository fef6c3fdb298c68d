//! Mode `server` with a real puppetserver and its CA, in a sandbox of its own.
//!
//! puppetserver takes half a minute of the whole machine to start, so everything that needs it is one test, part after part, the
//! guest last.

mod client;
mod faults;
mod guest;
mod load;

use std::io::Write as _;

use rekindle_tests::lab::{self, Lab};
use rekindle_tests::puppetlab::{REPORTS, setup};
use rekindle_tests::puppetserver::PuppetServer;
use rekindle_tests::sandbox;
use rekindle_tests::say::say;

#[test]
fn a_real_puppet_ca_serves_agents_that_rebuild() {
    sandbox::within(|| {
        let lab = Lab::new(&["puppet1"]);
        let rekindle = format!("{} --config {}/agent.toml", lab::binary(), lab.path);
        let settings = format!("\n[puppet_reports]\nlisten = \"{REPORTS}\"\n");
        let mut file = std::fs::File::options().append(true).open(lab.path.join("agent.toml")).expect("agent.toml");
        file.write_all(settings.as_bytes()).expect("agent.toml");
        let mut server = PuppetServer::start(&setup(&lab.path, &rekindle));
        say(format_args!("puppetserver answers after {:.1} s", server.started_in.as_secs_f32()));
        client::the_ca_keeps_the_contract(&server);
        client::answers_of_the_ca_are_named(&server);
        load::a_hundred_rebuilt_at_once_get_new_certificates(&server);
        load::what_cleaning_together_loses(&server);
        faults::rebuilds_wait_for_a_ca_that_fails_and_finish(&mut server);
        guest::a_guest_enrols_and_does_it_again_when_it_is_rebuilt(&lab, &server);
    });
}
