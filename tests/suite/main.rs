//! The one test binary. A module a subject; tests that boot guests live in modules named `e2e…` or `sandbox…`, which
//! `.config/nextest.toml` runs one at a time.

mod causes;
mod certificates;
mod convergence;
mod dnf;
mod e2e;
mod e2e_puppet;
mod e2e_repo;
mod faults;
mod generate;
mod in_place;
mod kickstart_tools;
mod layering;
mod libvirt_sandbox;
mod libvirt_test_driver;
mod mirror;
mod puppet;
mod repo;
mod sandbox_harness;
mod sandbox_repo;
mod serve;
mod sim_ca;
mod sim_contract;
mod sim_guest;
mod sim_puppetdb;
mod site;
mod templates;
mod transcripts;
mod wheel;
