//! A puppetserver for the demo: `puppet-lab DIRECTORY REKINDLE` starts it for the demo's site in `DIRECTORY/site`, turns that site to
//! mode `server`, prints where its `puppet.conf` is, and ends it when standard input ends.

use std::io::Read as _;

use camino::Utf8Path;
use rekindle_tests::puppetlab::{enrol, setup};
use rekindle_tests::puppetserver::PuppetServer;
use rekindle_tests::say::say;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [directory, rekindle] = arguments.as_slice() else {
        say("puppet-lab DIRECTORY REKINDLE");
        std::process::exit(2);
    };
    let directory = Utf8Path::new(directory);
    let server = PuppetServer::start(&setup(directory, rekindle));
    enrol(directory, &server);
    say(format_args!("puppet.conf={}/puppet/puppet.conf", server.path));
    let mut nobody = Vec::new();
    // Until nobody is there to say anything.
    drop(std::io::stdin().read_to_end(&mut nobody));
}
