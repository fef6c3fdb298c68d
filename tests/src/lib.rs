//! Harness shared by the test suite.

pub mod sandbox;
