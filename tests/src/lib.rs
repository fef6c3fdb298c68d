//! Harness shared by the test suite.

pub mod contract;
pub mod fleet;
pub mod lab;
pub mod sandbox;
pub mod simhost;
pub mod site;
pub mod specs;
pub mod watch;
