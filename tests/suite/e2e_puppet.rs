//! Mode `server` with a real puppetserver and its CA, in a sandbox of its own.
//!
//! puppetserver takes half a minute of the whole machine to start, so everything that needs it is one test, part after part, the
//! guest last.

mod client;

use rekindle_tests::puppetserver::{PuppetServer, Setup};
use rekindle_tests::sandbox;

#[test]
fn a_real_puppet_ca_serves_agents_that_rebuild() {
    sandbox::within(|| {
        let server = PuppetServer::start(&Setup::default());
        println!("puppetserver answers after {:.1} s", server.started_in.as_secs_f32());
        client::the_ca_keeps_the_contract(&server);
        client::answers_of_the_ca_are_named(&server);
    });
}
