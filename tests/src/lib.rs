//! Harness shared by the test suite.

pub mod ca_contract;
pub mod contract;
pub mod csr;
pub mod fleet;
pub mod lab;
pub mod puppetdoor;
pub mod puppetlab;
pub mod puppetserver;
pub mod repo_change;
pub mod rpms;
pub mod sandbox;
pub mod say;
pub mod served;
pub mod simhost;
pub mod site;
pub mod specs;
pub mod stages;
pub mod tls_lab;
pub mod watch;
